/// The label of one physical port, as it is printed on the rack (`A03`).
///
/// Labels sort as people count: `A2` before `A10`.
public struct SlotID: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    /// The label's text.
    public let label: String

    /// Accepts 1 to 16 ASCII letters, digits, `-` or `_`, beginning with a letter or digit: what fits a label, a path and a URL.
    public init?(_ label: some StringProtocol) {
        let bytes = Array(label.utf8)
        guard (1...16).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first),
            bytes.allSatisfy({ Self.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        self.label = String(label)
    }

    public var description: String { label }

    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "a slot label") { SlotID($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(label) }

    public static func < (left: SlotID, right: SlotID) -> Bool {
        let (leftKey, rightKey) = (left.sortKey, right.sortKey)
        return leftKey == rightKey
            ? left.label < right.label : leftKey.lexicographicallyPrecedes(rightKey, by: Run.precedes)
    }

    private enum Run: Equatable {
        case digits(Int)
        case text(String)

        static func precedes(_ left: Run, _ right: Run) -> Bool {
            switch (left, right) {
            case (.digits(let left), .digits(let right)): left < right
            case (.text(let left), .text(let right)): left < right
            case (.digits, .text): true
            case (.text, .digits): false
            }
        }
    }

    private var sortKey: [Run] {
        var runs: [Run] = []
        var rest = label[...]
        while let first = rest.first {
            let run = rest.prefix { $0.isNumber == first.isNumber }
            runs.append(first.isNumber ? .digits(Int(run) ?? .max) : .text(String(run)))
            rest = rest.dropFirst(run.count)
        }
        return runs
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
}

/// One physical port as udev names it: the property `ID_PATH`, such as `pci-0000:00:14.0-usb-0:1.2.3`.
///
/// It stays the same whatever is plugged in and however often it re-enumerates, which no tty name, device number or
/// serial number does.
public struct PortPath: Hashable, Sendable, Codable, CustomStringConvertible {
    /// udev's property ID_PATH.
    public let idPath: String

    public init(_ idPath: String) { self.idPath = idPath }

    public var description: String { idPath }

    /// The host controller's part (`pci-0000:00:14.0`): slots that share it share its bandwidth.
    public var hostController: String {
        guard let range = idPath.firstRange(of: "-usb-") else { return idPath }
        return String(idPath[..<range.lowerBound])
    }

    /// The ID_PATHs of the USB hubs on the way to the port, from the host controller on; empty for a port of the host controller's own.
    public var hubs: [String] {
        guard let ports = idPath.firstRange(of: "-usb-") else { return [] }
        return idPath.indices[ports.upperBound...].filter { idPath[$0] == "." }.map { String(idPath[..<$0]) }
    }

    /// The ID_PATH of the USB hub that the port belongs to; the host controller's for one of its own ports.
    public var hub: String { hubs.last ?? hostController }

    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(idPath) }
}
