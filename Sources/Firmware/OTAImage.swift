public import BenchModel

/// A GBCS OTA Upgrade Image: header ‖ Manufacturer Image ‖ trailer.
///
/// What is hashed, listed and written to a unit is the Manufacturer Image alone.
public struct OTAImage: Sendable {
    /// GBCS: Force Replace (1 byte, 0) ‖ signature length (1 byte, 0x40) ‖ r‖s of ECDSA P-256 with SHA-256 over the Manufacturer Image.
    public static let trailerLength = 66
    static let forceReplace: UInt8 = 0x00
    static let signatureLength: UInt8 = 0x40

    /// The OTA header.
    public let header: OTAHeader
    /// Where the Manufacturer Image lies in the file.
    public let manufacturerImage: Range<Int>
    /// SHA-256 of the Manufacturer Image alone.
    public let manufacturerImageHash: SHA256Value
    /// The 64 bytes r‖s; `nil` where the image carries no trailer.
    public let signature: [UInt8]?
    /// The image within, when the Manufacturer Image is one.
    public let mcuboot: MCUbootImage?

    /// Reads an image and accepts it only whole.
    /// - Throws: the first problem.
    public init(_ image: any ImageBytes) throws(FirmwareProblem) {
        var problems: [FirmwareProblem] = []
        try self.init(image, problems: &problems)
        if let first = problems.first { throw first }
    }

    /// Reads as much as can be read and adds everything that is wrong to `problems`.
    /// - Throws: when nothing after the place can be read.
    init(_ image: any ImageBytes, problems: inout [FirmwareProblem]) throws(FirmwareProblem) {
        header = try OTAHeader(image, problems: &problems)
        let start = Int(header.headerLength)
        guard start >= OTAHeader.fixedLength, start < image.count else {
            throw FirmwareProblem(
                .truncated, at: start, field: "Upgrade Image", expected: "at least one byte after the header",
                found: "\(max(0, image.count - start)) bytes")
        }
        if MCUbootImage.begins(image, at: start) {
            let inner = try MCUbootImage(image, from: start, problems: &problems)
            mcuboot = inner
            signature = try Self.trailer(image, at: inner.range.upperBound, problems: &problems)
            manufacturerImage = inner.range
        } else {
            mcuboot = nil
            let end = image.count - Self.trailerLength
            let marks = end > start ? image.bytes(end..<end + 2) : []
            let hasTrailer = marks == [Self.forceReplace, Self.signatureLength]
            manufacturerImage = start..<(hasTrailer ? end : image.count)
            signature = hasTrailer ? image.bytes(end + 2..<image.count) : nil
        }
        manufacturerImageHash = image.sha256(manufacturerImage)
    }

    /// Reads what follows an image whose own length is known: nothing, or exactly a trailer.
    private static func trailer(
        _ image: any ImageBytes, at offset: Int, problems: inout [FirmwareProblem]
    ) throws(FirmwareProblem) -> [UInt8]? {
        let length = image.count - offset
        guard length != 0 else { return nil }
        guard length == trailerLength else {
            problems.append(
                FirmwareProblem(
                    .mismatch, at: offset, field: "trailer", expected: "0 or \(trailerLength) bytes after the image",
                    found: "\(length) bytes"))
            return nil
        }
        let bytes = image.bytes(offset..<image.count)
        if bytes[0] != forceReplace {
            problems.append(.invalid(offset, "Force Replace", hex(forceReplace), hex(bytes[0])))
        }
        if bytes[1] != signatureLength {
            problems.append(.invalid(offset + 1, "signature length", hex(signatureLength), hex(bytes[1])))
        }
        return Array(bytes[2...])
    }
}
