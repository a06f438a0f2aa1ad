import BenchModel
import Firmware
import Foundation
import Testing

@Suite struct TargetLoaderTests {
    /// A config entry that states the truth about a file with these bytes, which lives as long as `body`.
    private func withFile(_ bytes: [UInt8], _ body: (TargetFile) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "target-\(UUID().uuidString).zigbee")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let inner = Array(bytes.dropFirst(60).dropLast(66))
        try body(
            TargetFile(
                variant: .fourG, path: url.path, manufacturerImageHash: SHA256Value.of(inner),
                version: FirmwareVersion(rawValue: 0x0002_012F), manufacturerCode: 0xAB01, imageType: 1, component: "application"))
    }

    @Test func `what a unit is written is the Manufacturer Image, from one mapping`() throws {
        let inner = ImageFixtures.mcuboot()
        try withFile(try ImageFixtures.ota(inner)) { file in
            let target = try TargetLoader.load(file)
            var bytes: [UInt8] = []
            target.components[0].content.append(0..<inner.count, to: &bytes)
            #expect(bytes == inner)
            #expect(target.components[0].hash == SHA256Value.of(inner))
            #expect(target.hardware?.upperBound.description == "01FF")
        }
    }

    @Test func `every value that the config states and the file contradicts is refused`() throws {
        let inner = ImageFixtures.mcuboot()
        try withFile(try ImageFixtures.ota(inner)) { file in
            var wrong = file
            wrong.manufacturerImageHash = SHA256Value.of([])
            #expect(throws: FirmwareProblem.self) { try TargetLoader.load(wrong) }
            wrong = file
            wrong.version = FirmwareVersion(rawValue: 1)
            #expect(
                throws: FirmwareProblem(
                    .mismatch, at: 14, field: "file version", expected: "00000001, as the config states", found: "0002012F")
            ) { try TargetLoader.load(wrong) }
            wrong = file
            wrong.manufacturerCode = 0xAB02
            #expect(throws: FirmwareProblem.self) { try TargetLoader.load(wrong) }
            wrong = file
            wrong.imageType = 2
            #expect(throws: FirmwareProblem.self) { try TargetLoader.load(wrong) }
        }
    }

    @Test func `an image without the trailer that every Communications Hub image has is refused`() throws {
        let inner = ImageFixtures.mcuboot()
        var bytes = Array(try ImageFixtures.ota(inner).dropLast(66))
        bytes.set(UInt32(bytes.count), at: 52)
        try withFile(bytes + [UInt8](repeating: 0, count: 0)) { file in
            var stated = file
            stated.manufacturerImageHash = SHA256Value.of(inner)
            #expect(throws: FirmwareProblem.self) { try TargetLoader.load(stated) }
        }
    }

    @Test func `a missing, an empty and an unreadable file are named`() throws {
        let missing = TargetFile(
            variant: .fourG, path: "/nowhere/release.zigbee", manufacturerImageHash: SHA256Value.of([]),
            version: FirmwareVersion(rawValue: 0), component: "application")
        #expect(
            throws: FirmwareProblem(
                .unreadable, at: nil, field: "/nowhere/release.zigbee", expected: "a readable image file",
                found: "open: No such file or directory")
        ) { try TargetLoader.load(missing) }
        var folder = missing
        folder.path = "/tmp"
        #expect(throws: FirmwareProblem.self) { try TargetLoader.load(folder) }
    }
}
