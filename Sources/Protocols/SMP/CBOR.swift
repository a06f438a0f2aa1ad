/// The subset of CBOR (RFC 8949) that SMP's bodies are made of: integers, byte and text strings, arrays, maps with text keys,
/// booleans and null.
///
/// Written in the canonical form of RFC 7049 §3.9: shortest numbers, definite lengths, shorter keys first. Read in any form
/// of the subset, indefinite lengths included, which Zephyr's servers send.
public enum CBOR: Hashable, Sendable {
    case unsigned(UInt64)
    /// The number −1 − n.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    case map([String: CBOR])
    case bool(Bool)
    case null

    /// Arrays and maps may lie in each other this deep.
    public static let depthLimit = 16

    /// The integer, from −2^63 on.
    public init(_ number: some BinaryInteger) {
        self = number < 0 ? .negative(UInt64(-1 - Int64(number))) : .unsigned(UInt64(number))
    }
}

/// Why bytes are not CBOR of the subset, and where.
public struct CBORError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 0.
    public let offset: Int
    /// What was expected and what was found.
    public let problem: String

    public var description: String { "CBOR at byte \(offset): \(problem)" }
}

// MARK: Writing

extension CBOR {
    /// RFC 8949 §3.1.
    private enum Major: UInt8 {
        case unsigned, negative, bytes, text, array, map, tag, simple
    }

    /// The canonical bytes.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Appends the canonical bytes.
    public func append(to bytes: inout [UInt8]) {
        switch self {
        case .unsigned(let value): Self.head(.unsigned, value, &bytes)
        case .negative(let value): Self.head(.negative, value, &bytes)
        case .bytes(let value):
            Self.head(.bytes, UInt64(value.count), &bytes)
            bytes += value
        case .text(let value):
            Self.head(.text, UInt64(value.utf8.count), &bytes)
            bytes += value.utf8
        case .array(let items):
            Self.head(.array, UInt64(items.count), &bytes)
            for item in items { item.append(to: &bytes) }
        case .map(let entries):
            Self.head(.map, UInt64(entries.count), &bytes)
            for (key, value) in entries.sorted(by: { Self.precedes($0.key, $1.key) }) {
                CBOR.text(key).append(to: &bytes)
                value.append(to: &bytes)
            }
        case .bool(let value): bytes.append(value ? 0xF5 : 0xF4)
        case .null: bytes.append(0xF6)
        }
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count
            ? left.utf8.lexicographicallyPrecedes(right.utf8) : left.utf8.count < right.utf8.count
    }

    /// Bytes that the head of a byte string of this length takes.
    static func headLength(_ value: Int) -> Int {
        switch value {
        case ..<24: 1
        case ..<0x100: 2
        case ..<0x1_0000: 3
        case ..<0x1_0000_0000: 5
        default: 9
        }
    }

    private static func head(_ major: Major, _ value: UInt64, _ bytes: inout [UInt8]) {
        let type = major.rawValue << 5
        let length: Int
        switch value {
        case ..<24: return bytes.append(type | UInt8(value))
        case ..<0x100: (length, _) = (1, bytes.append(type | 24))
        case ..<0x1_0000: (length, _) = (2, bytes.append(type | 25))
        case ..<0x1_0000_0000: (length, _) = (4, bytes.append(type | 26))
        default: (length, _) = (8, bytes.append(type | 27))
        }
        for shift in (0..<length).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    }
}

// MARK: Reading

