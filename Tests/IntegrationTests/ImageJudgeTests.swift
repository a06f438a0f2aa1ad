import BenchModel
import Firmware
import Foundation
import Testing

/// imgtool, the reference, as judge of what is said of MCUboot images.
@Suite(.timeLimit(.minutes(5))) struct ImageJudgeTests {
    /// What imgtool says of one image.
    private struct Judged: Decodable {
        let image: String
        let encrypted: Bool
        let verdicts: [String: Bool]
        let info: Info
    }

    /// What `imgtool dumpinfo` reads.
    private struct Info: Decodable {
        struct Header: Decodable { let magic, load_addr, hdr_size, protected_tlv_size, img_size, flags: Int, version: String }
        struct TLV: Decodable, Equatable { let type, len: Int, data: String }
        struct Area: Decodable { let tlvs_prot, tlvs: [TLV] }
        struct Trailer: Decodable { let magic: String? }
        let header: Header
        let tlv_area: Area
        let trailer: Trailer
    }

    private func judge(_ arguments: [String]) async throws -> [Judged] {
        let root = Programs.packageRoot
        let result = try await Programs.run("\(root)/.venv/bin/python", ["\(root)/Tests/Judges/imgtool_verdicts.py"] + arguments)
        try #require(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode([Judged].self, from: Data(result.output.utf8))
    }

    /// Compares everything that we say of an image with everything that imgtool says.
    private func compare(_ judged: Judged) throws {
        let bytes = MemoryBytes(Array(try Data(contentsOf: URL(filePath: judged.image))))
        for (path, verdict) in judged.verdicts {
            let key = try ImageKey(pem: try String(contentsOfFile: path, encoding: .utf8), name: path)
            let ours = Result { try MCUbootImage(bytes).verify(bytes, keys: [key]) }
            #expect(((try? ours.get()) != nil) == verdict, "\(judged.image) with \(path): imgtool says \(verdict), we \(ours)")
        }
        let report = ImageReport(ImageInspection(bytes))
        #expect(report.problems.contains { $0.code == "encrypted" } == judged.encrypted, "\(judged.image)")
        let mcuboot = try #require(report.mcuboot, "\(judged.image): \(report.problems)")
        let header = judged.info.header
        #expect(mcuboot.loadAddress == "0x" + Hex.digits(header.load_addr, width: 8), "\(judged.image)")
        #expect(mcuboot.headerSize == header.hdr_size)
        #expect(mcuboot.protectedSize == header.protected_tlv_size)
        #expect(mcuboot.imageSize == header.img_size)
        #expect(mcuboot.flags == "0x" + Hex.digits(header.flags, width: 8))
        #expect(mcuboot.version == header.version || mcuboot.version + "+0" == header.version)
        let theirs = judged.info.tlv_area.tlvs_prot + judged.info.tlv_area.tlvs
        let ours = mcuboot.tlvs.map { Info.TLV(type: Int($0.type.dropFirst(2), radix: 16) ?? -1, len: $0.length, data: $0.value) }
        #expect(ours == theirs, "\(judged.image)")
        #expect(mcuboot.tlvs.count { $0.isProtected } == judged.info.tlv_area.tlvs_prot.count)
        #expect((mcuboot.trailer != nil) == (judged.info.trailer.magic != nil), "\(judged.image)")
    }

    @Test func `for every way to sign that imgtool has, our verdict is its verdict, with each key, also of a changed image`() async throws {
        try await withFolder { folder in
            let judged = try await judge(["matrix", folder])
            #expect(judged.count >= 100)
            #expect(judged.count { $0.verdicts.values.contains(true) } >= 45)
            for image in judged { try compare(image) }
        }
    }

    @Test func `real images are read as imgtool reads them, and those signed with MCUboot's published keys are found to be`() async throws {
        try await withFolder { folder in
            let judged = try await judge(["real", folder, "\(Programs.packageRoot)/Tests/Data/mcuboot-development-keys"])
            #expect(judged.count >= 26)
            #expect(judged.count { $0.verdicts.values.contains(true) } >= 17)
            for image in judged { try compare(image) }
        }
    }
}
