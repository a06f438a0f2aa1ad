@testable import Bench
import BenchModel
import Journal
import Simulator
import Testing

@Suite(.timeLimit(.minutes(1))) struct SlotTests {
    @Test func `a held slot begins nothing until it is released`() async throws {
        try await TestBench.run(.init(undocked: [1])) { bench in
            try await bench.controller.hold(TestBench.slot(1), by: TestBench.technician)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            let held = try await bench.view(1) { $0.isPresent && $0.message != nil }
            #expect(held.doNext == .hold)
            #expect(held.session == nil)
            try await bench.controller.release(TestBench.slot(1), by: TestBench.technician)
            #expect(try await bench.ended(1).verdict?.outcome == .reflashed)
        }
    }

    @Test func `a held slot speaks of the unit that is in it, not of the one before`() async throws {
        let bad = Fault(.bitFlip, atByte: 1, times: nil)
        let old = FirmwareVersion(rawValue: 0x0002_0100)
        try await TestBench.run(.init(installed: [old, old], faults: [1: [bad]], undocked: [2])) { bench in
            _ = try await bench.ended(1)
            try bench.bus.unplug(TestBench.slot(1))
            _ = try await bench.view(1) { !$0.isPresent }
            try await bench.controller.hold(TestBench.slot(1), by: TestBench.technician)
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(1))
            let view = try await bench.view(1) { $0.isPresent && $0.message != nil }
            #expect(view.unit?.chfId == TestBench.chf(2))
            #expect(view.verdict == nil)
            try bench.bus.unplug(TestBench.slot(1))
            let removed = try await bench.event("unit-removed", number: 2)
            #expect(removed.unit == TestBench.chf(2))
        }
    }

    @Test func `a release while a session runs leaves it alone`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.view(1) { $0.sessionBegan != nil }
            try await bench.controller.hold(TestBench.slot(1), by: TestBench.technician)
            try await bench.controller.release(TestBench.slot(1), by: TestBench.technician)
            #expect(try await bench.ended(1).verdict?.outcome == .reflashed)
            #expect(try await bench.journal.sessions(limit: 10).count == 1)
        }
    }

    @Test func `a release of a slot whose unit is settled begins nothing`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.ended(1)
            try await bench.controller.hold(TestBench.slot(1), by: TestBench.technician)
            #expect(bench.controller.board.slot(TestBench.slot(1))?.doNext == .hold)
            try await bench.controller.release(TestBench.slot(1), by: TestBench.technician)
            #expect(bench.controller.board.slot(TestBench.slot(1))?.doNext == .remove)
            #expect(try await bench.journal.sessions(limit: 10).count == 1)
        }
    }

    @Test func `orders that make no sense are refused with the reason`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.ended(1)
            await #expect(throws: SlotOrderError.self) { try await bench.controller.retry(TestBench.slot(2), by: TestBench.technician) }
            await #expect(throws: SlotOrderError.self) { try await bench.controller.release(TestBench.slot(1), by: TestBench.technician) }
            await #expect(throws: SlotOrderError.self) { try await bench.controller.hold(TestBench.slot(9), by: TestBench.technician) }
        }
    }

    @Test func `a retry is another session, which finds the unit current`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.ended(1)
            try await bench.controller.retry(TestBench.slot(1), by: TestBench.technician)
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .alreadyCurrent)
        }
    }

    @Test func `a unit that goes wrong again and again in one slot is not begun with by itself`() async throws {
        let pulls = (0..<3).map { _ in Fault(.unplug, atByte: 10_000) }
        try await TestBench.run(.init(faults: [1: pulls])) { bench in
            for session in 1...3 {
                _ = try await bench.ended(1, sessions: session)
                _ = try await bench.view(1) { !$0.isPresent }
                try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            }
            let view = try await bench.view(1) { $0.message != nil }
            #expect(view.doNext == .moveToAnotherSlot)
            try await bench.controller.retry(TestBench.slot(1), by: TestBench.technician)
            #expect(try await bench.ended(1, sessions: 4).verdict?.outcome == .reflashed)
        }
    }

    @Test func `a settled unit that is taken out leaves a free slot`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.ended(1)
            try bench.bus.unplug(TestBench.slot(1))
            let view = try await bench.view(1) { !$0.isPresent && $0.verdict == nil }
            #expect(view.doNext == .dock)
            _ = try await bench.event("unit-removed")
        }
    }

    @Test func `what a slot sees is recorded in order`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.ended(1)
            let kinds = try await bench.journal.events(after: 0, limit: 100).map(\.kind)
            #expect(
                kinds == [
                    "unit-docked", "session-started", "bootloader-entered", "transfer-started", "transfer-finished", "activated",
                    "readback",
                    "outcome",
                ])
        }
    }

    @Test func `A device at a port that is no slot is listed as long as it is there`() async throws {
        var setup = TestBench.Setup(installed: [TestBench.targetVersion, TestBench.targetVersion])
        setup.unserved = [2]
        let (first, again) = try await TestBench.run(setup, seed: 1) { bench in
            let first = try await bench.strays { !$0.isEmpty }
            try bench.bus.unplug(TestBench.slot(2))
            _ = try await bench.strays { $0.isEmpty }
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(2))
            return (first, try await bench.strays { !$0.isEmpty })
        }
        #expect(first.map(\.port.idPath) == ["pci-0000:00:14.0-usb-0:1.2"])
        #expect(again.map(\.port) == first.map(\.port))
        #expect(again.map(\.node) != first.map(\.node), "it is another attachment")
    }
}
