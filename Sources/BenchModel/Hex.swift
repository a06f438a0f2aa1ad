/// Hexadecimal text of fixed width, upper case for the field's own notations and lower case for hashes.
public enum Hex {
    /// The number written by exactly these ASCII digits; `nil` for an empty run, another character or one digit too many.
    public static func number<Number: FixedWidthInteger & UnsignedInteger>(
        _ digits: some Collection<UInt8>, as _: Number.Type
    ) -> Number? {
        guard !digits.isEmpty, digits.count * 4 <= Number.bitWidth else { return nil }
        var value: Number = 0
        for digit in digits {
            guard let nibble = nibble(digit) else { return nil }
            value = value << 4 | Number(nibble)
        }
        return value
    }

    /// `value` in upper-case digits, padded with zeros to `width`.
    public static func digits(_ value: some BinaryInteger, width: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static let lowercaseDigits = Array("0123456789abcdef".utf8)

    /// Two lower-case digits a byte, the notation of hashes.
    public static func lowercase(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in Array(bytes) {
            text.append(lowercaseDigits[Int(byte >> 4)])
            text.append(lowercaseDigits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes written by an even number of digits; `nil` otherwise.
    public static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Decoder {
    /// Decodes a value that is written as one string, or throws a `DecodingError` that names what was expected and found.
    func singleValueText<Value>(or expected: String, _ read: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = read(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected \(expected), found '\(text)'")
        }
        return value
    }
}

extension Encoder {
    func encodeText(_ text: String) throws {
        var container = singleValueContainer()
        try container.encode(text)
    }
}
