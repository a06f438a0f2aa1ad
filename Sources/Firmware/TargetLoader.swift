public import BenchModel

/// Makes a target from an image file, after everything that the config states about it was found in it.
public enum TargetLoader {
    /// Maps the file once, parses it and compares its Manufacturer Image Hash and header with what `file` states.
    /// - Throws: ``FirmwareProblem`` at the first thing that does not fit.
    public static func load(_ file: TargetFile) throws(FirmwareProblem) -> Target {
        let mapped = try MappedFile(file.path)
        let image = try OTAImage(mapped)
        let header = image.header
        try compare(
            "Manufacturer Image Hash", at: image.manufacturerImage.lowerBound,
            stated: "\(file.manufacturerImageHash)", found: "\(image.manufacturerImageHash)")
        try compare("file version", at: 14, stated: "\(file.version)", found: "\(header.fileVersion)")
        if let code = file.manufacturerCode {
            try compare("manufacturer code", at: 10, stated: hex(code), found: hex(header.manufacturerCode))
        }
        if let type = file.imageType {
            try compare("image type", at: 12, stated: hex(type), found: hex(header.imageType))
        }
        guard image.signature != nil else {
            throw FirmwareProblem(
                .fieldInvalid, at: image.manufacturerImage.upperBound, field: "trailer",
                expected: "the 66 bytes with the signature, as every Communications Hub image has", found: "none")
        }
        let hardware: ClosedRange<HardwareVersion>? =
            if let minimum = header.minimumHardwareVersion, let maximum = header.maximumHardwareVersion {
                minimum...maximum
            } else { nil }
        return Target(
            release: release(named: file.path), variant: file.variant, version: header.fileVersion, hardware: hardware,
            components: [
                TargetComponent(
                    name: file.component, hash: image.manufacturerImageHash,
                    content: ImageSpan(mapped, image.manufacturerImage),
                    bootImage: try bootImage(mapped, at: image.manufacturerImage.lowerBound))
            ],
            checksOff: ["release-signature", "central-products-list"])
    }

    /// `nil` where the Manufacturer Image is no MCUboot image; one that is must be whole.
    private static func bootImage(
        _ file: MappedFile, at offset: Int
    ) throws(FirmwareProblem) -> TargetComponent.BootImage? {
        guard MCUbootImage.begins(file, at: offset) else { return nil }
        let image = try MCUbootImage(file, from: offset)
        return image.hash.map { TargetComponent.BootImage(hash: $0, version: image.version.firmwareVersion) }
    }

    private static func compare(
        _ field: String, at offset: Int, stated: String, found: String
    ) throws(FirmwareProblem) {
        guard stated == found else {
            throw FirmwareProblem(
                .mismatch, at: offset, field: field, expected: "\(stated), as the config states", found: found)
        }
    }

    /// The file's name without folder and ending.
    private static func release(named path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return file }
        return String(file[..<dot])
    }
}

/// The targets of a bench, one for each variant, verified when the daemon started.
public struct ConfiguredTargets: TargetSource {
    private let targets: [Variant: Target]

    public init(_ targets: [Target]) {
        self.targets = Dictionary(targets.map { ($0.variant, $0) }) { first, _ in first }
    }

    public func target(for unit: BenchModel.Unit, variant: Variant) async throws(Refusal) -> Target {
        guard let target = targets[variant] else {
            throw Refusal(.noApprovedRelease, "the config names no target for variant \(variant)")
        }
        return target
    }
}
