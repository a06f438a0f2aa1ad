import Bench
import BenchKit
import BenchModel
import Foundation
import Journal
import Testing

@testable import Simulator

/// What the bench does about slots and releases that fail too often.
@Suite(.timeLimit(.minutes(2))) struct OutOfServiceTests {
    private static let old = FirmwareVersion(rawValue: 0x0002_0100)
    private static let broken = [Fault(.errorStatus, atBlock: 0, status: "errPROG", times: nil)]

    /// Docks one unit after the other in a slot and takes it out again, as long as the slot serves.
    private static func feed(_ bench: TestBench, _ units: ClosedRange<Int>, slot: Int) async throws -> Int {
        for (index, unit) in units.enumerated() {
            try bench.bus.plug(TestBench.chf(unit), into: TestBench.slot(slot))
            _ = try await bench.ended(slot, sessions: index + 1)
            try bench.bus.unplug(TestBench.slot(slot))
            let view = try await bench.view(slot) { !$0.isPresent }
            if view.isOutOfService { return index + 1 }
        }
        return 0
    }

    private static func setup(good: Int, broken count: Int) -> TestBench.Setup {
        var setup = TestBench.Setup(installed: Array(repeating: old, count: good + count))
        setup.undocked = Set(good + 1...good + count)
        for index in good + 1...good + count { setup.faults[index] = broken }
        return setup
    }

    @Test func `A slot in which unit after unit fails is taken out, said loudly, and works again when a supervisor returns it`()
        async throws
    {
        let (fed, out, events, back) = try await TestBench.run(Self.setup(good: 8, broken: 8), seed: 1) { bench in
            for index in 1...8 { _ = try await bench.ended(index) }
            let fed = try await Self.feed(bench, 9...16, slot: 17)
            let out = (bench.controller.board.alarms, try #require(bench.controller.board.slot(TestBench.slot(17))).doNext)
            // A unit that is put into it all the same is sent elsewhere.
            try bench.bus.plug(TestBench.chf(9), into: TestBench.slot(17))
            let sent = try await bench.view(17) { $0.doNext == .moveToAnotherSlot && $0.message != nil }.message
            try bench.bus.clearFaults(of: TestBench.chf(9))
            try await bench.controller.returnToService(TestBench.slot(17), by: TestBench.supervisor)
            let back = try await bench.view(17) { $0.verdict?.outcome == .reflashed }
            let events = try await bench.journal.events(after: 0, limit: 1000).filter { $0.kind.hasPrefix("slot-") }.map(\.kind)
            return (fed, (out.0, out.1, sent), events, back.isOutOfService)
        }
        #expect((3...6).contains(fed))
        #expect(out.0.count == 1 && out.0[0].contains("slot A17 is out of service"))
        #expect(out.1 == .outOfService)
        #expect(out.2?.contains("out of service") == true)
        #expect(events == ["slot-out-of-service", "slot-returned"])
        #expect(!back)
    }

    @Test func `A release that fails on unit after unit is halted before a slot is, and goes on when it is approved again`() async throws {
        var setup = Self.setup(good: 0, broken: 6)
        setup.installed.append(Self.old)
        setup.undocked = Set(1...7)
        let (alarms, outcome, out, after) = try await TestBench.run(setup, seed: 2) { bench in
            for index in 1...6 {
                try bench.bus.plug(TestBench.chf(index), into: TestBench.slot(index))
                _ = try await bench.ended(index)
                if !bench.controller.board.halts.isEmpty { break }
            }
            let alarms = bench.controller.board.alarms
            try bench.bus.plug(TestBench.chf(7), into: TestBench.slot(7))
            let refused = try await bench.ended(7).verdict
            bench.targets.approveAgain()
            await bench.controller.decided()
            let after = try await bench.ended(7, sessions: 2).verdict?.outcome
            return (alarms, refused, bench.controller.board.slots.contains(where: \.isOutOfService), after)
        }
        #expect(alarms.count == 1 && alarms[0].contains("release (4G) is halted on hardware 0101: 5 of 5"), "\(alarms)")
        #expect(outcome?.outcome == .refused && outcome?.reason == .noApprovedRelease)
        #expect(!out)
        #expect(after == .reflashed)
    }
}
