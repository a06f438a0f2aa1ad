public import BenchModel

/// What a releaser states of a release: `manifest.json` of a bundle. Its exact bytes are what is signed.
///
/// It comes in one form only: the members of ``ReleaseManifest`` and no others, each once, sorted by name; only white space is free.
/// So nobody can read something else in it than the bench does.
public struct ReleaseManifest: Codable, Hashable, Sendable {
    /// 1.
    public var formatVersion: Int
    /// The release's name, as people say it: 1 to 64 letters, digits, '.', '-' and '_'.
    public var release: String
    /// When it was made, UTC, `2026-11-20T10:00:00Z`.
    public var issuedAt: String
    /// The last moment at which it may be flashed, UTC.
    public var notAfter: String
    /// What it holds for each variant; at most one for a variant.
    public var variants: [VariantRelease]

    /// A release as far as one variant is concerned.
    public struct VariantRelease: Codable, Hashable, Sendable {
        /// Which Communications Hub it is made for.
        public var variant: Variant
        /// The firmware version that a unit has afterwards.
        public var version: FirmwareVersion
        /// Manufacturer code: 4 hex digits.
        public var manufacturer: String
        /// Model: 8 hex digits.
        public var model: String
        /// Which hardware it is made for, both ends included.
        public var hardware: HardwareRange
        /// Rises from release to release of a variant, never goes back on a bench; from 0.
        public var securityCounter: UInt32
        /// The entry of the Central Products List; `nil` where the releaser does not know it.
        public var centralProductsListEntry: String?
        /// The versions that it may be applied over; `nil` for any that is not newer.
        public var over: [FirmwareVersion]?
        /// In writing order.
        public var components: [Component]
    }

    /// A range of hardware versions.
    public struct HardwareRange: Codable, Hashable, Sendable {
        /// First and last hardware version.
        public var minimum, maximum: HardwareVersion
    }

    /// One image, for one place in the unit.
    public struct Component: Codable, Hashable, Sendable {
        /// `application`, `zigbee`, `modem`…; the profile says where it goes.
        public var name: String
        /// The file in the bundle.
        public var file: String
        /// Bytes of the file.
        public var size: Int
        /// SHA-256 of the file.
        public var sha256: SHA256Value
        /// What the file is.
        public var format: Format
        /// SHA-256 of the Manufacturer Image alone; of a GBCS OTA image.
        public var manufacturerImageHash: SHA256Value?
        /// The value of the MCUboot image's hash TLV, 64 to 128 hex digits, where there is such an image.
        public var mcubootHash: String?
        /// What the image says of itself: a firmware version of 8 hex digits, or MCUboot's `1.2.3+4`.
        public var version: String
        /// Which signatures of its own the image must carry; every one is checked.
        public var signatures: [ImageSignature]
        /// DFU alternate setting or SMP image number; must be what the profile says.
        public var place: Int?
    }

    /// What a file of a component is.
    public enum Format: String, Codable, Hashable, Sendable, CaseIterable {
        /// A GBCS OTA Upgrade Image.
        case gbcsOTA = "gbcs-ota"
        /// A bare MCUboot image.
        case mcuboot
    }

    /// A signature within an image.
    public enum ImageSignature: String, Codable, Hashable, Sendable, CaseIterable {
        /// Of the manufacturer: the trailer of a GBCS OTA image.
        case gbcs
        /// Of the vendor: the MCUboot image's, which its bootloader checks.
        case mcuboot
    }

    static let formatVersion = 1
}

// MARK: Reading and writing

extension ReleaseManifest {
    /// The manifest's bytes, as a releaser signs them.
    public func encoded() throws -> [UInt8] { try CanonicalJSON.encoded(self) }

    /// Reads a manifest and checks everything that can be told without its images.
    /// - Throws: ``FirmwareProblem`` of code `manifest-malformed` or `field-invalid`.
    public init(json: [UInt8]) throws(FirmwareProblem) {
        self = try CanonicalJSON.decoded(
            json, as: Self.self, name: Self.file, code: .manifestMalformed, expected: "a release manifest")
        try check()
    }

    static var file: String { ReleaseBundle.manifestName }
}
