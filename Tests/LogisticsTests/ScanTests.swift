import BenchModel
import Journal
import LogisticsKit
import Logistics
import Testing

@Suite struct ScanTests {
    @Test func `a scan is told at once whether the unit is expected, again, or unexpected`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            #expect(try await bench.scan(unit(1).compact).verdict == .expected)
            #expect(try await bench.scan("\(unit(1))\r").verdict == .duplicate)
            #expect(try await bench.scan("\(unit(9))").verdict == .unexpected)
            #expect(try await bench.scan("4711").verdict == .unreadable)
        }
    }

    @Test func `a scan that is sent twice is recorded once and answered the same`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            let first = try await bench.scan("\(unit(1))", number: "s-1")
            #expect(try await bench.scan("\(unit(1))", number: "s-1") == first)
            #expect(try await bench.journal.events(after: 0, limit: 100).count { $0.kind == "scanned" } == 1)
        }
    }

    @Test func `the printed identity stands for the CHF ID that the notice gives`() async throws {
        try await TestBench.with { bench in
            try await bench.accepted()
            let printed = EUI64(rawValue: 0x00DB_FFFF_0000_0001)
            let notice = Notice(csv(["chfId,gpfId", "\(unit(1)),\(printed)"]))
            _ = try await bench.desk.take(notice, file: .zero, for: id, by: clerk)
            let answer = try await bench.scan("\(printed)")
            #expect(answer.verdict == .expected)
            #expect(answer.unit == unit(1))
        }
    }

    @Test func `a unit that comes unexpected is listed apart, held, and can be admitted`() async throws {
        try await TestBench.with { bench in
            try await bench.delivered(units: 1)
            #expect(try await bench.scan("\(unit(7))", consignment: id).verdict == .unexpected)
            _ = try await bench.desk.takeIn(id, by: clerk)
            #expect(try await bench.state(7) == .held)
            #expect(try await bench.desk.consignment(id).reconciliation.unexpected == 1)
            _ = try await bench.desk.admit(unit(7), into: id, reason: "in the carton of unit 1", by: clerk)
            #expect(try await bench.state(7) == .awaiting)
            #expect(try await bench.desk.consignment(id).reconciliation.states == [.awaiting: 2])
        }
    }

    @Test func `a slot's label and then a unit bind them`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            #expect(try await bench.scan("SLOT:A02").verdict == .slotReady)
            let answer = try await bench.scan("\(unit(1))")
            #expect(answer.verdict == .bound)
            #expect(answer.slot?.label == "A02")
            #expect(try await bench.journal.look { try $0.binding(of: slot("A02"))?.value } == unit(1))
            // What was scanned before is done with.
            #expect(try await bench.scan("\(unit(2))").verdict == .expected)
        }
    }

    @Test func `another unit than was scanned into the slot is held, and so is the one that was scanned`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            _ = try await bench.scan("A02")
            _ = try await bench.scan("\(unit(1))")
            let refused = await #expect(throws: Refusal.self) {
                try await bench.admission.admit(BenchModel.Unit(chfId: unit(2)), in: slot("A02"))
            }
            #expect(refused?.reason == .otherUnitScanned)
            #expect(refused?.detail == "\(unit(1)) was scanned into slot A02, and \(unit(2)) is in it: both are held")
            #expect(try await bench.state(1) == .held)
            #expect(try await bench.state(2) == .held)
        }
    }

    @Test(arguments: ["UNDO", "HOLD"])
    func `a card acts on what was scanned last`(card: String) async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            _ = try await bench.scan("\(unit(1))")
            let answer = try await bench.scan("CARD:\(card)")
            #expect(answer.unit == unit(1))
            let found = try #require(try await bench.desk.openCase(of: unit(1))).unit
            #expect((found.scanned == nil) == (card == "UNDO"))
            #expect((found.hold != nil) == (card == "HOLD"))
            #expect(answer.verdict == (card == "UNDO" ? .undone : .held))
        }
    }

    @Test func `a second UNDO has nothing to take back`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            _ = try await bench.scan("\(unit(1))")
            _ = try await bench.scan("CARD:UNDO")
            let answer = try await bench.scan("CARD:UNDO")
            #expect(answer.verdict == .refused)
            #expect(answer.message == "there is nothing to take back here: the last scan changed nothing")
        }
    }

    @Test func `HOLD means the unit that was scanned last, also where that scan changed nothing`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            _ = try await bench.scan("\(unit(2))")
            _ = try await bench.scan("\(unit(1))")
            #expect(try await bench.scan("\(unit(2))").verdict == .duplicate)
            // What the scan before did is not what is taken back.
            #expect(try await bench.scan("CARD:UNDO").verdict == .refused)
            #expect(try await bench.scan("CARD:HOLD").unit == unit(2))
            #expect(try await bench.state(1) == .awaiting)
            #expect(try await bench.state(2) == .held)
            #expect(try await bench.scan("\(unit(9))").verdict == .unexpected)
            #expect(try await bench.scan("CARD:HOLD").verdict == .refused)
        }
    }

    @Test func `UNDO takes back all that a scan did`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            _ = try await bench.journal.append(
                JournalDraft(
                    .unitDocked(.init(port: PortPath("pci-0000:00:14.0-usb-0:1"), profile: "hub", mode: .runtime)), slot: slot("A01")))
            let session = try await bench.session(1, nil)
            _ = try await bench.scan("A01")
            #expect(try await bench.scan("\(unit(2))").verdict == .held)
            #expect(try await bench.state(1) == .held)
            #expect(try await bench.state(2) == .held)
            #expect(try await bench.scan("CARD:UNDO").verdict == .undone)
            #expect(try await bench.state(1) == .inProgress)
            try await bench.journal.append(JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit(1), session: session))
            _ = try await bench.scan("A01")
            let early = try await bench.scan("\(unit(2))")
            #expect(early.message == "slot A01 still has \(unit(1)) in it, which is reflashed: take it out, and scan the slot again")
            #expect(try await bench.state(1) == .reflashed)
            #expect(try await bench.state(2) == .awaiting)
        }
    }

    @Test func `a packed unit is not held by card`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            try await bench.session(1, .reflashed)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.scan("(00)\(carton)")
            #expect(try await bench.scan("\(unit(1))").verdict == .packed)
            let answer = try await bench.scan("CARD:HOLD")
            #expect(answer.message == "\(unit(1)) is in carton \(carton): take it out first ('pack undo')")
            #expect(try await bench.state(1) == .reflashed)
        }
    }

    @Test func `a carton that a notice announces is expected, and one of another consignment is not`() async throws {
        try await TestBench.with { bench in
            try await bench.accepted()
            let carton = sure(SSCC("350123451234567894"))
            let notice = Notice(csv(["chfId,carton", "\(unit(1)),\(carton.digits)", "\(unit(2)),\(carton.digits)"]))
            _ = try await bench.desk.take(notice, file: .zero, for: id, by: clerk)
            let other = sure(ConsignmentID("RMA-2"))
            try await bench.accepted(other)
            let answer = try await bench.scan("(00)\(carton)")
            #expect(answer.verdict == .expected)
            #expect(answer.message == "\(carton) is expected in RMA-1, with 2 units")
            #expect(try await bench.scan("(00)\(carton)", consignment: other).verdict == .unexpected)
            let unitOfOther = try await bench.scan("\(unit(1))", consignment: other)
            #expect(unitOfOther.verdict == .unexpected)
            #expect(unitOfOther.message == "RMA-2 does not expect \(unit(1)): it is of RMA-1")
        }
    }

    @Test func `what a scan readied is readied again where its answer was lost with the daemon`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            _ = try await bench.scan("A02", number: "s-1")
            let restarted = ScanDesk(bench.desk, slots: [slot("A02")])
            func scan(_ code: String, _ number: String) async throws -> ScanAnswer {
                try await restarted.take(ScanOrder(scan: number, code: code, station: "bench 1", consignment: nil), by: clerk)
            }
            #expect(try await scan("A02", "s-1").verdict == .slotReady)
            #expect(try await scan("\(unit(1))", "s-2").verdict == .bound)
        }
    }

    @Test func `units are packed by scans, and the carton-full card gives the next carton`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 4)
            for number in 1...3 { try await bench.session(number, .reflashed) }
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk)
            #expect(carton.sscc.digits == "050123450000000015")
            #expect(try await bench.scan("(00)\(carton.sscc)").verdict == .cartonReady)
            #expect(try await bench.scan("\(unit(1))").verdict == .packed)
            #expect(try await bench.scan("\(unit(1))").verdict == .duplicate)
            let unsettled = try await bench.scan("\(unit(4))")
            #expect(unsettled.message == "\(unit(4)) is awaiting: only settled units are packed")
            #expect(try await bench.scan("\(unit(2))").message == "\(unit(2)) is unit 2 of 3 in carton \(carton.sscc)")
            let full = try await bench.scan("CARD:CARTON-FULL")
            #expect(full.verdict == .cartonClosed)
            #expect(full.carton?.digits == "050123450000000022")
            #expect(try await bench.scan("\(unit(3))").carton == full.carton)
            #expect(try await bench.scan("\(unit(1))").verdict == .alreadyPacked)
        }
    }

    @Test func `who scans is recorded with each scan after the card`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            _ = try await bench.scan("CARD:OPERATOR:mira")
            _ = try await bench.scan("\(unit(1))")
            let last = try #require(try await bench.journal.events(after: 0, limit: 100).last { $0.kind == "scanned" })
            guard case .scanned(let scan)? = try ConsignmentEvent(last) else { throw LogisticsRefusal(.journal, "no scan") }
            #expect(scan.operatorCard == "mira")
        }
    }
}

