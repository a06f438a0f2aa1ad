import BenchModel
import Foundation
import Journal
import LogisticsKit
import Logistics
import Testing

@Suite struct ConsignmentTests {
    @Test func `a consignment goes from its request to its receipt`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 3)
            for number in 1...3 { try await bench.session(number, .reflashed) }
            #expect(try await bench.desk.close(id, by: clerk).consignment.stage == .closed)
            let shipped = ConsignmentEvent.ConsignmentShipped(consignment: id, carrier: "van", reference: nil, by: clerk)
            #expect(try await bench.desk.ship(shipped).consignment.stage == .shipped)
            #expect(try await bench.desk.receive(id, text: "signed by J. Smith", by: clerk).consignment.stage == .received)
        }
    }

    @Test func `each step is refused before the one that must come first`() async throws {
        try await TestBench.with { bench in
            #expect(
                await refusal { try await bench.desk.close(id, by: clerk) }
                    == "there is no consignment 'RMA-1'; 'reflashctl consignment list' shows them")
            try await bench.accepted()
            #expect(
                await refusal { try await bench.desk.takeIn(id, by: clerk) }
                    == "consignment RMA-1: expected it to be delivered, found it accepted")
            #expect(
                await refusal { try await bench.desk.answer(id, accept: true, text: nil, by: clerk) }
                    == "consignment RMA-1: expected it to be requested, found it accepted")
            _ = try await bench.desk.deliver(.init(consignment: id, counted: nil, carrier: nil, by: clerk))
            #expect(
                await refusal { try await bench.desk.takeIn(id, by: clerk) }
                    == "consignment RMA-1 expects no unit yet: import its notice first ('consignment notice')")
        }
    }

    @Test func `a consignment that does not balance is not closed, and it is said what is missing`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 5)
            try await bench.session(1, .reflashed)
            try await bench.session(2, .lost)
            try await bench.session(3, nil)
            _ = try await bench.desk.hold(unit(4), of: id, text: "cracked", by: clerk)
            let message = await refusal { try await bench.desk.close(id, by: clerk) }
            #expect(
                message == "consignment RMA-1 does not balance: "
                    + "1 unit is awaiting: dock them, or declare them missing ('consignment missing'); "
                    + "1 unit is in-progress: wait for their sessions to end; "
                    + "1 unit is held: look at them ('consignment show --units held') and lift the hold ('consignment lift'); "
                    + "1 unit is unknown: dock them again, or let them go unproven ('consignment unproven')")
            #expect(try await bench.desk.consignment(id).consignment.stage == .takenIn)
        }
    }

    @Test func `an unknown unit may be returned unproven, for a reason`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            try await bench.session(1, .lost)
            #expect(
                await refusal { try await bench.desk.returnUnproven(unit(1), of: id, reason: "  ", by: clerk) }
                    == "expected a reason, for whoever reads the record, found none")
            _ = try await bench.desk.returnUnproven(unit(1), of: id, reason: "owner wants it back", by: clerk)
            #expect(try await bench.state(1) == .returnedUnproven)
            #expect(try await bench.desk.close(id, by: clerk).reconciliation.states == [.returnedUnproven: 1])
        }
    }

    @Test func `a missing unit is declared by a person, and only one that was never seen`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            _ = try await bench.scan("\(unit(2))")
            _ = try await bench.desk.declareMissing(unit(1), of: id, reason: "not in carton C1", by: clerk)
            #expect(try await bench.state(1) == .missing)
            #expect(
                await refusal { try await bench.desk.declareMissing(unit(2), of: id, reason: "gone", by: clerk) }
                    == "\(unit(2)): expected a unit that is awaiting and was never seen, found that it was scanned")
        }
    }

    @Test func `a decision is taken back by an event, and what was before counts again`() async throws {
        try await TestBench.with { bench in
            try await bench.delivered(units: 4)
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .carton("C1"), code: .damagedPackaging), by: clerk)
            _ = try await bench.desk.takeIn(id, by: clerk)
            #expect(try await bench.state(1) == .rejected)
            let events = try await bench.journal.events(after: 0, limit: 100)
            let decision = try #require(events.first { $0.kind == "intake-decided" })
            _ = try await bench.desk.correct(decision.number, of: id, reason: "wrong carton", by: clerk)
            #expect(try await bench.state(1) == .awaiting)
            #expect(
                await refusal { try await bench.desk.correct(decision.number, of: id, reason: "again", by: clerk) }
                    == "event \(decision.number) was corrected by event \(events.count + 1)")
        }
    }

    @Test func `the most precise decision counts`() async throws {
        try await TestBench.with { bench in
            try await bench.delivered(units: 4)
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .unit(unit(1))), by: clerk)
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .carton("C1"), code: .damagedPackaging), by: clerk)
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .load), by: clerk)
            #expect(try await bench.state(1) == .awaiting)
            #expect(try await bench.state(2) == .rejected)
            #expect(try await bench.state(3) == .awaiting)
        }
    }

    @Test func `a fault reason is confirmed for a unit that has failed`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            try await bench.session(1, in: "A01", .failed)
            try await bench.session(1, in: "A02", .failed)
            #expect(try await bench.desk.consignment(id).reconciliation.withoutFaultReason == 1)
            _ = try await bench.desk.confirmFault(unit(1), of: id, .smWAN, text: nil, by: clerk)
            let view = try await bench.desk.consignment(id)
            #expect(view.reconciliation.withoutFaultReason == 0)
            #expect(view.reconciliation.states == [.failed: 1])
        }
    }

    @Test func `a fault reason is proposed for a unit that has failed in two slots, and it stands once in the note`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            try await bench.session(1, in: "A01", .failed)
            #expect(try await bench.desk.openCase(of: unit(1))?.unit.proposedFault == nil)
            try await bench.session(1, in: "A02", .failed)
            #expect(try await bench.desk.openCase(of: unit(1))?.unit.proposedFault == .manufacturing)
            let note = try await bench.desk.returnNote(of: id)
            #expect(note.components(separatedBy: "<td>\(unit(1))</td>").count == 2)
            #expect(note.components(separatedBy: "<td>\(unit(2))</td>").count == 2)
        }
    }

    @Test func `a request is rejected for a reason, and one that brings too little is refused`() async throws {
        var config = TestBench.config
        config.minimumLoad = .pallet
        try await TestBench.with(config) { bench in
            let refused = await refusal { try await bench.accepted() }
            #expect(refused == "expected a load of at least one pallet (logistics.minimumLoad), found cartons")
        }
        try await TestBench.with { bench in
            _ = try await bench.desk.request(
                .init(
                    consignment: id, kind: .returnForReflash, serviceUser: leaf, returnTo: "Leeds", reference: nil, load: .carton,
                    units: nil,
                    by: clerk))
            #expect(await refusal { try await bench.desk.answer(id, accept: false, text: " ", by: clerk) }.hasPrefix("expected a reason"))
            let view = try await bench.desk.answer(id, accept: false, text: "no room", by: clerk)
            #expect(view.consignment.stage == .rejected)
            #expect(await refusal { try await bench.desk.takeIn(id, by: clerk) }.contains("found it rejected"))
        }
    }

    @Test func `stock before its first delivery is not asked about in the register`() async throws {
        try await TestBench.with { bench in
            let other = RegisteredUnit(chfId: unit(1), serviceUser: "Another", locations: [])
            try await bench.journal.importRegister([other], .init(file: .zero, units: 1, by: clerk))
            _ = try await bench.desk.request(
                .init(
                    consignment: id, kind: .firstStock, serviceUser: leaf, returnTo: "Leeds", reference: nil, load: .carton, units: nil,
                    by: clerk))
            _ = try await bench.desk.answer(id, accept: true, text: nil, by: clerk)
            _ = try await bench.desk.take(Notice(csv(["chfId", "\(unit(1))"])), file: .zero, for: id, by: clerk)
            _ = try await bench.desk.deliver(.init(consignment: id, counted: 1, carrier: nil, by: clerk))
            _ = try await bench.desk.takeIn(id, by: clerk)
            #expect(try await bench.state(1) == .awaiting)
            let document = String(decoding: try await whole(try await bench.desk.epcisDocument(of: id)), as: UTF8.self)
            #expect(document.contains("\"type\":\"desadv\""))
        }
    }

    @Test func `a load or a pallet is rejected as a whole`() async throws {
        for part in [LoadPart.load, .pallet("P1")] {
            try await TestBench.with { bench in
                try await bench.delivered(units: 3)
                _ = try await bench.desk.decideIntake(id, IntakeDecision(part: part, code: .quantityMismatch), by: clerk)
                _ = try await bench.desk.takeIn(id, by: clerk)
                #expect(try await bench.desk.consignment(id).reconciliation.states == [.rejected: 3])
                _ = try await bench.desk.close(id, by: clerk)
            }
        }
    }

    @Test func `sessions before a consignment was opened and after it was closed are not its own`() async throws {
        try await TestBench.with { bench in
            try await bench.session(1, .failed)
            try await bench.takenIn(units: 1)
            #expect(try await bench.state(1) == .awaiting)
            try await bench.session(1, .reflashed)
            _ = try await bench.desk.close(id, by: clerk)
            try await bench.session(1, .lost)
            #expect(try await bench.state(1) == .reflashed)
        }
    }
}
