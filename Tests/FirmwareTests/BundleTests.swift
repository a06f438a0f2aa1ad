import BenchModel
@testable import Firmware
import Foundation
import Testing

@Suite struct ReleaseBundleTests {
    private let files: [(name: String, bytes: [UInt8])] = [("a.bin", [1, 2, 3]), ("b.bin", [UInt8](repeating: 7, count: 600))]

    private func archive() -> [UInt8] { ReleaseBundle.archive(manifest: Array("{}".utf8), signature: [9], files: files) }

    /// Changes a header's field and mends its sum, as somebody who means it would.
    private func forged(_ offset: Int, _ text: String, entry: Int = 0) -> [UInt8] {
        var bytes = archive()
        let start = entry * 1024
        bytes.replaceSubrange(start + offset..<start + offset + text.utf8.count, with: text.utf8)
        bytes.replaceSubrange(start + 148..<start + 156, with: "        ".utf8)
        let sum = String(bytes[start..<start + 512].reduce(0) { $0 + Int($1) }, radix: 8)
        bytes.replaceSubrange(start + 148..<start + 156, with: (String(repeating: "0", count: 6 - sum.count) + sum + "\0 ").utf8)
        return bytes
    }

    private func problem(_ bytes: [UInt8]) -> FirmwareProblem? {
        do throws(FirmwareProblem) {
            _ = try ReleaseBundle(archive: MemoryBytes(bytes))
            return nil
        } catch { return error }
    }

    @Test func `an archive gives back its files`() throws {
        let bundle = try ReleaseBundle(archive: MemoryBytes(archive()))
        #expect(bundle.names == ["a.bin", "b.bin", "manifest.json", "manifest.p7s"])
        #expect(bundle["b.bin"].map { $0.bytes(0..<$0.count) } == files[1].bytes)
    }

    @Test(arguments: ["../etc/passwd", "/etc/passwd", "a/b", ".hidden", "-rf", "a b", "naïve", ""])
    func `a name that is more than a name is refused`(name: String) {
        let padded = name + String(repeating: "\0", count: 20 - name.utf8.count)
        #expect(problem(forged(0, padded))?.code == .bundleEntry)
    }

    @Test(arguments: ["1", "2", "3", "5", "6", "x", "g", "L"])
    func `links, folders and devices are refused`(type: String) {
        #expect(problem(forged(156, type))?.field.hasPrefix("tar typeflag") == true)
    }

    @Test func `a name that comes twice is refused`() {
        #expect(problem(forged(0, "manifest.p7s\0"))?.found == "a second file of this name")
    }

    @Test(arguments: ["77777777777", "40000000000", "00000100000", "-0000000001"])
    func `a size that lies is refused`(size: String) {
        #expect(problem(forged(124, size)) != nil)
    }

    @Test func `a folder with a link in it is refused`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data([1]).write(to: URL(filePath: "\(folder)/manifest.json"))
        #expect(try ReleaseBundle(path: folder).names == ["manifest.json"])
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/a.bin", withDestinationPath: "/etc/hostname")
        #expect(throws: FirmwareProblem.self) { try ReleaseBundle(path: folder) }
    }

    @Test func `an archive made by tar is read`() async throws {
        #expect(problem(Array(archive().dropLast(512)))?.code == .truncated)
        #expect(problem(archive() + [UInt8](repeating: 0, count: 8192)) == nil)
        #expect(problem(archive() + [1])?.code == .bundleEntry)
    }
}

@Suite struct ReleaseManifestTests {
    private func text(_ change: (inout ReleaseManifest) -> Void = { _ in }) throws -> String {
        String(decoding: try ReleaseFixtures.manifest(image: try ImageFixtures.ota(), change: change).encoded(), as: UTF8.self)
    }

    private func problem(_ text: String) -> FirmwareProblem? {
        do throws(FirmwareProblem) {
            _ = try ReleaseManifest(json: Array(text.utf8))
            return nil
        } catch { return error }
    }

