import BenchModel
import Crypto
import Firmware
import Testing

@Suite struct OTAImageTests {
    @Test func `the hash spans the Manufacturer Image alone, without header and trailer`() throws {
        let inner = ImageFixtures.mcuboot()
        let file = try ImageFixtures.ota(inner)
        let image = try OTAImage(MemoryBytes(file))
        #expect(image.manufacturerImage == 60..<60 + inner.count)
        #expect(image.manufacturerImageHash == SHA256Value.of(inner))
        #expect(image.mcuboot?.version.description == "0.2.303")
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(image.signature))
        #expect(ImageFixtures.key.publicKey.isValidSignature(signature, for: inner))
    }

    @Test func `a Manufacturer Image that is no MCUboot image ends before the trailer`() throws {
        let inner = [UInt8](repeating: 0x5A, count: 1000)
        let image = try OTAImage(MemoryBytes(try ImageFixtures.ota(inner)))
        #expect(image.manufacturerImageHash == SHA256Value.of(inner))
        #expect(image.mcuboot == nil)
        #expect(image.signature?.count == 64)
    }

    @Test(arguments: [UInt16(0), 1, 2, 3, 4, 5, 6, 7])
    func `optional header fields are read by the field control`(control: UInt16) throws {
        let inner = ImageFixtures.mcuboot()
        let optional = (control & 1 != 0 ? 1 : 0) + (control & 2 != 0 ? 8 : 0) + (control & 4 != 0 ? 4 : 0)
        var header = Array(try ImageFixtures.ota(inner)[..<56])
        header.set(UInt16(56 + optional), at: 6)
        header.set(control, at: 8)
        header.set(UInt32(56 + optional + inner.count), at: 52)
        if control & 1 != 0 { header.append(7) }
        if control & 2 != 0 { header.appendLittleEndian(UInt64(0x00DB_1234_5678_90A2)) }
        if control & 4 != 0 { header += [0x00, 0x01, 0xFF, 0x01] }
        let image = try OTAImage(MemoryBytes(header + inner))
        #expect(image.header.securityCredentialVersion == (control & 1 != 0 ? 7 : nil))
        #expect(image.header.destination?.description == (control & 2 != 0 ? "00-DB-12-34-56-78-90-A2" : nil))
        #expect(image.header.maximumHardwareVersion?.description == (control & 4 != 0 ? "01FF" : nil))
        #expect(image.manufacturerImageHash == SHA256Value.of(inner))
    }

    /// Each field of the header and the trailer broken in turn, and what is said about it.
    @Test(
        arguments: [
            (0, [0xFF], "offset 0x0, magic: expected 0x0BEEF11E (GBCS OTA) or 0x96F3B83D (MCUboot), found 0x0BEEF1FF"),
            (4, [0x01], "offset 0x4, OTA header version: expected 0x0100, found 0x0101"),
            (6, [61], "offset 0x6, OTA header length: expected 60 for field control 0x0004, found 61"),
            (8, [0x84], "offset 0x8, field control: expected only bits 0 to 2, found 0x0084"),
            (18, [3], "offset 0x12, ZigBee stack version: expected 0x0002, found 0x0003"),
            (20, [0x07], "offset 0x14, OTA header string: expected printable ASCII padded with zeros, found 07657374"),
            (52, [0x01, 0, 0, 0], "offset 0x34, total image size: expected 5198 (the file's size), found 1"),
            (56, [0x00, 0x02], "offset 0x38, maximum hardware version: expected at least the minimum, 0200, found 01FF"),
            (5132, [1], "offset 0x140c, Force Replace: expected 0x00, found 0x01"),
            (5133, [0x41], "offset 0x140d, signature length: expected 0x40, found 0x41"),
        ] as [(Int, [UInt8], String)])
    func `a broken field is named with what was expected and found`(offset: Int, bytes: [UInt8], sentence: String) throws {
        var file = try ImageFixtures.ota()
        file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        let problems = ImageInspection(MemoryBytes(file)).problems.map(\.description)
        #expect(problems.contains { $0.hasPrefix(sentence) }, "\(problems)")
        #expect(throws: FirmwareProblem.self) { try OTAImage(MemoryBytes(file)) }
    }

    @Test func `an image cut anywhere is refused and never crashes`() throws {
        let file = try ImageFixtures.ota(ImageFixtures.mcuboot(payload: 300))
        for length in 0..<file.count {
            #expect(!ImageInspection(MemoryBytes(Array(file[..<length]))).problems.isEmpty, "cut at \(length)")
        }
    }

    @Test func `any byte changed in the MCUboot image is found`() throws {
        let file = try ImageFixtures.ota(ImageFixtures.mcuboot(payload: 200))
        let image = try OTAImage(MemoryBytes(file))
        for offset in image.manufacturerImage {
            var broken = file
            broken[offset] ^= 0x10
            let found = ImageInspection(MemoryBytes(broken))
            let hash = if case .gbcsOTA(let ota) = found.content { ota.manufacturerImageHash } else { SHA256Value.of([]) }
            #expect(!found.problems.isEmpty || hash != image.manufacturerImageHash, "byte \(offset)")
        }
    }
}

extension [UInt8] {
    mutating func set(_ value: some FixedWidthInteger, at offset: Int) {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
}
