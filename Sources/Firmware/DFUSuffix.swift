/// The suffix of a DFU file (DFU 1.1 §B, little-endian): the last 16 bytes.
public struct DFUSuffix: Hashable, Sendable {
    static let length = 16
    /// `ucDfuSignature`, "DFU" written backwards.
    static let signature: [UInt8] = [0x55, 0x46, 0x44]

    /// Device release number, 16 bits.
    public let bcdDevice: UInt16
    /// Product id, 16 bits.
    public let idProduct: UInt16
    /// Vendor id, 16 bits.
    public let idVendor: UInt16
    /// DFU specification release; 0x0100 in files.
    public let bcdDFU: UInt16
    /// Where the firmware itself lies in the file.
    public let content: Range<Int>

    /// Whether the file ends like one with a suffix.
    static func ends(_ image: any ImageBytes) -> Bool {
        image.count > length && image.bytes(image.count - 8..<image.count - 5) == signature
    }

    /// Reads the suffix and adds everything that is wrong to `problems`.
    /// - Throws: when the file is shorter than a suffix.
    init(_ image: any ImageBytes, problems: inout [FirmwareProblem]) throws(FirmwareProblem) {
        let start = image.count - Self.length
        var reader = try FieldReader(image, from: start, length: Self.length, field: "DFU suffix")
        bcdDevice = try reader.number("bcdDevice", as: UInt16.self)
        idProduct = try reader.number("idProduct", as: UInt16.self)
        idVendor = try reader.number("idVendor", as: UInt16.self)
        bcdDFU = try reader.number("bcdDFU", as: UInt16.self)
        _ = try reader.take(3, "ucDfuSignature")
        let suffixLength = try reader.number("bLength", as: UInt8.self)
        let crc = try reader.number("dwCRC", as: UInt32.self)
        if bcdDFU != 0x0100 { problems.append(.invalid(start + 6, "bcdDFU", "0x0100", hex(bcdDFU))) }
        if suffixLength != Self.length {
            problems.append(.invalid(start + 11, "bLength", "\(Self.length)", "\(suffixLength)"))
        }
        let computed = Self.crc32(image, 0..<image.count - 4)
        if crc != computed {
            problems.append(
                FirmwareProblem(.mismatch, at: start + 12, field: "dwCRC", expected: hex(computed), found: hex(crc)))
        }
        content = 0..<start
    }

    /// DFU 1.1 §B: CRC-32 (reflected 0xEDB88320), started with ones and not complemented at the end.
    static func crc32(_ image: any ImageBytes, _ range: Range<Int>) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in image.bytes(range) {
            crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8)
        }
        return crc
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
}
