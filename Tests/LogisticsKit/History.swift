package import BenchModel
import Foundation
import Journal
import Logistics

/// SplitMix64.
package struct Dice: RandomNumberGenerator {
    package var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension TestBench {
    /// Does something that people and units may do to one of these consignments and of units up to a number; it may be refused.
    package func act(_ dice: inout Dice, _ ids: [ConsignmentID], units: ClosedRange<Int>) async {
        let number = Int.random(in: units, using: &dice)
        let id = ids.randomElement(using: &dice) ?? id
        switch Int.random(in: 0..<16, using: &dice) {
        case 0...3:
            let verdicts: [Verdict] = [
                .reflashed, .reflashed, Verdict(.alreadyCurrent, proof: .bootloaderValidated), .failed, .lost,
                Verdict(.refused, reason: .downgrade), Verdict(.swapped, reason: .otherUnit),
            ]
            _ = try? await session(number, in: "A0\(Int.random(in: 1...3, using: &dice))", verdicts.randomElement(using: &dice))
        case 4: _ = try? await scan("\(unit(number))", number: "\(dice.next())", consignment: id)
        case 5:
            let code = ["CARD:UNDO", "CARD:HOLD", "CARD:CARTON-FULL", "A01"].randomElement(using: &dice) ?? ""
            _ = try? await scan(code, number: "\(dice.next())")
        case 6: _ = try? await desk.hold(unit(number), of: id, text: nil, by: clerk)
        case 7: _ = try? await desk.lift(unit(number), of: id, reason: "looked at", by: clerk)
        case 8: _ = try? await desk.declareMissing(unit(number), of: id, reason: "gone", by: clerk)
        case 9: _ = try? await desk.returnUnproven(unit(number), of: id, reason: "owner", by: clerk)
        case 10: _ = try? await desk.admit(unit(number), into: id, reason: "came with it", by: clerk)
        case 11: await correctSomething(of: id, &dice)
        case 12: await pack(unit(number), for: id, &dice)
        case 13:
            let parts: [LoadPart] = [.unit(unit(number)), .carton("C\(Int.random(in: 1...4, using: &dice))")]
            let code = Bool.random(using: &dice) ? nil : IntakeCode.allCases.randomElement(using: &dice)
            let decision = IntakeDecision(part: parts.randomElement(using: &dice) ?? .load, code: code, text: "as seen")
            _ = try? await desk.decideIntake(id, decision, by: clerk)
        case 14:
            guard let fault = FaultReason.allCases.randomElement(using: &dice) else { return }
            _ = try? await desk.confirmFault(unit(number), of: id, fault, text: nil, by: clerk)
        default: _ = try? await desk.takeIn(id, by: clerk)
        }
    }

    private func correctSomething(of id: ConsignmentID, _ dice: inout Dice) async {
        let events = (try? await journal.look { try $0.events(of: id, after: 0, limit: 10_000) }) ?? []
        guard let event = events.randomElement(using: &dice) else { return }
        _ = try? await desk.correct(event.number, of: id, reason: "wrong", by: clerk)
    }

    private func pack(_ unit: EUI64, for id: ConsignmentID, _ dice: inout Dice) async {
        let open = (try? await desk.consignment(id).packages.filter { $0.closed == nil && $0.level == .carton }) ?? []
        guard let carton = open.randomElement(using: &dice) else {
            _ = try? await desk.openPackage(.carton, for: id, isFaulty: Bool.random(using: &dice), by: clerk)
            return
        }
        if carton.count == 3 { _ = try? await desk.closePackage(carton.sscc, by: clerk) }
        _ = try? await desk.pack(unit, into: carton.sscc, by: clerk)
    }

    /// Brings every unit to an end, and closes the consignment.
    package func settleAll(_ id: ConsignmentID) async throws {
        _ = try? await desk.takeIn(id, by: clerk)
        for unit in try await desk.units(of: id, limit: 1000) where unit.state.isOpen {
            if unit.hold != nil { _ = try await desk.lift(unit.chfId, of: id, reason: "end", by: clerk) }
            if unit.announced == nil { _ = try await desk.admit(unit.chfId, into: id, reason: "end", by: clerk) }
            let started = JournalEvent.SessionStarted(
                unit: BenchModel.Unit(chfId: unit.chfId), profile: "hub", mode: .runtime, target: nil, checksOff: [])
            let session = try await journal.append(JournalDraft(.sessionStarted(started), slot: slot("A01"), unit: unit.chfId)).number
            try await journal.append(JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit.chfId, session: session))
        }
        _ = try await desk.close(id, by: clerk)
    }

    /// A month: so many consignments with everything that may happen to them, closed; most of them shipped, and some received.
    package func month(_ seed: UInt64, consignments count: Int) async throws -> [ConsignmentID] {
        var dice = Dice(seed)
        var ids: [ConsignmentID] = []
        for index in 0..<count {
            let id = sure(ConsignmentID("M-\(index + 1)"))
            let first = index * 20 + 1
            try await delivered(id, units: 15, from: first)
            ids.append(id)
            for _ in 0..<80 { await act(&dice, [id], units: first...first + 16) }
            try await settleAll(id)
            for package in try await desk.consignment(id).packages where package.closed == nil && package.count > 0 {
                _ = try await desk.closePackage(package.sscc, by: clerk)
            }
            if index % 5 == 4 { continue }
            _ = try await desk.ship(.init(consignment: id, carrier: "van", reference: "V-\(index)", by: clerk))
            if index % 2 == 0 { _ = try await desk.receive(id, text: nil, by: clerk) }
        }
        return ids
    }
}