    @Test func `white space is free, and nothing else`() throws {
        let text = try text()
        #expect(problem(text) == nil)
        #expect(problem(text.replacing(" ", with: "").replacing("\n", with: "\r\n")) == nil)
        #expect(problem(text.replacing("\"release\"", with: "\"more\" : 1, \"release\""))?.code == .manifestMalformed)
        #expect(problem(text.replacing("\"formatVersion\" : 1", with: "\"formatVersion\" : 1, \"formatVersion\" : 1")) != nil)
        #expect(problem(text.replacing("\"formatVersion\" : 1", with: "\"formatVersion\" : 1.0")) != nil)
        #expect(problem(text.replacing("autumn", with: "\\u0061utumn")) != nil)
        #expect(problem(text + "{}")?.code == .manifestMalformed)
    }

    @Test func `what is wrong is named with its place`() throws {
        let problem = problem(try text().replacing("\"0002012F\"", with: "\"0002012\""))
        #expect(problem?.field.hasPrefix("manifest.json variants[0]") == true, problem.map { Comment(rawValue: $0.description) })
    }

    @Test(
        arguments: [
            { $0.release = "../x" }, { $0.formatVersion = 2 }, { $0.issuedAt = "yesterday" }, { $0.notAfter = $0.issuedAt },
            { $0.variants = [] },
            { $0.variants += $0.variants }, { $0.variants[0].model = "10A030B" }, { $0.variants[0].manufacturer = "ab01" },
            { $0.variants[0].components = [] }, { $0.variants[0].components += $0.variants[0].components },
            { $0.variants[0].over = [$0.variants[0].version] }, { $0.variants[0].over = [] },
            { $0.variants[0].components[0].signatures = [] },
            { $0.variants[0].components[0].size = 0 }, { $0.variants[0].components[0].size = 1 << 32 },
            { $0.variants[0].components[0].file = "manifest.json" }, { $0.variants[0].components[0].manufacturerImageHash = nil },
            { $0.variants[0].components[0].mcubootHash = "00" }, { $0.variants[0].components[0].place = 256 },
        ] as [@Sendable (inout ReleaseManifest) -> Void])
    func `a statement that can't hold is refused`(change: @Sendable (inout ReleaseManifest) -> Void) throws {
        #expect(problem(try text(change)) != nil)
    }
}

@Suite struct CSVTableTests {
    private func problem(_ bytes: [UInt8]) -> CSVTable.Problem? {
        do throws(CSVTable.Problem) {
            _ = try CSVTable(bytes)
            return nil
        } catch { return error }
    }

    @Test func `quotes, commas, line ends and a byte order mark are read`() throws {
        let table = try CSVTable([0xEF, 0xBB, 0xBF] + Array("a,b\r\n\"1,\"\"x\"\"\n2\",é\n\n3,\n".utf8))
        #expect(table.columns == ["a", "b"])
        #expect(table.rows.map { table.field("a", of: $0) } == ["1,\"x\"\n2", "3"])
        #expect(table.rows.map { table.field("b", of: $0) } == ["é", ""])
        #expect(table.rows.map(\.line) == [2, 5])
    }

    @Test(arguments: [
        ("", 1), ("a,a\n", 1), ("a,b\n1\n", 2), ("a\n\"x", 2), ("a\n\"x\"y\n", 2), ("a\nx\"y\n", 2), ("a\rb\n", 1),
        (String(repeating: ",", count: 100), 1), ("a\n\0\n", 2),
    ])
    func `what another reader could read otherwise is an error with its line`(text: String, line: Int) {
        #expect(problem(Array(text.utf8))?.line == line)
    }

    @Test func `other encodings are said`() {
        #expect(problem([0xFF, 0xFE, 0x61, 0])?.found.hasPrefix("UTF-16") == true)
        #expect(problem(Array("a\n".utf8) + [0xE9])?.line == 2)
    }

    @Test func `a formula is no hash, and no version`() {
        let head = "manufacturer,model,hardwareVersion,firmwareVersion,manufacturerImageHash,status\n"
        #expect(throws: FirmwareProblem.self) {
            try CentralProductsList(
                csv: Array((head + "=1+1,010A030B,0101,0002012F,\(SHA256Value.of([1])),Current\n").utf8), name: "cpl.csv")
        }
        #expect(throws: FirmwareProblem.self) { try CentralProductsList(csv: Array("model\n010A030B\n".utf8), name: "cpl.csv") }
    }
}
