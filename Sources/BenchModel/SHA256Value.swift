/// A SHA-256 value: 32 bytes, written as 64 lower-case hex digits. A value only; computing it belongs to whoever holds the bytes.
public struct SHA256Value: Hashable, Sendable, CustomStringConvertible {
    /// The 32 bytes.
    public let bytes: [UInt8]

    /// `nil` unless there are exactly 32 bytes.
    public init?(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// Reads exactly 64 hex digits of either case.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hex.bytes(text) else { return nil }
        self.init(bytes: bytes)
    }

    public var description: String { Hex.lowercase(bytes) }

    /// The first 8 digits, enough for a table that also has the full value elsewhere.
    public var short: String { String(description.prefix(8)) }
}

extension SHA256Value: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "a SHA-256 of 64 hex digits") { SHA256Value($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}