extension CBOR {
    /// Reads exactly one value, to the last byte.
    /// - Throws: ``CBORError`` at the first byte that does not fit.
    public init(_ bytes: [UInt8]) throws(CBORError) {
        var reader = Reader(bytes: bytes)
        self = try reader.value(depth: 0)
        guard reader.offset == bytes.count else {
            throw CBORError(offset: reader.offset, problem: "expected the end, found \(bytes.count - reader.offset) more bytes")
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        mutating func value(depth: Int) throws(CBORError) -> CBOR {
            let start = offset
            guard depth <= CBOR.depthLimit else { throw CBORError(offset: start, problem: "nested deeper than \(CBOR.depthLimit)") }
            let (major, argument) = try head()
            switch major {
            case .unsigned: return .unsigned(try definite(argument, at: start))
            case .negative: return .negative(try definite(argument, at: start))
            case .bytes: return .bytes(try string(.bytes, argument, at: start))
            case .text: return .text(try text(argument, at: start))
            case .array: return .array(try array(argument, at: start, depth: depth))
            case .map: return .map(try map(argument, at: start, depth: depth))
            case .tag: throw CBORError(offset: start, problem: "tags are not used by SMP")
            case .simple: return try simple(at: start)
            }
        }

        /// The argument is `nil` for an indefinite length.
        private mutating func head() throws(CBORError) -> (Major, UInt64?) {
            let start = offset
            let first = try take(1)[0]
            guard let major = Major(rawValue: first >> 5) else { preconditionFailure("3 bits have 8 values") }
            let info = first & 31
            guard major != .simple else { return (major, UInt64(info)) }
            switch info {
            case ..<24: return (major, UInt64(info))
            case 24...27: return (major, try take(1 << Int(info - 24)).reduce(0) { $0 << 8 | UInt64($1) })
            case 31: return (major, nil)
            default: throw CBORError(offset: start, problem: "additional information \(info) is reserved")
            }
        }

        private mutating func take(_ count: Int) throws(CBORError) -> ArraySlice<UInt8> {
            guard count <= bytes.count - offset else {
                throw CBORError(offset: offset, problem: "expected \(count) bytes, found \(bytes.count - offset)")
            }
            defer { offset += count }
            return bytes[offset..<offset + count].reindexed
        }

        private func definite(_ argument: UInt64?, at start: Int) throws(CBORError) -> UInt64 {
            guard let argument else { throw CBORError(offset: start, problem: "an integer has no indefinite length") }
            return argument
        }

        /// A length that the rest of the input can hold, at `each` bytes an item.
        private func length(_ argument: UInt64, each: Int, at start: Int) throws(CBORError) -> Int {
            guard let count = Int(exactly: argument), count <= (bytes.count - offset) / each else {
                throw CBORError(offset: start, problem: "claims \(argument) items, more than the rest can hold")
            }
            return count
        }

        private mutating func string(_ major: Major, _ argument: UInt64?, at start: Int) throws(CBORError) -> [UInt8] {
            if let argument { return Array(try take(try length(argument, each: 1, at: start))) }
            var whole: [UInt8] = []
            while try !isBreak() {
                let chunk = offset
                let (type, size) = try head()
                guard type == major, let size else {
                    throw CBORError(offset: chunk, problem: "a chunk of an indefinite string must be a definite one of its type")
                }
                whole += try take(try length(size, each: 1, at: chunk))
            }
            return whole
        }

        private mutating func text(_ argument: UInt64?, at start: Int) throws(CBORError) -> String {
            guard let text = String(validating: try string(.text, argument, at: start), as: UTF8.self) else {
                throw CBORError(offset: start, problem: "text that is not UTF-8")
            }
            return text
        }

        private mutating func array(_ argument: UInt64?, at start: Int, depth: Int) throws(CBORError) -> [CBOR] {
            var items: [CBOR] = []
            if let argument {
                for _ in 0..<(try length(argument, each: 1, at: start)) { items.append(try value(depth: depth + 1)) }
            } else {
                while try !isBreak() { items.append(try value(depth: depth + 1)) }
            }
            return items
        }

        private mutating func map(_ argument: UInt64?, at start: Int, depth: Int) throws(CBORError) -> [String: CBOR] {
            var entries: [String: CBOR] = [:]
            if let argument {
                for _ in 0..<(try length(argument, each: 2, at: start)) { try entry(&entries, depth: depth) }
            } else {
                while try !isBreak() { try entry(&entries, depth: depth) }
            }
            return entries
        }

        private mutating func entry(_ entries: inout [String: CBOR], depth: Int) throws(CBORError) {
            let start = offset
            guard case .text(let key) = try value(depth: depth + 1) else {
                throw CBORError(offset: start, problem: "a map's key that is no text")
            }
            guard entries.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
                throw CBORError(offset: start, problem: "the key '\(key)' is given twice")
            }
        }

        private func simple(at start: Int) throws(CBORError) -> CBOR {
            switch bytes[start] & 31 {
            case 20: return .bool(false)
            case 21: return .bool(true)
            case 22: return .null
            case 25...27: throw CBORError(offset: start, problem: "floating-point numbers are not used by SMP")
            case 31: throw CBORError(offset: start, problem: "a break outside an indefinite length")
            default: throw CBORError(offset: start, problem: "simple value \(bytes[start] & 31) is not used by SMP")
            }
        }

        /// Takes the break that ends an indefinite length, if it comes here.
        private mutating func isBreak() throws(CBORError) -> Bool {
            guard offset < bytes.count else { throw CBORError(offset: offset, problem: "an indefinite length without its break") }
            guard bytes[offset] == 0xFF else { return false }
            offset += 1
            return true
        }
    }
}

extension ArraySlice<UInt8> {
    /// The same bytes, counted from 0.
    fileprivate var reindexed: ArraySlice<UInt8> { startIndex == 0 ? self : Array(self)[...] }
}

// MARK: What a body holds

extension CBOR {
    /// The value under `key`, where this is a map that has it.
    public subscript(key: String) -> CBOR? {
        if case .map(let entries) = self { entries[key] } else { nil }
    }

    /// The integer, where this is one that fits.
    public var integer: Int? {
        switch self {
        case .unsigned(let value): Int(exactly: value)
        case .negative(let value): Int(exactly: value).map { -1 - $0 }
        default: nil
        }
    }

    /// The text, where this is one.
    public var string: String? { if case .text(let value) = self { value } else { nil } }
    /// The bytes, where this is a byte string.
    public var data: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    /// The truth value, where this is one.
    public var flag: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The items, where this is an array.
    public var items: [CBOR]? { if case .array(let value) = self { value } else { nil } }

    /// A map of the entries that have a value.
    public static func map(of entries: KeyValuePairs<String, CBOR?>) -> CBOR {
        .map(Dictionary(entries.compactMap { key, value in value.map { (key, $0) } }, uniquingKeysWith: { _, last in last }))
    }
}
