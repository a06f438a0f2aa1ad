import BenchModel
import Foundation
import Journal
import LogisticsKit
import Simulator
import Testing

/// A consignment's records killed with SIGKILL at random moments of import, intake, packing, closing, exporting and archiving, and gone on with.
///
/// Each run prints its seed; `REFLASH_CLERK_SEED=N swift test --filter ClerkKillTests` replays that one alone.
@Suite(.timeLimit(.minutes(10)), .serialized) struct ClerkKillTests {
    private static let seeds: [UInt64] = {
        if let one = ProcessInfo.processInfo.environment["REFLASH_CLERK_SEED"].flatMap({ UInt64($0) }) { return [one] }
        return Array(1...20)
    }()
    /// A run that nobody kills takes about this long here.
    private static let runMilliseconds = 400
    private static let kills = 5

    @Test(arguments: seeds)
    func `nothing is lost and nothing is there twice`(seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        let moments = (0..<Self.kills).map { _ in Int.random(in: 0...Self.runMilliseconds, using: &random) }
        print("clerk kill test: seed \(seed), killed after \(moments) ms")
        try await withFolder { folder in
            for moment in moments {
                let clerk = try await Programs.start("clerk-script", [folder], output: "\(folder)/out.log", errors: "\(folder)/err.log")
                try await Task.sleep(for: .milliseconds(moment))
                clerk.signal(SIGKILL)
                _ = await clerk.ended
            }
            let last = try await Programs.run("clerk-script", [folder])
            try #require(last.status == 0, "seed \(seed): \(last.errors)")
            try await check(folder, "seed \(seed)")
        }
    }

    private func check(_ folder: String, _ comment: Comment) async throws {
        // What a killed run has left half made is no archive, and goes with the next one.
        let archives = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/archives").filter { $0.hasSuffix(".gz") }
        #expect(archives.count == 1, "\(archives), \(comment)")
        let live = try JournalVerifier.verify("\(folder)/bench.journal")
        #expect(live.isIntact, comment)
        let expanded = "\(folder)/archive.journal"
        let found = try JournalArchive.reading("\(folder)/archives/\(archives[0])") { path throws(JournalError) in
            do { try FileManager.default.copyItem(atPath: path, toPath: expanded) } catch { throw .storage(path: path, "\(error)") }
            return try JournalVerifier.verify(path)
        }
        #expect(found.isIntact, comment)
        let journal = try Journal(path: expanded, clock: SystemClock())
        let events = try await journal.events(after: 0, limit: 10_000)
        try await journal.close()
        let kinds = Dictionary(grouping: events, by: \.kind).mapValues(\.count)
        let expected = [
            "register-imported": 1, "return-requested": 1, "return-accepted": 1, "notice-imported": 1, "unit-announced": 24,
            "load-delivered": 1, "load-taken-in": 1, "session-started": 6, "outcome": 6, "unit-missing": 16, "package-opened": 2,
            "unit-packed": 6, "package-closed": 2, "consignment-closed": 1, "consignment-shipped": 1, "consignment-received": 1,
            "checkpoint": 1,
        ]
        for (kind, count) in expected { #expect(kinds[kind] == count, "\(kind), \(comment)") }
        let record = try String(contentsOfFile: "\(folder)/return-record.csv", encoding: .utf8).split(separator: "\r\n")
        let units = record.dropFirst().compactMap { $0.split(separator: ",", omittingEmptySubsequences: false).dropFirst(3).first }
        #expect(units.count == 24, comment)
        #expect(Set(units).count == 24, comment)
        let document = try Data(contentsOf: URL(filePath: "\(folder)/epcis.jsonld"))
        #expect((try? JSONSerialization.jsonObject(with: document)) != nil, comment)
    }
}
