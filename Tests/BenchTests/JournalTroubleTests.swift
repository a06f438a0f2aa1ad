import Bench
import BenchModel
import Journal
import Testing

@testable import Simulator

/// A journal that can't take anything for a while: no unit is written to of which that is not recorded.
@Suite struct JournalTroubleTests {
    private static let troubles: [JournalError] = [
        .diskFull(path: "journal.sqlite"), .readOnly(path: "journal.sqlite"), .corrupt(path: "journal.sqlite", "a page of it"),
        .clockBehind(path: "journal.sqlite", last: "2026-01-02T00:00:00.000Z", now: "2026-01-01T00:00:00.000Z"),
    ]
    /// As a session of one component stores its events, and some more.
    private static let stores = 0...8

    @Test(arguments: troubles.indices, stores)
    func `nothing new is written to a unit, that is said, and flashing goes on when there is room again`(trouble: Int, after stores: Int)
        async throws
    {
        let trouble = Self.troubles[trouble]
        let seen = try await TestBench.run(.init(undocked: [1]), seed: UInt64(stores) + 1) { bench in
            let memory = try #require(bench.memory)
            memory.refuseStores(with: trouble, after: stores)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            // Longer than a session takes, and than the tries to store lie apart.
            try await bench.clock.sleep(for: .seconds(120))
            let said = bench.controller.board.impediment
            let written = try bench.unit(1).downloadsBegun
            let recorded = try await bench.journal.events(after: 0, limit: 1000).filter { $0.kind == "transfer-started" }.count
            let outcomes = try await bench.journal.events(after: 0, limit: 1000).filter { $0.kind == "outcome" }.count
            let shown = bench.controller.board.slot(TestBench.slot(1))?.verdict
            memory.refuseStores(with: nil)
            let end = try await bench.ended(1)
            return Seen(
                said: said, written: written, recorded: recorded, outcomes: outcomes, isShown: shown != nil, end: end.verdict,
                saidAfter: bench.controller.board.impediment, downloads: try bench.unit(1).downloadsBegun, holds: try bench.holdsImage(1))
        }
        // Where all of the session was stored before, there was nothing to say.
        if seen.outcomes == 0 { #expect(seen.said == "flashing waits: \(trouble)") }
        #expect(seen.written <= seen.recorded)
        #expect(seen.isShown == (seen.outcomes == 1))
        #expect(seen.end?.outcome == .reflashed)
        #expect(seen.saidAfter == nil)
        #expect(seen.downloads == 1)
        #expect(seen.holds)
    }

    private struct Seen: Sendable {
        var said: String?
        var written: Int
        var recorded: Int
        var outcomes: Int
        var isShown: Bool
        var end: Verdict?
        var saidAfter: String?
        var downloads: Int
        var holds: Bool
    }
}
