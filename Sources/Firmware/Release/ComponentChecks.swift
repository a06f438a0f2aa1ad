internal import BenchModel

/// From what a manifest states of a variant and its files to a target, every statement compared with the bytes.
extension ReleaseVerifier {
    /// `nil` where something is wrong; the result has it.
    func target(
        for variant: ReleaseManifest.VariantRelease, _ manifest: ReleaseManifest, _ hash: SHA256Value, _ bundle: ReleaseBundle,
        _ result: inout ReleaseVerification
    ) -> Target? {
        let components = variant.components.compactMap { component in
            try? self.component(component, of: variant, bundle, &result)
        }
        let listed = try? checkProducts(variant, &result)
        guard components.count == variant.components.count else { return nil }
        var target = Target(
            release: manifest.release, manifestHash: hash, variant: variant.variant, version: variant.version, model: variant.model,
            hardware: variant.hardware.minimum...variant.hardware.maximum, over: variant.over, components: components,
            checksOff: products == nil ? [.centralProductsList] : [])
        target.listedHardware = listed ?? nil
        return target
    }

    private func component(
        _ component: ReleaseManifest.Component, of variant: ReleaseManifest.VariantRelease, _ bundle: ReleaseBundle,
        _ result: inout ReleaseVerification
    ) throws(FirmwareProblem) -> TargetComponent {
        let file = try result.check(.fileHash, component.file) { () throws(FirmwareProblem) in
            try Self.file(of: component, in: bundle)
        }
        let image = try result.check(.image, component.file) { () throws(FirmwareProblem) in
            try ComponentImage(file, component, variant)
        }
        var problem: FirmwareProblem?
        for signature in component.signatures {
            do throws(FirmwareProblem) {
                try result.check(.imageSignature, "\(component.file) \(signature.rawValue)") { () throws(FirmwareProblem) in
                    try image.verify(signature, keys: trust.imageKeys)
                }
            } catch { problem = error }
        }
        if let problem { throw problem }
        return TargetComponent(
            name: component.name, hash: image.contentHash, content: ImageSpan(file, image.content),
            bootImage: image.mcuboot.flatMap { inner in
                inner.hash.map { TargetComponent.BootImage(hash: $0, version: inner.version.firmwareVersion) }
            })
    }

    private static func file(
        of component: ReleaseManifest.Component, in bundle: ReleaseBundle
    ) throws(FirmwareProblem) -> any ImageBytes {
        guard let file = bundle[component.file] else { throw missing(component.file, in: bundle) }
        func mismatch(_ field: String, _ expected: String, _ found: String) -> FirmwareProblem {
            FirmwareProblem(
                .mismatch, at: nil, field: "\(component.file) \(field)", expected: "\(expected), as the manifest says", found: found)
        }
        guard file.count == component.size else { throw mismatch("size", "\(component.size)", "\(file.count)") }
        let hash = file.sha256(0..<file.count)
        guard hash == component.sha256 else { throw mismatch("SHA-256", "\(component.sha256)", "\(hash)") }
        return file
    }

    private func checkProducts(
        _ variant: ReleaseManifest.VariantRelease, _ result: inout ReleaseVerification
    ) throws(FirmwareProblem) -> Set<HardwareVersion>? {
        guard let products else { return nil }
        var listed: Set<HardwareVersion>?
        for component in variant.components {
            // A bare MCUboot image is the Manufacturer Image itself.
            let hash = component.manufacturerImageHash ?? component.sha256
            let found = try result.check(.centralProductsList, "\(component.file)") { () throws(FirmwareProblem) in
                try products.check(hash, of: variant)
            }
            listed = listed.map { $0.intersection(found) } ?? found
        }
        return listed
    }
}

/// An image of a component, found to be what the manifest says.
struct ComponentImage {
    /// What is written to the unit.
    let content: Range<Int>
    /// SHA-256 of that.
    let contentHash: SHA256Value
    let mcuboot: MCUbootImage?
    private let file: any ImageBytes
    private let name: String
    private let trailer: [UInt8]?

    init(
        _ file: any ImageBytes, _ component: ReleaseManifest.Component, _ variant: ReleaseManifest.VariantRelease
    ) throws(FirmwareProblem) {
        self.file = file
        name = component.file
        switch component.format {
        case .gbcsOTA:
            let image: OTAImage
            do throws(FirmwareProblem) { image = try OTAImage(file) } catch { throw error.of(component.file) }
            content = image.manufacturerImage
            contentHash = image.manufacturerImageHash
            mcuboot = image.mcuboot
            trailer = image.signature
            try compare("Manufacturer Image Hash", component.manufacturerImageHash.map(\.description), "\(contentHash)")
            try compare("file version", component.version, "\(image.header.fileVersion)")
            try compare("manufacturer code", variant.manufacturer, Hex.digits(image.header.manufacturerCode, width: 4))
            if let minimum = image.header.minimumHardwareVersion, let maximum = image.header.maximumHardwareVersion {
                let isWithin = minimum <= variant.hardware.minimum && variant.hardware.maximum <= maximum
                guard isWithin else {
                    throw FirmwareProblem(
                        .mismatch, at: nil, field: "\(name) hardware versions",
                        expected: "an image for \(variant.hardware.minimum) to \(variant.hardware.maximum), as the manifest says",
                        found: "one for \(minimum) to \(maximum)")
                }
            }
        case .mcuboot:
            let image: MCUbootImage
            do throws(FirmwareProblem) { image = try MCUbootImage(file) } catch { throw error.of(component.file) }
            guard image.range.upperBound == file.count else {
                throw FirmwareProblem(
                    .mismatch, at: image.range.upperBound, field: "\(name) end of the image", expected: "the end of the file",
                    found: "\(file.count - image.range.upperBound) more bytes")
            }
            content = image.range
            contentHash = component.sha256
            mcuboot = image
            trailer = nil
            try compare("version", component.version, "\(image.version)")
        }
        try compare("MCUboot hash", component.mcubootHash, mcuboot?.hash.map { Hex.lowercase($0) })
    }

    private func compare(_ field: String, _ stated: String?, _ found: String?) throws(FirmwareProblem) {
        guard stated == found else {
            throw FirmwareProblem(
                .mismatch, at: nil, field: "\(name) \(field)", expected: "\(stated ?? "none"), as the manifest says", found: found ?? "none"
            )
        }
    }

    /// Checks one of the image's own signatures.
    func verify(_ signature: ReleaseManifest.ImageSignature, keys: [ImageKey]) throws(FirmwareProblem) {
        switch signature {
        case .mcuboot:
            guard let mcuboot else {
                throw FirmwareProblem(
                    .signatureMissing, at: nil, field: "\(name) MCUboot signature", expected: "an MCUboot image", found: "none")
            }
            do throws(FirmwareProblem) { try mcuboot.verify(file, keys: keys) } catch { throw error.of(name) }
        case .gbcs:
            guard let trailer else {
                throw FirmwareProblem(
                    .signatureMissing, at: nil, field: "\(name) trailer", expected: "the 66 bytes with the manufacturer's signature",
                    found: "none")
            }
            let fitting = keys.filter { $0.algorithm == .ecdsaP256 }
            guard fitting.contains(where: { $0.signedRaw(contentHash, trailer) }) else {
                throw FirmwareProblem(
                    fitting.isEmpty ? .keyMissing : .signatureWrong, at: content.upperBound, field: "\(name) trailer",
                    expected:
                        "a signature of one of the known keys: \(fitting.isEmpty ? "none" : fitting.map(\.description).joined(separator: ", "))",
                    found: "one of another key, or of other bytes")
            }
        }
    }
}
