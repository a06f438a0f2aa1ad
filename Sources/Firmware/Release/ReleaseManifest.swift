public import BenchModel
internal import Foundation

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
    public func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return Array(try encoder.encode(self)) + [10]
    }

    /// Reads a manifest and checks everything that can be told without its images.
    /// - Throws: ``FirmwareProblem`` of code `manifest-malformed` or `field-invalid`.
    public init(json: [UInt8]) throws(FirmwareProblem) {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(json))
        } catch {
            throw Self.malformed(error)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let canonical = try? Array(encoder.encode(self)) else { throw Self.malformed("it can't be written again") }
        if let difference = CompactJSON.firstDifference(of: json, from: canonical) {
            throw FirmwareProblem(
                .manifestMalformed, at: difference, field: Self.file,
                expected: "the members of a manifest and no others, each once, sorted by name, as 'reflashctl release make' writes them",
                found: "something else from here on")
        }
        try check()
    }

    static var file: String { ReleaseBundle.manifestName }

    private static func malformed(_ error: any Error) -> FirmwareProblem {
        guard let error = error as? DecodingError else { return malformed("\(error)") }
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return malformed(context.debugDescription, at: context.codingPath)
        case .keyNotFound(let key, let context):
            return malformed("none", at: context.codingPath + [key])
        @unknown default: return malformed("\(error)")
        }
    }

    private static func malformed(_ found: String, at path: [any CodingKey] = []) -> FirmwareProblem {
        let steps = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
        let place = steps.joined(separator: "").drop { $0 == "." }
        return FirmwareProblem(
            .manifestMalformed, at: nil, field: place.isEmpty ? file : "\(file) \(place)", expected: "a release manifest", found: found)
    }
}

/// JSON without white space between its tokens.
enum CompactJSON {
    /// Where in `text`, white space left out, something else comes than in `compact`; `nil` where all is the same.
    static func firstDifference(of text: [UInt8], from compact: [UInt8]) -> Int? {
        var isInString = false
        var isEscaped = false
        var expected = compact.makeIterator()
        for (offset, byte) in text.enumerated() {
            if !isInString, [9, 10, 13, 32].contains(byte) { continue }
            guard expected.next() == byte else { return offset }
            if isInString {
                if byte == UInt8(ascii: "\""), !isEscaped { isInString = false }
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            }
        }
        return expected.next() == nil ? nil : text.count
    }
}
