/// A 64-bit extended unique identifier: the form of a unit's CHF ID and GPF ID.
///
/// Written `00-DB-12-34-56-78-90-A2`. That form and 16 bare hex digits are read, in either case; the hyphenated
/// upper-case form is what is stored and shown. Nothing is ever derived from the bits: the two identities of a unit
/// are independent of each other.
public struct EUI64: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The identifier as a number, the first written byte being the most significant.
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads either written form; `nil` for anything else, so that a garbled serial number is never taken for an identity.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let hyphen = UInt8(ascii: "-")
        let digits: [UInt8]
        switch bytes.count {
        case 16:
            digits = bytes
        case 23:
            let hyphensFit = bytes.indices.allSatisfy { ($0 % 3 == 2) == (bytes[$0] == hyphen) }
            guard hyphensFit else { return nil }
            digits = bytes.filter { $0 != hyphen }
        default:
            return nil
        }
        guard let value = Hex.number(digits, as: UInt64.self) else { return nil }
        self.init(rawValue: value)
    }

    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(23)
        for (index, digit) in compact.utf8.enumerated() {
            if index > 0, index.isMultiple(of: 2) { text.append(UInt8(ascii: "-")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The 16 hex digits without hyphens, as a barcode or a USB serial number carries them.
    public var compact: String { Hex.digits(rawValue, width: 16) }

    public static func < (left: EUI64, right: EUI64) -> Bool { left.rawValue < right.rawValue }
}

extension EUI64: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "an EUI-64") { EUI64($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}
