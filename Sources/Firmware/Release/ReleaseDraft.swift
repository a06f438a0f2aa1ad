public import BenchModel
internal import Foundation

/// What a releaser says of a release; all that can be read from the images is read from them.
public struct ReleaseDraft: Sendable {
    /// The release's name.
    public var release: String
    /// When it was made, UTC, `2026-11-20T10:00:00Z`.
    public var issuedAt: String
    /// The last moment at which it may be flashed, UTC.
    public var notAfter: String
    /// In the order of the description.
    public var variants: [VariantDraft]

    public init(release: String, issuedAt: String, notAfter: String, variants: [VariantDraft]) {
        self.release = release
        self.issuedAt = issuedAt
        self.notAfter = notAfter
        self.variants = variants
    }

    /// A variant's part.
    public struct VariantDraft: Sendable {
        /// Which Communications Hub it is made for.
        public var variant: Variant
        /// The firmware version that a unit has afterwards.
        public var version: FirmwareVersion
        /// Manufacturer code, 4 hex digits.
        public var manufacturer: String
        /// Model, 8 hex digits.
        public var model: String
        /// Which hardware it is made for.
        public var hardware: ClosedRange<HardwareVersion>
        /// Rises from release to release.
        public var securityCounter: UInt32
        /// The entry of the Central Products List, if it is known.
        public var centralProductsListEntry: String?
        /// The versions that it may be applied over; `nil` for any that is not newer.
        public var over: [FirmwareVersion]?
        /// In writing order.
        public var components: [ComponentDraft]

        public init(
            variant: Variant, version: FirmwareVersion, manufacturer: String, model: String, hardware: ClosedRange<HardwareVersion>,
            securityCounter: UInt32, centralProductsListEntry: String? = nil, over: [FirmwareVersion]? = nil,
            components: [ComponentDraft]
        ) {
            self.variant = variant
            self.version = version
            self.manufacturer = manufacturer
            self.model = model
            self.hardware = hardware
            self.securityCounter = securityCounter
            self.centralProductsListEntry = centralProductsListEntry
            self.over = over
            self.components = components
        }
    }

    /// One image's part.
    public struct ComponentDraft: Sendable {
        /// `application`, `zigbee`, `modem`….
        public var name: String
        /// The image file; its last part is its name in the bundle.
        public var path: String
        /// The signatures that it must carry; `nil` for those that it carries.
        public var signatures: [ReleaseManifest.ImageSignature]?
        /// DFU alternate setting or SMP image number.
        public var place: Int?

        public init(name: String, path: String, signatures: [ReleaseManifest.ImageSignature]? = nil, place: Int? = nil) {
            self.name = name
            self.path = path
            self.signatures = signatures
            self.place = place
        }
    }

    /// Reads the images and states what they are.
    /// - Returns: the manifest, and the files of the bundle that are not the manifest.
    /// - Throws: ``FirmwareProblem`` where an image can't be read, or what would be stated can't be.
    public func made() throws(FirmwareProblem) -> (manifest: [UInt8], files: [(name: String, bytes: [UInt8])]) {
        var files: [(name: String, bytes: [UInt8])] = []
        var parts: [ReleaseManifest.VariantRelease] = []
        for draft in variants {
            var components: [ReleaseManifest.Component] = []
            for component in draft.components {
                let (stated, bytes) = try component.made()
                components.append(stated)
                if let other = files.first(where: { $0.name == stated.file }) {
                    guard other.bytes == bytes else {
                        throw FirmwareProblem(
                            .bundleEntry, at: nil, field: component.path, expected: "a name of its own in the bundle",
                            found: "another file '\(stated.file)'")
                    }
                } else {
                    files.append((stated.file, bytes))
                }
            }
            parts.append(
                ReleaseManifest.VariantRelease(
                    variant: draft.variant, version: draft.version, manufacturer: draft.manufacturer, model: draft.model,
                    hardware: .init(minimum: draft.hardware.lowerBound, maximum: draft.hardware.upperBound),
                    securityCounter: draft.securityCounter, centralProductsListEntry: draft.centralProductsListEntry,
                    over: draft.over, components: components))
        }
        let manifest = ReleaseManifest(
            formatVersion: ReleaseManifest.formatVersion, release: release, issuedAt: issuedAt, notAfter: notAfter, variants: parts)
        try manifest.check()
        do { return (try manifest.encoded(), files) } catch {
            throw FirmwareProblem(.manifestMalformed, at: nil, field: ReleaseManifest.file, expected: "a manifest", found: "\(error)")
        }
    }
}

extension ReleaseDraft.ComponentDraft {
    fileprivate func made() throws(FirmwareProblem) -> (ReleaseManifest.Component, [UInt8]) {
        var file: any ImageBytes = try MappedFile(path)
        var inspection = ImageInspection(file)
        if let problem = inspection.problems.first { throw problem.of(path) }
        // What is for dfu-util is not for the unit.
        if case .dfu(let suffix, _) = inspection.content {
            file = ImageSlice(file, suffix.content)
            inspection = ImageInspection(file)
            if let problem = inspection.problems.first { throw problem.of(path) }
        }
        let stated: (format: ReleaseManifest.Format, image: SHA256Value?, mcuboot: MCUbootImage?, version: String, isSigned: Bool)
        switch inspection.content {
        case .gbcsOTA(let image):
            stated = (.gbcsOTA, image.manufacturerImageHash, image.mcuboot, "\(image.header.fileVersion)", image.signature != nil)
        case .mcuboot(let image, nil): stated = (.mcuboot, nil, image, "\(image.version)", false)
        default:
            throw FirmwareProblem(
                .formatUnknown, at: nil, field: path, expected: "a GBCS OTA Upgrade Image or an MCUboot image", found: "something else")
        }
        let carried = (stated.isSigned ? [ReleaseManifest.ImageSignature.gbcs] : []) + (stated.mcuboot?.isSigned == true ? [.mcuboot] : [])
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return (
            ReleaseManifest.Component(
                name: self.name, file: try ReleaseBundle.checked(name: name, at: nil), size: file.count,
                sha256: file.sha256(0..<file.count), format: stated.format, manufacturerImageHash: stated.image,
                mcubootHash: stated.mcuboot?.hash.map { Hex.lowercase($0) }, version: stated.version,
                signatures: signatures ?? carried, place: place),
            file.bytes(0..<file.count)
        )
    }
}

extension ReleaseBundle {
    /// The tar archive of these files.
    public func archive() -> [UInt8] {
        TarWriter.archive(names.compactMap { name in self[name].map { (name, $0.bytes(0..<$0.count)) } })
    }

    /// The tar archive of a bundle: the same bytes for the same files.
    public static func archive(manifest: [UInt8], signature: [UInt8]?, files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        let signed = signature.map { [(name: signatureName, bytes: $0)] } ?? []
        return TarWriter.archive([(manifestName, manifest)] + signed + files.sorted { $0.name < $1.name })
    }
}
