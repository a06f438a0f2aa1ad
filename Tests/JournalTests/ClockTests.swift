import BenchModel
import Foundation
@testable import Journal
import Synchronization
import Testing

@Suite struct ClockTests {
    /// A clock that is set by hand.
    private final class SetClock: BenchClock {
        let utc = Atomic<Int64>(1_790_000_000_000)
        var now: Duration { .zero }
        var utcMilliseconds: Int64 { utc.load(ordering: .relaxed) }
        func sleep(until deadline: Duration) async throws {}
    }

    @Test func `nothing is recorded while the clock is behind the last event, and the journal goes on once it is right`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let clock = SetClock()
        let path = folder.appending(path: "j.sqlite").path
        let journal = try Journal(path: path, clock: clock)
        try await journal.append(JournalDraft(.held, slot: slotA1))
        clock.utc.add(-3_600_000, ordering: .relaxed)
        let error = await #expect(throws: JournalError.self) { try await journal.append(JournalDraft(.held, slot: slotA1)) }
        #expect(error?.code == "journal-clock-behind")
        #expect(
            error?.description == "the clock says 2026-09-21T13:13:20.000Z, and the last event of \(path) is of 2026-09-21T14:13:20.000Z: "
                + "set the clock, flashing goes on by itself")
        #expect(try await journal.events(after: 0, limit: 10).count == 1)
        // What a time service does is no reason to stop.
        clock.utc.add(3_596_000, ordering: .relaxed)
        try await journal.append(JournalDraft(.held, slot: slotA1))
        let times = try await journal.events(after: 0, limit: 10).map(\.utc)
        #expect(times.count == 2 && times[0] == times[1], "numbers and times rise together")
        try await journal.close()
    }
}
