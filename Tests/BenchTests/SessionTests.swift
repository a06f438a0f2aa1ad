import Bench
import BenchModel
import Journal
import Simulator
import Testing

private let old = FirmwareVersion(rawValue: 0x0002_0100)

@Suite(.timeLimit(.minutes(1))) struct SessionTests {
    @Test(arguments: [true, false])
    func `a unit with older firmware is reflashed, and its flash read back`(isTolerant: Bool) async throws {
        try await TestBench.run(.init(isTolerant: isTolerant)) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed)
            #expect(view.verdict?.proof == .flashReadback)
            #expect(view.verdict?.identityProven == true)
            #expect(view.verdict?.installedVersion == TestBench.targetVersion)
            #expect(view.doNext == .remove)
            #expect(try bench.holdsImage(1))
            #expect(try bench.unit(1).mode == .runtime)
        }
    }

    @Test func `a transfer of which every last answer is lost is judged by what the flash holds`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.silence, inState: "dfuMANIFEST-SYNC", times: 3)]])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed)
            #expect(view.verdict?.proof == .flashReadback)
            #expect(try bench.unit(1).downloadsBegun == 3)
        }
    }

    @Test func `where nothing shows whether a unit has taken its image over, lost answers leave it unknown`() async throws {
        let faults = [1: [Fault(.silence, inState: "dfuMANIFEST-SYNC", times: 3)]]
        try await TestBench.run(.init(faults: faults, isEmpty: true, isDFUOnly: true)) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .unknown)
            #expect(view.verdict?.reason == .unproven)
        }
    }

    @Test func `a unit that holds the target is already current, and nothing is written`() async throws {
        try await TestBench.run { bench in
            _ = try await bench.ended(1)
            try await bench.move(1, to: 2)
            let view = try await bench.ended(2)
            #expect(view.verdict?.outcome == .alreadyCurrent)
            #expect(view.verdict?.proof == .flashReadback)
            #expect(view.verdict?.wrote == false)
            #expect(try bench.unit(1).downloadsBegun == 1)
            #expect(try bench.unit(1).mode == .runtime)
        }
    }

    @Test func `a device that knows DFU mode alone is reflashed on the proof of its flash, and never restarted`() async throws {
        try await TestBench.run(.init(isEmpty: true, isDFUOnly: true)) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed)
            #expect(view.verdict?.proof == .flashReadback)
            #expect(view.verdict?.identityProven == true)
            #expect(view.verdict?.checksOff?.contains("installed-version") == true)
            #expect(try bench.holdsImage(1))
            #expect(try bench.unit(1).mode == .bootloader)
        }
    }

    @Test func `the flash of a device that knows DFU mode alone is read, and what holds the release is not written again`() async throws {
        try await TestBench.run(.init(isEmpty: true, isDFUOnly: true)) { bench in
            _ = try await bench.ended(1)
            try await bench.controller.retry(TestBench.slot(1), by: TestBench.technician)
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .alreadyCurrent)
            #expect(try bench.unit(1).downloadsBegun == 1)
        }
    }

    @Test func `a device that would have to be restarted, and must not be, is unknown`() async throws {
        try await TestBench.run(.init(isTolerant: false, isEmpty: true, isDFUOnly: true)) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .unknown)
            #expect(view.verdict?.reason == .unproven)
        }
    }

    @Test func `the same version with other content is not current: it is written`() async throws {
        try await TestBench.run(.init(installed: [TestBench.targetVersion])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed)
            #expect(try bench.holdsImage(1))
        }
    }

    @Test func `newer firmware is refused as a downgrade`() async throws {
        try await TestBench.run(.init(installed: [FirmwareVersion(rawValue: 0x0003_0000)])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .refused)
            #expect(view.verdict?.reason == .downgrade)
            #expect(view.verdict?.detail == "installed is 00030000, the release is 0002012F")
            #expect(view.doNext == .hold)
            #expect(try bench.unit(1).downloadsBegun == 0)
        }
    }

    @Test func `hardware outside the release's range is refused`() async throws {
        try await TestBench.run(.init(hardware: "0200")) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.reason == .hardwareOutOfRange)
            #expect(try bench.unit(1).downloadsBegun == 0)
        }
    }

    @Test func `without a release for the variant a unit is refused`() async throws {
        try await TestBench.run(.init(hasTarget: false)) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.reason == .noApprovedRelease)
        }
    }

    @Test func `sixteen units at once are all reflashed, and two at a time when the host carries no more`() async throws {
        for limit in [64, 2] {
            try await TestBench.run(.init(installed: Array(repeating: old, count: 16), concurrentSessions: limit)) { bench in
                for index in 1...16 {
                    let view = try await bench.ended(index)
                    #expect(view.verdict?.outcome == .reflashed)
                    #expect(try bench.holdsImage(index))
                }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct SessionFaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var faults: [Fault]
        var outcome: Outcome
        var reason: OutcomeReason?
        var tolerant = true
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "a stall passes and the transfer is begun anew", faults: [Fault(.stall, atBlock: 3)], outcome: .reflashed),
        Case(name: "stalls without end", faults: [Fault(.stall, atBlock: 3, times: nil)], outcome: .failed, reason: .transferFailed),
        Case(name: "one lost answer to a block", faults: [Fault(.silence, atBlock: 3)], outcome: .reflashed),
        Case(name: "one lost status", faults: [Fault(.silence, request: "DFU_GETSTATUS")], outcome: .reflashed),
        Case(
            name: "silence for good", faults: [Fault(.silence, request: "DFU_GETSTATUS", times: nil)], outcome: .unknown, reason: .noAnswer),
        Case(name: "errPROG", faults: [Fault(.errorStatus, atBlock: 2, status: "errPROG")], outcome: .failed, reason: .transferFailed),
        Case(
            name: "errFILE", faults: [Fault(.errorStatus, atBlock: 0, status: "errFILE")], outcome: .failed, reason: .rejectedByBootloader),
        Case(name: "errUNKNOWN once", faults: [Fault(.errorStatus, atBlock: 2, status: "errUNKNOWN")], outcome: .reflashed),
        Case(name: "a bad bit", faults: [Fault(.bitFlip, atByte: 4321)], outcome: .failed, reason: .readbackMismatch),
        Case(
            name: "a bad bit in a unit that must reboot first", faults: [Fault(.bitFlip, atByte: 4321)], outcome: .failed,
            reason: .readbackMismatch, tolerant: false),
        Case(name: "a slow page", faults: [Fault(.slow, atBlock: 4, value: "100")], outcome: .reflashed),
        Case(
            name: "a page slower than the bound", faults: [Fault(.slow, atBlock: 4, value: "900", times: nil)], outcome: .reflashed),
        Case(
            name: "a page slower than the bound, of which the unit says nothing",
            faults: [Fault(.slow, atBlock: 4, value: "900", times: nil), Fault(.pollTimeout, value: "10", times: nil)], outcome: .unknown,
            reason: .noAnswer),
        Case(name: "a poll timeout that lies long", faults: [Fault(.pollTimeout, value: "500", times: nil)], outcome: .reflashed),
        Case(name: "a poll timeout that lies short", faults: [Fault(.pollTimeout, value: "0", times: nil)], outcome: .reflashed),
        Case(
            name: "a wrong version", faults: [Fault(.wrongVersion, value: "00020001", times: nil)], outcome: .failed,
            reason: .versionMismatch),
        Case(name: "never comes back", faults: [Fault(.neverReturns)], outcome: .unknown, reason: .didNotReturn),
        Case(
            name: "comes back as another unit", faults: [Fault(.returnsAs, value: "00-DB-12-34-56-78-9F-FF")], outcome: .swapped,
            reason: .otherUnit),
        Case(name: "a short upload is read again", faults: [Fault(.shortUpload, atBlock: 2)], outcome: .reflashed),
        Case(
            name: "short uploads without end", faults: [Fault(.shortUpload, atBlock: 2, times: nil)], outcome: .unknown, reason: .noAnswer),
        Case(
            name: "an upload that stalls for good", faults: [Fault(.stall, request: "DFU_UPLOAD", times: nil)], outcome: .unknown,
            reason: .noAnswer),
        Case(name: "a lost answer in manifestation", faults: [Fault(.silence, inState: "dfuMANIFEST")], outcome: .reflashed),
        Case(
            name: "a lost answer at the end of manifestation", faults: [Fault(.silence, inState: "dfuMANIFEST-WAIT-RESET")],
            outcome: .reflashed, tolerant: false),
        Case(name: "a transfer error passes", faults: [Fault(.lineError, atBlock: 3)], outcome: .reflashed),
        Case(
            name: "transfer errors without end, as before a disconnect is noticed",
            faults: [Fault(.lineError, request: "DFU_GETSTATUS", times: nil)], outcome: .unknown, reason: .noAnswer),
        Case(
            name: "the answer to DETACH is lost as the unit detaches", faults: [Fault(.lineError, request: "DFU_DETACH")],
            outcome: .reflashed),
        Case(
            name: "DETACH stalls for good", faults: [Fault(.stall, request: "DFU_DETACH", times: nil)], outcome: .failed,
            reason: .enterFailed),
        Case(name: "DETACH stalls once", faults: [Fault(.stall, request: "DFU_DETACH")], outcome: .reflashed),
        Case(name: "pulled during the transfer", faults: [Fault(.unplug, atByte: 20_000)], outcome: .unknown, reason: .contactLost),
        Case(name: "pulled at the first byte", faults: [Fault(.unplug, atByte: 0)], outcome: .unknown, reason: .contactLost),
        Case(
            name: "pulled during manifestation", faults: [Fault(.unplug, inState: "dfuMANIFEST")], outcome: .unknown, reason: .contactLost),
        Case(
            name: "pulled while it is read back", faults: [Fault(.unplug, inState: "dfuUPLOAD-IDLE")], outcome: .unknown),
        Case(
            name: "descriptors that claim too much", faults: [Fault(.hugeDescriptors, times: nil)], outcome: .failed,
            reason: .identificationFailed),
        Case(
            name: "descriptors cut short", faults: [Fault(.truncatedDescriptors, value: "60", times: nil)], outcome: .failed,
            reason: .identificationFailed),
    ]

    @Test(arguments: cases)
    func `a fault ends in a true outcome, and the other slots do not notice`(_ fault: Case) async throws {
        let old = FirmwareVersion(rawValue: 0x0002_0100)
        try await TestBench.run(.init(installed: [old, old, old], faults: [2: fault.faults], isTolerant: fault.tolerant)) { bench in
            let view = try await bench.ended(2)
            #expect(view.verdict?.outcome == fault.outcome, "\(view.verdict?.detail ?? "")")
            // Which of its two reasons an unknown has may depend on who notices first.
            if let reason = fault.reason { #expect(view.verdict?.reason == reason, "\(view.verdict?.detail ?? "")") }
            if fault.outcome == .reflashed { #expect(try bench.holdsImage(2)) }
            for index in [1, 3] { #expect(try await bench.ended(index).verdict?.outcome == .reflashed) }
        }
    }

    @Test func `a unit pulled mid-way is unknown until it is docked again, and then settled by readback`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.unplug, atByte: 20_000)]])) { bench in
            let lost = try await bench.ended(1)
            #expect(lost.doNext == .dockAgain)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
            let sessions = try await bench.journal.unit(TestBench.chf(1)).sessions
            #expect(sessions.map(\.verdict?.outcome) == [.unknown, .reflashed])
            #expect(sessions[0].settled?.outcome == .failed)
            #expect(sessions[0].settled?.reason == .interrupted)
            #expect(sessions[0].settledBy == sessions[1].id)
        }
    }

    @Test func `a unit that had it all when contact was lost is settled as reflashed, and not written again`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.unplug, inState: "dfuUPLOAD-IDLE")]])) { bench in
            _ = try await bench.ended(1)
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .alreadyCurrent)
            let sessions = try await bench.journal.unit(TestBench.chf(1)).sessions
            #expect(sessions[0].settled?.outcome == .reflashed)
            #expect(try bench.unit(1).downloadsBegun == 1)
        }
    }

    @Test func `a unit that was written and can't be brought back into its bootloader is unknown, not failed`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.unplug, atByte: 20_000)]], isTolerant: false)) { bench in
            _ = try await bench.ended(1)
            try bench.bus.add(Fault(.stall, request: "DFU_DETACH", times: nil), to: TestBench.chf(1))
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            let view = try await bench.ended(1, sessions: 2)
            #expect(view.verdict?.outcome == .unknown)
            #expect(view.verdict?.reason == .noAnswer)
            #expect(try bench.holdsImage(1))
        }
    }

    @Test func `what is taken out after a swap is recorded as the unit that came`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.returnsAs, value: "00-DB-12-34-56-78-9F-FF")]])) { bench in
            #expect(try await bench.ended(1).verdict?.outcome == .swapped)
            let first = try await bench.journal.unit(TestBench.chf(1)).sessions
            #expect(first.map(\.verdict?.outcome) == [.swapped])
            try bench.bus.unplug(TestBench.slot(1))
            let removed = try await bench.event("unit-removed")
            #expect(removed.unit?.description == "00-DB-12-34-56-78-9F-FF")
        }
    }

    @Test func `a unit that failed is asked for in another slot, and held when it fails there too`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.bitFlip, atByte: 4321, times: nil)]])) { bench in
            #expect(try await bench.ended(1).doNext == .moveToAnotherSlot)
            try bench.bus.unplug(TestBench.slot(1))
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(2))
            let second = try await bench.ended(2)
            #expect(second.verdict?.outcome == .failed)
            #expect(second.doNext == .hold)
            #expect(bench.controller.board.slot(TestBench.slot(1))?.verdict == nil)
        }
    }

    @Test func `a unit that comes back in another slot is unknown in the first and current in the second`() async throws {
        try await TestBench.run(.init(faults: [1: [Fault(.returnsIn, value: "A2")]])) { bench in
            let second = try await bench.ended(2)
            #expect(second.verdict?.outcome == .alreadyCurrent)
            let sessions = try await bench.journal.unit(TestBench.chf(1)).sessions
            #expect(sessions.map(\.verdict?.outcome) == [.unknown, .alreadyCurrent])
            #expect([.seenElsewhere, .contactLost].contains(sessions[0].verdict?.reason))
            #expect(sessions[0].settled?.outcome == .reflashed)
        }
    }

    @Test func `two devices with one CHF ID at the same time: the second is refused`() async throws {
        let twin = Fault(.returnsAs, value: TestBench.chf(1).description)
        try await TestBench.run(
            .init(installed: [FirmwareVersion(rawValue: 0x0002_0100), FirmwareVersion(rawValue: 0x0002_0100)], faults: [2: [twin]])
        ) {
            bench in
            // The second comes back from its reboot under the first one's name.
            #expect(try await bench.ended(2).verdict?.outcome == .swapped)
            _ = try await bench.ended(1)
            try await bench.controller.retry(TestBench.slot(2), by: TestBench.technician)
            let view = try await bench.ended(2, sessions: 2)
            #expect(view.verdict?.outcome == .refused)
            #expect(view.verdict?.reason == .duplicateIdentity)
        }
    }
}