@Suite struct AdmissionTests {
    private func answer(_ bench: TestBench, _ number: Int) async -> String {
        do throws(Refusal) {
            try await bench.admission.admit(BenchModel.Unit(chfId: unit(number)), in: slot("A01"))
            return "admitted"
        } catch {
            return "\(error.reason.rawValue): \(error.detail)"
        }
    }

    @Test func `only units that an open consignment has taken in are flashed`() async throws {
        try await TestBench.with { bench in
            #expect(
                await answer(bench, 1)
                    == "not-expected: \(unit(1)) is in no notice of an open consignment; 'reflashctl consignment list' shows them")
            try await bench.delivered(units: 5)
            #expect(
                await answer(bench, 1) == "not-expected: consignment RMA-1 is delivered: its intake is not over ('consignment take-in')")
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .unit(unit(2)), code: .unreadableIdentity), by: clerk)
            _ = try await bench.desk.takeIn(id, by: clerk)
            #expect(await answer(bench, 1) == "admitted")
            #expect(await answer(bench, 2) == "not-expected: \(unit(2)) was rejected at intake: unreadable-identity")
            _ = try await bench.desk.hold(unit(3), of: id, text: nil, by: clerk)
            #expect(await answer(bench, 3) == "unit-held: \(unit(3)) is held (by-hand); 'consignment lift' lifts it")
            _ = try await bench.desk.lift(unit(3), of: id, reason: "looked at", by: clerk)
            #expect(await answer(bench, 3) == "admitted")
            _ = try await bench.desk.declareMissing(unit(4), of: id, reason: "not there", by: clerk)
            #expect(await answer(bench, 4).hasPrefix("not-expected: \(unit(4)) was declared missing; 'consignment correct RMA-1 "))
            try await bench.session(5, .reflashed)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk)
            _ = try await bench.desk.pack(unit(5), into: carton.sscc, by: clerk)
            #expect(await answer(bench, 5) == "not-expected: \(unit(5)) is packed in carton \(carton.sscc)")
        }
    }
}
