internal import BenchModel
public import Foundation

extension ReleaseManifest {
    /// What must hold whatever the images are.
    func check() throws(FirmwareProblem) {
        try expect(formatVersion == Self.formatVersion, "formatVersion", "\(Self.formatVersion)", "\(formatVersion)")
        try expect(Self.isName(release), "release", "1 to 64 letters, digits, '.', '-' and '_'", release)
        let issued = try time(issuedAt, "issuedAt")
        let end = try time(notAfter, "notAfter")
        try expect(end > issued, "notAfter", "a time after issuedAt, \(issuedAt)", notAfter)
        try expect(!variants.isEmpty, "variants", "at least one", "none")
        for (index, variant) in variants.enumerated() {
            try variant.check("variants[\(index)]")
            try expect(
                !variants[..<index].contains { $0.variant == variant.variant }, "variants[\(index)].variant",
                "each variant once", "\(variant.variant) again")
        }
    }

    /// When the release was made.
    public var issued: Date? { SignedTime.date(issuedAt) }

    /// The last moment at which the release may be flashed.
    public var expiry: Date? { SignedTime.date(notAfter) }

    private func time(_ text: String, _ field: String) throws(FirmwareProblem) -> Date {
        guard let date = SignedTime.date(text) else { throw Self.invalid(field, "a time such as 2026-11-20T10:00:00Z", text) }
        return date
    }

    fileprivate static func isName(_ text: String) -> Bool {
        text.utf8.count <= 64 && (try? ReleaseBundle.checked(name: text, at: nil)) != nil
    }

    fileprivate static func invalid(_ field: String, _ expected: String, _ found: String) -> FirmwareProblem {
        FirmwareProblem(.fieldInvalid, at: nil, field: "\(file) \(field)", expected: expected, found: found.isEmpty ? "nothing" : found)
    }
}

private func expect(
    _ holds: Bool, _ field: String, _ expected: @autoclosure () -> String, _ found: @autoclosure () -> String
) throws(FirmwareProblem) {
    guard holds else { throw ReleaseManifest.invalid(field, expected(), found()) }
}

extension ReleaseManifest.VariantRelease {
    fileprivate func check(_ place: String) throws(FirmwareProblem) {
        try expect(isHex(manufacturer, 4), "\(place).manufacturer", "4 upper-case hex digits", manufacturer)
        try expect(isHex(model, 8), "\(place).model", "8 upper-case hex digits", model)
        try expect(
            hardware.minimum <= hardware.maximum, "\(place).hardware", "a minimum that is no higher than the maximum",
            "\(hardware.minimum) to \(hardware.maximum)")
        if let over {
            try expect(!over.isEmpty, "\(place).over", "at least one version, or no such member", "none")
            try expect(
                over == Array(Set(over)).sorted(), "\(place).over", "each version once, in rising order", "\(over.map(\.description))")
            try expect(over.allSatisfy { $0 < version }, "\(place).over", "versions below \(version)", "\(over.map(\.description))")
        }
        try expect(!components.isEmpty, "\(place).components", "at least one", "none")
        for (index, component) in components.enumerated() {
            let place = "\(place).components[\(index)]"
            try component.check(place)
            try expect(
                !components[..<index].contains { $0.name == component.name }, "\(place).name", "each name once", "'\(component.name)' again"
            )
        }
    }

    private func isHex(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count && text.uppercased() == text && text.allSatisfy(\.isHexDigit) && text.utf8.allSatisfy { $0 < 128 }
    }
}

extension ReleaseManifest.Component {
    fileprivate func check(_ place: String) throws(FirmwareProblem) {
        try expect(ReleaseManifest.isName(name), "\(place).name", "1 to 64 letters, digits, '.', '-' and '_'", name)
        _ = try ReleaseBundle.checked(name: file, at: nil)
        try expect(
            file != ReleaseBundle.manifestName && file != ReleaseBundle.signatureName, "\(place).file", "the file of an image", file)
        try expect((1...ReleaseBundle.mostBytes).contains(size), "\(place).size", "1 to \(ReleaseBundle.mostBytes)", "\(size)")
        try expect(
            (manufacturerImageHash != nil) == (format == .gbcsOTA), "\(place).manufacturerImageHash",
            format == .gbcsOTA ? "the hash of the Manufacturer Image" : "none: a bare MCUboot image has no Manufacturer Image",
            manufacturerImageHash.map(\.description) ?? "none")
        try expect(format != .mcuboot || mcubootHash != nil, "\(place).mcubootHash", "the value of the image's hash TLV", "none")
        if let mcubootHash {
            try expect(
                [64, 96, 128].contains(mcubootHash.utf8.count) && Hex.bytes(mcubootHash).map { Hex.lowercase($0) } == mcubootHash,
                "\(place).mcubootHash", "64, 96 or 128 lower-case hex digits", mcubootHash)
        }
        try expect(!signatures.isEmpty, "\(place).signatures", "at least one of gbcs, mcuboot", "none")
        try expect(Set(signatures).count == signatures.count, "\(place).signatures", "each once", "\(signatures.map(\.rawValue))")
        try expect(
            format == .gbcsOTA || !signatures.contains(.gbcs), "\(place).signatures", "mcuboot: a bare MCUboot image has no other",
            "\(signatures.map(\.rawValue))")
        try expect(
            mcubootHash != nil || !signatures.contains(.mcuboot), "\(place).mcubootHash",
            "the value of the hash TLV, as the image is signed",
            "none")
        if let place = self.place { try expect((0...255).contains(place), "place", "0 to 255", "\(place)") }
    }
}
