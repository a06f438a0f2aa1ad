internal import BenchModel
internal import Foundation

/// A write to a serial line, or a read, that went well.
struct LinePassage: Sendable {
    var isWrite: Bool
    /// Nanoseconds from the session's beginning until it began, and that it took.
    var at: Int64
    var took: Int64
    /// Bytes sent, or that came.
    var length: Int
    /// Those that are kept.
    var bytes: ArraySlice<UInt8>
}

/// What passed on a serial line for a while, in few bytes: an upload is thousands of writes and reads, and hardly two answers are the same.
///
/// Each one: 1 for a write or 0 for a read, nanoseconds since the one before it began, nanoseconds that it took, bytes sent or come, bytes kept,
/// and these. The numbers are LEB128 (DWARF 5, section 7.6), the nanoseconds since the one before in zigzag: they may be negative.
struct PackedLine: Hashable, Sendable {
    private var packed: [UInt8] = []
    private var last: Int64 = 0
    private(set) var count = 0

    /// Bytes that one has room for; more only where a single exchange has more.
    private static let most = 4 * 1024
    /// Bytes that an exchange's numbers may take.
    private static let mostNumbers = 41

    init(_ passage: LinePassage) { add(passage) }

    /// Bytes in memory.
    var room: Int { packed.capacity }

    mutating func takes(_ passage: LinePassage) -> Bool {
        guard packed.count + Self.mostNumbers + passage.bytes.count <= Self.most else { return false }
        add(passage)
        return true
    }

    private mutating func add(_ passage: LinePassage) {
        let step = passage.at - last
        add(number: passage.isWrite ? 1 : 0)
        add(number: UInt64(bitPattern: (step << 1) ^ (step >> 63)))
        add(number: UInt64(bitPattern: passage.took))
        add(number: UInt64(passage.length))
        add(number: UInt64(passage.bytes.count))
        packed += passage.bytes
        last = passage.at
        count += 1
    }

    private mutating func add(number: UInt64) {
        var left = number
        while left > 0x7F {
            packed.append(UInt8(truncatingIfNeeded: left) | 0x80)
            left >>= 7
        }
        packed.append(UInt8(left))
    }

    /// One after the other.
    var exchanges: [Exchange] {
        var reader = Reader(left: packed[...])
        return (0..<count).compactMap { _ in reader.next().map(Exchange.init) }
    }

    private struct Reader {
        var left: ArraySlice<UInt8>
        var at: Int64 = 0

        /// `nil` where the bytes end within one.
        mutating func next() -> LinePassage? {
            guard let kind = number(), kind < 2, let step = number(), let took = number(),
                let length = number().flatMap({ Int(exactly: $0) }),
                let kept = number(), kept <= left.count
            else { return nil }
            at &+= Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
            defer { left = left.dropFirst(Int(kept)) }
            return LinePassage(
                isWrite: kind == 1, at: at, took: Int64(bitPattern: took), length: length, bytes: left.prefix(Int(kept)))
        }

        private mutating func number() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: 0, to: 64, by: 7) {
                guard let byte = left.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << UInt64(shift)
                if byte & 0x80 == 0 { return value }
            }
            return nil
        }
    }
}

/// Base64 in a capsule's file.
extension PackedLine: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        packed = Array(try container.decode(Data.self))
        var reader = Reader(left: packed[...])
        while !reader.left.isEmpty {
            guard reader.next() != nil else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "exchange \(count + 1) of a packed line: expected a whole write or read, found other bytes")
            }
            count += 1
        }
        last = reader.at
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Data(packed))
    }
}

extension Exchange {
    fileprivate init(_ passage: LinePassage) {
        self.init(passage.isWrite ? .write : .read, at: passage.at)
        took = passage.took
        if passage.isWrite { length = passage.length }
        if !passage.bytes.isEmpty { data = Hex.lowercase(passage.bytes) }
    }
}
