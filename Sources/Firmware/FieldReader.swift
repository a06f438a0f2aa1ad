/// Reads little-endian fields one after another and throws where the bytes end.
struct FieldReader {
    private let bytes: [UInt8]
    /// Where `bytes` begins in the file, for problems.
    private let base: Int
    private(set) var offset = 0

    /// Reads `length` bytes of `image` from `start`.
    /// - Throws: ``FirmwareProblem`` with code `truncated` when the image has fewer.
    init(_ image: any ImageBytes, from start: Int, length: Int, field: String) throws(FirmwareProblem) {
        let available = max(0, image.count - start)
        guard start >= 0, length >= 0, available >= length else {
            throw FirmwareProblem(
                .truncated, at: start, field: field, expected: "\(length) bytes", found: "\(available) bytes")
        }
        bytes = image.bytes(start..<start + length)
        base = start
    }

    /// The next field's offset in the file.
    var position: Int { base + offset }

    mutating func number<Number: FixedWidthInteger>(_ field: String, as _: Number.Type) throws(FirmwareProblem) -> Number {
        var value: Number = 0
        for (index, byte) in try take(Number.bitWidth / 8, field).enumerated() {
            value |= Number(truncatingIfNeeded: byte) << (8 * index)
        }
        return value
    }

    mutating func take(_ count: Int, _ field: String) throws(FirmwareProblem) -> ArraySlice<UInt8> {
        guard count <= bytes.count - offset else {
            throw FirmwareProblem(
                .truncated, at: position, field: field, expected: "\(count) bytes", found: "\(bytes.count - offset) bytes")
        }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }
}
