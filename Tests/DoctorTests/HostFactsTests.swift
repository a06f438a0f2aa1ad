import Foundation
import Testing

@testable import Doctor

#if canImport(Glibc)
    import Glibc
#endif

/// What is asked of this very host.
@Suite struct HostFactsTests {
    @Test func `who has a slot's line open is found by its own name for the line, with name and process`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "it-doctor-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Whose name is asked for is a link, as /dev/serial/by-path has them; that it is no tty makes no difference to /proc.
        let tty = folder.appending(path: "ttyS9").path
        try Data().write(to: URL(filePath: tty))
        let link = folder.appending(path: "line").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: tty)
        let line = open(tty, O_RDWR | O_CLOEXEC)
        defer { close(line) }
        try #require(line >= 0)
        let own = try String(contentsOfFile: "/proc/self/comm", encoding: .utf8).trimmingCharacters(in: .newlines)

        let facts = HostFacts.gather(journalFolder: folder.path, devices: [], lines: [link])
        #expect(facts.ttyHolders == [.init(tty: link, program: own, pid: Int(getpid()))])
        #expect(facts.programs[own]?.contains(Int(getpid())) == true)
        #expect(try #require(facts.freeBytes) > 0)
        #expect(try #require(facts.syncSeconds) > 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["line", "ttyS9"], "what it wrote is gone")
        #expect((facts.groups == nil) == (geteuid() == 0))
    }

    @Test func `a folder that is not there is said to be unknown, not to be full`() {
        let facts = HostFacts.gather(journalFolder: "/nonexistent", devices: [])
        #expect(facts.freeBytes == nil)
        #expect(facts.syncSeconds == nil)
    }

    @Test(
        arguments: [
            ([], 0), ([.fine], 0), ([.warning, .fine], 2), ([.fine, .problem, .warning], 1),
        ] as [([Finding.Severity], Int32)])
    func `the exit status is that of the worst finding`(severities: [Finding.Severity], status: Int32) {
        #expect(Finding.exitStatus(of: severities) == status)
    }
}
