/// What MCUboot keeps behind an image in its slot (MCUboot `docs/design.md`, "Image trailer"), where a file has been padded to the
/// slot's size.
public struct MCUbootTrailer: Sendable, Hashable {
    /// Whether the image says that it need not be confirmed (`image_ok` is 1).
    public let isConfirmed: Bool

    /// `BOOT_MAGIC` for a write size of 8 bytes or less, and the end of the one for others, before which the write size stands.
    private static let magic: [UInt8] = [
        0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
    ]
    private static let alignedMagic: [UInt8] = [0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B, 0x8D, 0x77, 0x67, 0x9C, 0x11, 0x0F, 0x1F, 0x8A]

    /// Reads the trailer at the end of a file whose image ends at `end`.
    /// - Throws: ``FirmwareProblem`` where anything else than erased flash and a trailer follows the image.
    init(_ image: any ImageBytes, after end: Int) throws(FirmwareProblem) {
        let rest = image.bytes(end..<image.count)
        let length = Self.magic.count
        guard rest.count >= length, let erased = rest.first, erased == 0xFF || erased == 0 else { throw Self.unexpected(rest, at: end) }
        let tail = Array(rest.suffix(length))
        let writeSize: Int
        if tail == Self.magic {
            writeSize = 8
        } else if Array(tail.suffix(Self.alignedMagic.count)) == Self.alignedMagic {
            writeSize = Int(tail[0]) | Int(tail[1]) << 8
        } else {
            throw Self.unexpected(rest, at: end)
        }
        // Before the magic: image_ok, copy_done, swap_info and swap_size, each in a place of the write size.
        let flag = rest.count - max(length, writeSize) - writeSize
        guard writeSize >= 8, flag >= 0, rest.indices.allSatisfy({ $0 == flag || $0 >= rest.count - length || rest[$0] == erased }),
            rest[flag] == erased || rest[flag] == 1
        else { throw Self.unexpected(rest, at: end) }
        isConfirmed = rest[flag] == 1
    }

    private static func unexpected(_ rest: [UInt8], at end: Int) -> FirmwareProblem {
        FirmwareProblem(
            .mismatch, at: end, field: "end of the image", expected: "the end of the file, or erased flash and MCUboot's trailer",
            found: "\(rest.count) more bytes")
    }
}
