/// A Serial Shipping Container Code: what a carton or a pallet is called (GS1 General Specifications, §2.2 and §3.2, AI (00)).
///
/// 18 digits: an extension digit, the GS1 company prefix, a serial reference and a check digit.
public struct SSCC: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The 18 digits.
    public let digits: String

    /// Reads 18 digits, or these behind AI 00 as a scanner gives them: `00…`, `(00)…` or `]C100…`; `nil` for anything else, and where
    /// the check digit is another.
    public init?(_ text: some StringProtocol) {
        var text = text[...]
        if text.hasPrefix("]C1") { text = text.dropFirst(3) }
        if text.hasPrefix("(00)") {
            text = text.dropFirst(4)
        } else if text.utf8.count == 20, text.hasPrefix("00") {
            text = text.dropFirst(2)
        }
        let digits = Array(text.utf8)
        guard digits.count == 18, digits.allSatisfy(Self.isDigit), Self.checkDigit(digits.dropLast()) == digits.last else { return nil }
        self.digits = String(text)
    }

    /// The code with this extension digit, company prefix and serial reference; `nil` where they don't fit into 17 digits.
    public init?(extension digit: Int, prefix: GS1CompanyPrefix, serial: Int) {
        let width = 16 - prefix.digits.utf8.count
        let text = String(serial)
        guard (0...9).contains(digit), serial >= 0, text.utf8.count <= width else { return nil }
        let body = "\(digit)\(prefix.digits)" + String(repeating: "0", count: width - text.utf8.count) + text
        digits = body + String(UnicodeScalar(Self.checkDigit(Array(body.utf8)[...])))
    }

    /// GS1 General Specifications §7.9.1: weights 3 and 1 from the right, up to the next ten.
    private static func checkDigit(_ digits: ArraySlice<UInt8>) -> UInt8 {
        let sum = digits.reversed().enumerated().reduce(0) { $0 + Int($1.element - UInt8(ascii: "0")) * ($1.offset % 2 == 0 ? 3 : 1) }
        return UInt8(ascii: "0") + UInt8((10 - sum % 10) % 10)
    }

    fileprivate static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    public var description: String { digits }

    /// As it is printed below the bars: `(00) 3 5012345 …` is read aloud digit by digit, so it stays one group.
    public var humanReadable: String { "(00) \(digits)" }

    public static func < (left: Self, right: Self) -> Bool { left.digits < right.digits }
}

extension SSCC: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "an SSCC of 18 digits with its check digit") { SSCC($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(digits) }
}

/// What GS1 calls a company by: 4 to 12 digits (GS1 General Specifications §1.4.4).
public struct GS1CompanyPrefix: Hashable, Sendable {
    /// The digits.
    public let digits: String

    public init?(_ text: String) {
        guard (4...12).contains(text.utf8.count), text.utf8.allSatisfy(SSCC.isDigit) else { return nil }
        digits = text
    }
}

/// A Global Location Number: a place or a party (GS1 General Specifications §2.4), 13 digits, the last a check digit.
public struct GLN: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The 13 digits.
    public let digits: String

    public init?(_ text: String) {
        // The same check digit as an SSCC's.
        guard text.utf8.count == 13, SSCC("00000" + text) != nil else { return nil }
        digits = text
    }

    public var description: String { digits }

    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "a GLN of 13 digits with its check digit") { GLN($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(digits) }
}
