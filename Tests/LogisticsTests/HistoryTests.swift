import BenchModel
import Foundation
import Journal
import Testing

@testable import Logistics

/// Random histories of consignments: whatever people and units do, the sums hold.
@Suite struct HistoryTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `reconciliation adds up, projections are those of the events, and no export shows a unit twice or drops one`(seed: UInt64)
        async throws
    {
        var generator = Dice(state: seed)
        try await TestBench.with { bench in
            let ids = [id, sure(ConsignmentID("RMA-2"))]
            try await bench.takenIn(ids[0], units: 12, from: 1)
            try await bench.delivered(ids[1], units: 12, from: 13)
            for step in 0..<150 {
                await bench.act(&generator)
                guard step % 10 == 0 else { continue }
                for id in ids { try await bench.check(id, "seed \(seed), step \(step)") }
            }
            try await bench.settleAll(ids)
            for id in ids { try await bench.check(id, "seed \(seed), at the end") }
            try await bench.checkRebuild(ids, "seed \(seed)")
        }
    }
}

/// SplitMix64.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension TestBench {
    /// Does something, which may be refused.
    fileprivate func act(_ dice: inout Dice) async {
        let number = Int.random(in: 1...26, using: &dice)
        let id = Bool.random(using: &dice) ? id : sure(ConsignmentID("RMA-2"))
        switch Int.random(in: 0..<14, using: &dice) {
        case 0...3:
            let verdicts: [Verdict] = [.reflashed, .reflashed, .failed, .lost, Verdict(.refused, reason: .downgrade), Verdict(.swapped)]
            _ = try? await session(number, in: "A0\(Int.random(in: 1...3, using: &dice))", verdicts.randomElement(using: &dice))
        case 4: _ = try? await scan("\(unit(number))", number: "\(dice.next())", consignment: id)
        case 5:
            _ = try? await scan(
                ["CARD:UNDO", "CARD:HOLD", "CARD:CARTON-FULL", "A01"].randomElement(using: &dice) ?? "", number: "\(dice.next())")
        case 6: _ = try? await desk.hold(unit(number), of: id, text: nil, by: clerk)
        case 7: _ = try? await desk.lift(unit(number), of: id, reason: "looked at", by: clerk)
        case 8: _ = try? await desk.declareMissing(unit(number), of: id, reason: "gone", by: clerk)
        case 9: _ = try? await desk.returnUnproven(unit(number), of: id, reason: "owner", by: clerk)
        case 10: _ = try? await desk.admit(unit(number), into: id, reason: "came with it", by: clerk)
        case 11:
            let event = Int64.random(in: 1...120, using: &dice)
            _ = try? await desk.correct(event, of: id, reason: "wrong", by: clerk)
        case 12:
            let open = try? await desk.consignment(id).packages.last { $0.closed == nil }?.sscc
            guard let carton = open ?? nil else {
                _ = try? await desk.openPackage(.carton, for: id, isFaulty: Bool.random(using: &dice), by: clerk)
                return
            }
            _ = try? await desk.pack(unit(number), into: carton, by: clerk)
        default: _ = try? await desk.takeIn(id, by: clerk)
        }
    }

    /// Brings every unit to an end.
    fileprivate func settleAll(_ ids: [ConsignmentID]) async throws {
        for id in ids {
            _ = try? await desk.takeIn(id, by: clerk)
            for unit in try await desk.units(of: id, limit: 1000) where unit.state.isOpen {
                if unit.hold != nil { _ = try await desk.lift(unit.chfId, of: id, reason: "end", by: clerk) }
                if unit.announced == nil { _ = try await desk.admit(unit.chfId, into: id, reason: "end", by: clerk) }
                let started = JournalEvent.SessionStarted(
                    unit: BenchModel.Unit(chfId: unit.chfId), profile: "hub", mode: .runtime, target: nil, checksOff: [])
                let session = try await journal.append(JournalDraft(.sessionStarted(started), slot: slot("A01"), unit: unit.chfId)).number
                try await journal.append(JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit.chfId, session: session))
            }
            #expect(try await desk.close(id, by: clerk).consignment.stage == .closed)
        }
    }

    fileprivate func check(_ id: ConsignmentID, _ comment: Comment) async throws {
        let view = try await desk.consignment(id)
        let units = try await desk.units(of: id, limit: 1000)
        let expected = units.filter { $0.announced != nil }
        #expect(view.reconciliation.expected == expected.count, comment)
        #expect(view.reconciliation.states == Dictionary(grouping: expected, by: \.state).mapValues(\.count), comment)
        #expect(view.reconciliation.expected >= 12, comment)
        #expect(view.reconciliation.unexpected == units.count - expected.count, comment)
        #expect(view.reconciliation.packed == view.packages.map { $0.level == .carton ? $0.count : 0 }.reduce(0, +), comment)
        let lines = String(decoding: try await whole(try await desk.returnRecord(of: id)), as: UTF8.self).split(separator: "\r\n")
        let table = try CSVTable(Array(lines.joined(separator: "\r\n").utf8))
        #expect(table.rows.compactMap { table.field("chfId", of: $0) } == units.map(\.chfId.description), comment)
        let note = try await desk.returnNote(of: id)
        for unit in units { #expect(note.contains("<tr><td>\(unit.chfId)</td>"), comment) }
        let document = try await whole(try await desk.epcisDocument(of: id))
        #expect((try? JSONSerialization.jsonObject(with: Data(document))) != nil, comment)
        var story = EPCISStory(view.consignment, EPCISNames(config: desk.config))
        let events = try await journal.look { try $0.events(of: id, after: 0, limit: 10_000) }
        for event in events { for told in try story.tell(event) { #expect(EPCISRules.problems(in: told) == [], comment) } }
    }

    fileprivate func checkRebuild(_ ids: [ConsignmentID], _ comment: Comment) async throws {
        let before = try await state(ids)
        try await journal.rebuildProjections()
        #expect(try await state(ids) == before, comment)
    }

    private func state(_ ids: [ConsignmentID]) async throws -> [String] {
        var state: [String] = []
        for id in ids {
            let view = try await desk.consignment(id)
            state.append("\(view.consignment) \(view.packages)")
            state += try await desk.units(of: id, limit: 1000).map { "\($0)" }
            state += try await journal.look { try $0.events(of: id, after: 0, limit: 10_000) }.map { "\($0.number)" }
        }
        state.append("\(try await journal.look { try $0.bindings() })")
        return state
    }
}
