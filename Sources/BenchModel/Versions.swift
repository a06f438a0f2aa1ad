/// A GBCS firmware version: 32 bits, written as 8 hex digits (`0002012F`). Later versions compare greater.
public struct FirmwareVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Reads exactly 8 hex digits.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 8, let value = Hex.number(Array(text.utf8), as: UInt32.self) else { return nil }
        self.init(rawValue: value)
    }

    public var description: String { Hex.digits(rawValue, width: 8) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension FirmwareVersion: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "a firmware version of 8 hex digits") { FirmwareVersion($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}

/// A unit's hardware version: 16 bits as the OTA header has it, written as 4 hex digits.
public struct HardwareVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Reads exactly 4 hex digits.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 4, let value = Hex.number(Array(text.utf8), as: UInt16.self) else { return nil }
        self.init(rawValue: value)
    }

    public var description: String { Hex.digits(rawValue, width: 4) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension HardwareVersion {
    /// Reads a range such as `0100-01FF`, both ends included; `nil` for anything else.
    public static func range(_ text: String) -> ClosedRange<HardwareVersion>? {
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { HardwareVersion($0) }
        guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first <= last else { return nil }
        return first...last
    }
}

extension HardwareVersion: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "a hardware version of 4 hex digits") { HardwareVersion($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}
