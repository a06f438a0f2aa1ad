@testable import Bench
import BenchModel
import Firmware
import Foundation
import Journal
import Logistics
import Simulator
import Testing

/// What consignments and scans mean to sessions.
@Suite(.timeLimit(.minutes(1))) struct ExpectedUnitTests {
    private static let clerk = Operator(user: "clerk", role: .clerk)

    private func desk(_ bench: TestBench) throws -> ConsignmentDesk {
        let prefix = try #require(GS1CompanyPrefix("5012345"))
        let location = try #require(GLN("5012345000008"))
        return ConsignmentDesk(
            LogisticsConfig(companyPrefix: prefix, location: location, namespace: "https://bench.example/"), journal: bench.journal)
    }

    private func deliver(_ desk: ConsignmentDesk, _ units: ClosedRange<Int>) async throws -> ConsignmentID {
        let id = try #require(ConsignmentID("RMA-1"))
        _ = try await desk.request(
            .init(
                consignment: id, kind: .returnForReflash, serviceUser: Party(name: "Leaf"), returnTo: "Leeds", reference: nil, load: .unit,
                units: nil, by: Self.clerk))
        _ = try await desk.answer(id, accept: true, text: nil, by: Self.clerk)
        let lines = ["chfId"] + units.map { "\(TestBench.chf($0))" }
        _ = try await desk.take(
            Notice(Array(lines.joined(separator: "\n").utf8)), file: SHA256Value.of([UInt8]()), for: id, by: Self.clerk)
        _ = try await desk.deliver(.init(consignment: id, counted: nil, carrier: nil, by: Self.clerk))
        return id
    }

    @Test func `a docked unit waits until its consignment is taken in, and then begins by itself`() async throws {
        try await TestBench.run(.init(hasConsignments: true)) { bench in
            let desk = try desk(bench)
            let refused = try await bench.ended(1)
            #expect(refused.verdict?.reason == .notExpected)
            let id = try await deliver(desk, 1...1)
            await bench.controller.reconsider()
            #expect(bench.controller.board.slot(TestBench.slot(1))?.session == refused.session)
            _ = try await desk.takeIn(id, by: Self.clerk)
            await bench.controller.reconsider()
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
            #expect(try await desk.consignment(id).reconciliation.states == [.reflashed: 1])
        }
    }

    @Test func `a unit that can't say who it is waits until it is scanned into its slot`() async throws {
        var bounds = SessionBounds()
        (bounds.request, bounds.comeBack, bounds.stall, bounds.erase) = (.seconds(3), .seconds(6), .seconds(5), .seconds(5))
        var setup = TestBench.Setup(bounds: bounds, variant: .twoG3G, isEmpty: true, identity: .osInfo("n"), hasConsignments: true)
        // Which its recovery can't be asked for.
        setup.hardwareSource = .absent
        try await TestBench.run(setup) { bench in
            let desk = try desk(bench)
            let id = try await deliver(desk, 1...1)
            _ = try await desk.takeIn(id, by: Self.clerk)
            let refused = try await bench.ended(1)
            #expect(refused.verdict?.reason == .notExpected)
            #expect(refused.verdict?.detail == "the unit does not say who it is before it runs its firmware: scan it into slot A1")
            try await bench.journal.append(
                JournalDraft(
                    .consignment(.unitBound(.init(consignment: id, by: Self.clerk))), slot: TestBench.slot(1), unit: TestBench.chf(1)))
            await bench.controller.reconsider()
            let served = try await bench.ended(1, sessions: 2).verdict
            #expect(served?.outcome == .reflashed, "\(served?.detail ?? "")")
            #expect(try await desk.consignment(id).reconciliation.states == [.reflashed: 1])
        }
    }

    @Test func `a unit whose hold is lifted begins by itself`() async throws {
        try await TestBench.run(.init(undocked: [1], hasConsignments: true)) { bench in
            let desk = try desk(bench)
            let id = try await deliver(desk, 1...1)
            _ = try await desk.takeIn(id, by: Self.clerk)
            _ = try await desk.hold(TestBench.chf(1), of: id, text: nil, by: Self.clerk)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            #expect(try await bench.ended(1).verdict?.reason == .unitHeld)
            _ = try await desk.lift(TestBench.chf(1), of: id, reason: "looked at", by: Self.clerk)
            await bench.controller.reconsider()
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
        }
    }

    @Test func `a unit that was scanned into a slot and never appears there has failed, and one that appears has not`() async throws {
        var bounds = SessionBounds()
        bounds.contact = .seconds(90)
        let setup = TestBench.Setup(
            installed: [FirmwareVersion(rawValue: 0x0002_0100), FirmwareVersion(rawValue: 0x0002_0100)], bounds: bounds, undocked: [1, 2],
            hasConsignments: true)
        let (missing, there) = try await TestBench.run(setup, seed: 7) { bench in
            let desk = try desk(bench)
            let id = try await deliver(desk, 1...2)
            _ = try await desk.takeIn(id, by: Self.clerk)
            for (index, slot) in [(1, TestBench.slot(1)), (2, TestBench.slot(2))] {
                try await bench.journal.append(
                    JournalDraft(.consignment(.unitBound(.init(consignment: id, by: Self.clerk))), slot: slot, unit: TestBench.chf(index)))
                await bench.controller.expect(TestBench.chf(index), in: slot)
            }
            try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(2))
            let missing = try await bench.ended(1).verdict
            return (missing, try await bench.ended(2).verdict)
        }
        #expect(missing?.outcome == .failed)
        #expect(missing?.reason == .noContact)
        #expect(missing?.detail == "scanned into the slot, and not seen there for 90 s")
        #expect(there?.outcome == .reflashed)
    }

    /// Unit 1 is on the table and scanned into slot 1, where it has 90 s to appear; five minutes later, its sessions.
    private func scanned(
        _ hands: @escaping @Sendable (TestBench) async throws -> Void
    ) async throws -> (outcomes: [Outcome?], states: [UnitState: Int]) {
        var bounds = SessionBounds()
        bounds.contact = .seconds(90)
        let setup = TestBench.Setup(
            installed: [FirmwareVersion(rawValue: 0x0002_0100)], bounds: bounds, undocked: [1], hasConsignments: true)
        return try await TestBench.run(setup, seed: 7) { bench in
            let desk = try desk(bench)
            let id = try await deliver(desk, 1...1)
            _ = try await desk.takeIn(id, by: Self.clerk)
            try await bench.journal.append(
                JournalDraft(
                    .consignment(.unitBound(.init(consignment: id, by: Self.clerk))), slot: TestBench.slot(1), unit: TestBench.chf(1)))
            await bench.controller.expect(TestBench.chf(1), in: TestBench.slot(1))
            try await hands(bench)
            try await bench.clock.sleep(for: .seconds(300))
            return (
                try await bench.journal.unit(TestBench.chf(1)).sessions.map(\.verdict?.outcome),
                try await desk.consignment(id).reconciliation.states
            )
        }
    }

    @Test func `a unit that was scanned into one slot and is served in another has not failed`() async throws {
        let (outcomes, states) = try await scanned { bench in
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(2))
            _ = try await bench.ended(2)
        }
        #expect(outcomes == [.reflashed])
        #expect(states == [.reflashed: 1])
    }

    /// The disk is full when the bound passes, and the unit comes before there is room again.
    private static func comeWhileTheJournalIsFull(_ bench: TestBench) async throws {
        let memory = try #require(bench.memory)
        try await bench.clock.sleep(for: .seconds(80))
        memory.refuseStores(with: .diskFull(path: "journal.sqlite"))
        try await bench.clock.sleep(for: .seconds(11))
        try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
        try await bench.clock.sleep(for: .seconds(9))
        memory.refuseStores(with: nil)
    }

    @Test func `a unit that came while the journal could not be written has not failed`() async throws {
        let (outcomes, _) = try await scanned { bench in try await Self.comeWhileTheJournalIsFull(bench) }
        #expect(outcomes == [.reflashed])
    }

    @Test func `nor has one that came into a slot that is held`() async throws {
        let (outcomes, _) = try await scanned { bench in
            try await bench.controller.hold(TestBench.slot(1), by: TestBench.supervisor)
            try await Self.comeWhileTheJournalIsFull(bench)
        }
        #expect(outcomes == [])
    }

    @Test func `the end of a session leaves a scan that came after its beginning`() async throws {
        let bound = try await TestBench.run(.init(undocked: [1], hasConsignments: true), seed: 7) { bench in
            let id = try await deliver(try desk(bench), 1...1)
            let started = JournalEvent.SessionStarted(
                unit: BenchModel.Unit(chfId: TestBench.chf(1)), profile: "4g", mode: .runtime, target: nil, checksOff: [])
            let session = try await bench.journal.append(
                JournalDraft(.sessionStarted(started), slot: TestBench.slot(2), unit: TestBench.chf(1))
            ).number
            try await bench.journal.append(
                JournalDraft(
                    .consignment(.unitBound(.init(consignment: id, by: Self.clerk))), slot: TestBench.slot(1), unit: TestBench.chf(1)))
            try await bench.journal.append(
                JournalDraft(
                    .outcome(Verdict(.unknown, reason: .didNotReturn)), slot: TestBench.slot(2), unit: TestBench.chf(1), session: session))
            return try await bench.journal.look { try $0.binding(of: TestBench.slot(1))?.value }
        }
        #expect(bound == TestBench.chf(1))
    }

    @Test func `a decision is answered before the slots have been looked at again`() async throws {
        let (waited, outcome) = try await TestBench.run(.init(refusals: 2, asking: .seconds(60)), seed: 3) { bench in
            guard try await bench.ended(1).verdict?.reason == .noApprovedRelease else { return (Duration.seconds(-1), Outcome?.none) }
            let before = bench.clock.now
            await bench.controller.decided()
            let waited = bench.clock.now - before
            return (waited, try await bench.ended(1, sessions: 2).verdict?.outcome)
        }
        #expect(waited == .zero)
        #expect(outcome == .reflashed)
    }
}
