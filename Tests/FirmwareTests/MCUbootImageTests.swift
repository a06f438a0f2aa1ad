import BenchModel
import Firmware
import Testing

@Suite struct MCUbootImageTests {
    @Test func `a protected area is part of what the hash covers`() throws {
        var builder = MCUbootImageBuilder(version: .init(major: 1, minor: 2, revision: 3, build: 4), payload: [1, 2, 3, 4])
        builder.protectedTLVs = [(type: 0x50, value: [9, 0, 0, 0])]
        let bytes = builder.build()
        let image = try MCUbootImage(MemoryBytes(bytes))
        #expect(image.version.description == "1.2.3+4")
        #expect(image.tlvs.map { MCUbootTLVType.name($0.type) } == ["SEC_CNT", "SHA256"])
        #expect(image.range == 0..<bytes.count)

        var broken = bytes
        broken[32 + 4 + 8] = 8
        #expect(throws: FirmwareProblem.self) { try MCUbootImage(MemoryBytes(broken)) }
    }

    @Test func `an encrypted image is said to be one`() throws {
        var builder = MCUbootImageBuilder(version: .init(major: 1, minor: 0, revision: 0, build: 0), payload: [1])
        builder.flags = 0x04
        let problems = ImageInspection(MemoryBytes(builder.build())).problems
        #expect(problems.map(\.code) == [.encrypted])
    }

    @Test func `a size beyond the file is named`() throws {
        var bytes = ImageFixtures.mcuboot(payload: 100)
        bytes.set(UInt32.max, at: 12)
        let problem = FirmwareProblem(
            .truncated, at: 12, field: "ih_img_size", expected: "at most \(bytes.count - 32), what the file holds", found: "4294967295")
        #expect(throws: problem) { try MCUbootImage(MemoryBytes(bytes)) }
    }

    @Test func `bytes after the image are said`() {
        let problems = ImageInspection(MemoryBytes(ImageFixtures.mcuboot(payload: 100) + [0xFF])).problems
        #expect(problems.map(\.found) == ["1 more bytes"])
    }
}

@Suite struct DFUSuffixTests {
    /// The check value of DFU 1.1 §B's CRC, over "123456789", is the complement of CRC-32's 0xCBF43926.
    static func suffixed(_ content: [UInt8]) -> [UInt8] {
        var bytes = content
        for word in [UInt16(0x0100), 0x4C02, 0x1209, 0x0100] { bytes.appendLittleEndian(word) }
        bytes += [0x55, 0x46, 0x44, 16]
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        bytes.appendLittleEndian(crc)
        return bytes
    }

    @Test func `a DFU file is recognised by its suffix, with the image in it`() throws {
        let report = ImageReport(ImageInspection(MemoryBytes(Self.suffixed(ImageFixtures.mcuboot()))))
        #expect(report.format == "dfu")
        #expect(report.dfu?.idVendor == "0x1209")
        #expect(report.mcuboot?.version == "0.2.303")
        #expect(report.problems.isEmpty)
    }

    @Test func `a DFU file with a changed byte fails its CRC`() {
        var bytes = Self.suffixed([1, 2, 3, 4, 5, 6, 7, 8])
        bytes[3] ^= 1
        #expect(ImageReport(ImageInspection(MemoryBytes(bytes))).problems.map(\.field) == ["dwCRC"])
    }
}

@Suite struct ImageInspectionTests {
    @Test func `an OTA image whose signature happens to look like a DFU suffix is an OTA image`() throws {
        var file = try ImageFixtures.ota()
        file.replaceSubrange(file.count - 8..<file.count - 5, with: [0x55, 0x46, 0x44])
        let report = ImageReport(ImageInspection(MemoryBytes(file)))
        #expect(report.format == "gbcs-ota")
        #expect(report.problems.isEmpty)
    }

    @Test func `a header that can be read is shown even when nothing after it can`() throws {
        let report = ImageReport(ImageInspection(MemoryBytes(Array(try ImageFixtures.ota()[..<70]))))
        #expect(report.format == "gbcs-ota")
        #expect(report.fileVersion == "0002012F")
        #expect(report.manufacturerImageHash == nil)
        #expect(!report.problems.isEmpty)
    }

    @Test func `bytes that are no image are said to be none`() {
        let report = ImageReport(ImageInspection(MemoryBytes([0x7F, 0x45, 0x4C, 0x46, 0, 0])))
        #expect(report.format == nil)
        #expect(
            report.problems.map(\.message) == [
                "offset 0x0, magic: expected 0x0BEEF11E (GBCS OTA) or 0x96F3B83D (MCUboot), found 0x464C457F"
            ])
    }

    @Test func `random bytes behind a right magic never crash`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5_000 {
            var bytes = (0..<Int.random(in: 4...400)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes.replaceSubrange(0..<4, with: Bool.random() ? [0x1E, 0xF1, 0xEE, 0x0B] : [0x3D, 0xB8, 0xF3, 0x96])
            _ = ImageReport(ImageInspection(MemoryBytes(bytes)))
        }
    }
}
