import Bench
import BenchModel
import Journal
import Simulator
import Testing

/// Sessions that wait for their share of the host.
@Suite(.timeLimit(.minutes(2))) struct GrantTests {
    private static let old = FirmwareVersion(rawValue: 0x0002_0100)
    private static let step = FirmwareVersion(rawValue: 0x0002_0110)

    @Test func `A session that must wait says so at once, and again when it has got its share`() async throws {
        let setup = TestBench.Setup(installed: [Self.old, Self.old], concurrentSessions: 1)
        let (first, second) = try await TestBench.run(setup, seed: 1) { bench in
            _ = try await bench.ended(1)
            _ = try await bench.ended(2)
            let events = try await bench.journal.events(after: 0, limit: 1000)
            let kinds = ["grant-awaited", "grant-waited", "outcome"]
            func story(_ slot: Int) -> [(String, EventNumber)] {
                events.filter { $0.slot == TestBench.slot(slot) && kinds.contains($0.kind) }.map { ($0.kind, $0.number) }
            }
            return story(1).count == 1 ? (story(1), story(2)) : (story(2), story(1))
        }
        #expect(first.map(\.0) == ["outcome"])
        #expect(second.map(\.0) == ["grant-awaited", "grant-waited", "outcome"])
        #expect(second[0].1 < first[0].1 && first[0].1 < second[1].1, "it waits while the other one is written")
    }

    @Test func `A unit on a way of steps that is met in its bootloader waits for its share before it is read`() async throws {
        var setup = TestBench.Setup(installed: [Self.old, Self.old], concurrentSessions: 1)
        setup.over = [Self.step]
        setup.steps = [Self.step]
        setup.stepOver = [Self.old]
        // The second is pulled out in the middle of the step, and has nothing to start then; the first is written for a long time.
        setup.undocked = [1]
        setup.faults = [1: [Fault(.slow, value: "300", times: nil)], 2: [Fault(.unplug, atByte: 9000)]]
        let waits = try await TestBench.run(setup, seed: 1) { bench in
            _ = try await bench.ended(2)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            _ = try await bench.view(1) { $0.step == .transferring }
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(2))
            let view = try await bench.view(2) { $0.step == .readingBack || $0.message?.hasPrefix("waits for its share") == true }
            let waits = view.step != .readingBack
            _ = try await bench.view(2) { $0.step == .readingBack }
            _ = try await bench.ended(2, sessions: 2)
            return waits
        }
        #expect(waits)
    }

    @Test func `A unit that has a way of steps before it waits for one that is closer to its end`() async throws {
        var setup = TestBench.Setup(installed: [Self.old, Self.old, Self.step], concurrentSessions: 1)
        setup.over = [Self.step]
        setup.steps = [Self.step]
        setup.stepOver = [Self.old]
        setup.undocked = [1, 3]
        setup.faults = [1: [Fault(.slow, value: "300", times: nil)], 2: [Fault(.unplug, atByte: 9000)]]
        let granted = try await TestBench.run(setup, seed: 1) { bench in
            _ = try await bench.ended(2)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            _ = try await bench.view(1) { $0.step == .transferring }
            for index in 2...3 {
                try bench.bus.plug(TestBench.chf(index), into: TestBench.slot(index))
                _ = try await bench.view(index) { $0.message?.hasPrefix("waits for its share") == true }
            }
            _ = try await bench.ended(3)
            _ = try await bench.ended(2, sessions: 2)
            return try await bench.journal.events(after: 0, limit: 1000).filter { $0.kind == "grant-waited" }.compactMap(\.slot)
        }
        // Slot 1 waits as well, before its second image.
        #expect(granted.filter { $0 != TestBench.slot(1) } == [3, 2].map(TestBench.slot))
    }

    /// Unit 2 waits in slot 2 while unit 1 is written for a long time; unit 3 is on the table, and slot 4 is empty.
    private static func whileUnit2Waits(
        _ hands: @escaping @Sendable (TestBench) throws -> Void, until isOver: @escaping @Sendable (TestBench) async throws -> Void
    ) async throws -> [SessionRecord] {
        var setup = TestBench.Setup(installed: [old, old, old], concurrentSessions: 1)
        setup.undocked = [2, 3]
        setup.faults = [1: [Fault(.slow, value: "300", times: nil)]]
        return try await TestBench.run(setup, seed: 5) { bench in
            _ = try await bench.view(1) { $0.step == .transferring }
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(2))
            _ = try await bench.view(2) { $0.message?.hasPrefix("waits for its share") == true }
            try hands(bench)
            try await isOver(bench)
            _ = try await bench.ended(1)
            return try await bench.journal.sessions(limit: 100).reversed()
        }
    }

    @Test func `A unit that is pulled out while it waits for its share ends at once, and begins anew when it is back`() async throws {
        let sessions = try await Self.whileUnit2Waits { bench in
            try bench.bus.unplug(TestBench.slot(2))
        } until: { bench in
            _ = try await bench.ended(2)
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(2))
            _ = try await bench.ended(2, sessions: 2)
        }
        #expect(sessions.map(\.slot) == [1, 2, 2].map(TestBench.slot))
        #expect(sessions.map(\.verdict?.outcome) == [.reflashed, .unknown, .reflashed])
        #expect(sessions[1].verdict?.reason == .contactLost && sessions[1].verdict?.wrote == false)
        #expect(try ends(sessions[1], before: sessions[0]), "it did not wait for its turn first")
    }

    @Test func `A unit that takes the place of one that waits for its share is served, and no swap is made of it`() async throws {
        let sessions = try await Self.whileUnit2Waits { bench in
            try bench.bus.unplug(TestBench.slot(2))
            try bench.bus.plug(TestBench.chf(3), into: TestBench.slot(2))
        } until: { bench in
            _ = try await bench.ended(2, sessions: 2)
        }
        #expect(sessions.map(\.chfId) == [1, 2, 3].map(TestBench.chf))
        #expect(sessions.map(\.verdict?.outcome) == [.reflashed, .unknown, .reflashed])
        #expect(sessions[1].verdict?.reason == .contactLost)
    }

    @Test func `A unit that waits for its share and is carried to another slot waits there, not for its old slot's turn`() async throws {
        let sessions = try await Self.whileUnit2Waits { bench in
            try bench.bus.unplug(TestBench.slot(2))
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(4))
        } until: { bench in
            _ = try await bench.view(4) { $0.message?.hasPrefix("waits for its share") == true }
            _ = try await bench.ended(4)
        }
        #expect(sessions.map(\.slot) == [1, 2, 4].map(TestBench.slot))
        #expect(sessions.map(\.verdict?.outcome) == [.reflashed, .unknown, .reflashed])
        #expect(sessions[1].verdict?.wrote == false)
        #expect(try ends(sessions[1], before: sessions[0]))
    }

    private func ends(_ one: SessionRecord, before other: SessionRecord) throws -> Bool {
        let (first, second) = (try #require(one.outcomeEvent), try #require(other.outcomeEvent))
        return first < second
    }
}
