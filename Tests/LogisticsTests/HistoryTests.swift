import BenchModel
import Foundation
import Journal
import LogisticsKit
import Testing

@testable import Logistics

/// Random histories of consignments: whatever people and units do, the sums hold.
@Suite struct HistoryTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `reconciliation adds up, projections are those of the events, and no export shows a unit twice or drops one`(seed: UInt64)
        async throws
    {
        var dice = Dice(seed)
        try await TestBench.with { bench in
            let ids = [id, sure(ConsignmentID("RMA-2"))]
            try await bench.takenIn(ids[0], units: 12, from: 1)
            try await bench.delivered(ids[1], units: 12, from: 13)
            for step in 0..<150 {
                await bench.act(&dice, ids, units: 1...26)
                guard step % 10 == 0 else { continue }
                for id in ids { try await bench.check(id, "seed \(seed), step \(step)") }
            }
            for id in ids { try await bench.settleAll(id) }
            for id in ids { try await bench.check(id, "seed \(seed), at the end") }
            for id in ids { try await bench.checkShipping(id, "seed \(seed)") }
            try await bench.checkRebuild(ids, "seed \(seed)")
        }
    }
}

extension TestBench {
    fileprivate func check(_ id: ConsignmentID, _ comment: Comment) async throws {
        let view = try await desk.consignment(id)
        let units = try await desk.units(of: id, limit: 1000)
        let expected = units.filter { $0.announced != nil }
        #expect(view.reconciliation.expected == expected.count, comment)
        #expect(view.reconciliation.states == Dictionary(grouping: expected, by: \.state).mapValues(\.count), comment)
        #expect(view.reconciliation.expected >= 12, comment)
        // Of a closed one it is what was recorded then.
        let counted = try await journal.look { try $0.countedReconciliation(of: view.consignment) }
        #expect(view.reconciliation == counted, comment)
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

    /// Each unit that is not missing leaves once, in whatever it is in.
    fileprivate func checkShipping(_ id: ConsignmentID, _ comment: Comment) async throws {
        for package in try await desk.consignment(id).packages where package.closed == nil && package.count > 0 {
            _ = try await desk.closePackage(package.sscc, by: clerk)
        }
        _ = try await desk.ship(.init(consignment: id, carrier: "van", reference: nil, by: clerk))
        let document = Data(try await whole(try await desk.epcisDocument(of: id)))
        let body = (try JSONSerialization.jsonObject(with: document) as? [String: Any])?["epcisBody"] as? [String: Any]
        let events = try #require(body?["eventList"] as? [[String: Any]])
        var contents: [String: [String]] = [:]
        for event in events where event["action"] as? String == "ADD" && event["errorDeclaration"] == nil {
            contents[try #require(event["parentID"] as? String)] = event["childEPCs"] as? [String]
        }
        let units = try await desk.units(of: id, limit: 1000).filter { $0.announced != nil && $0.missing == nil }
        let names = EPCISNames(config: desk.config)
        func expand(_ thing: String) -> [String] {
            if let children = contents[thing] { return children.flatMap(expand) }
            if thing.hasPrefix("urn:dev:mac:") { return [thing] }
            return units.filter { unit in
                unit.packed == nil && [unit.carton, unit.pallet].compactMap { $0.map { names.container($0) } }.contains(thing)
            }.map { EPCISNames.unit($0.chfId) }
        }
        let shipping = try #require(events.last { $0["bizStep"] as? String == "shipping" }, comment)
        let shipped = try #require(shipping["epcList"] as? [String]).flatMap(expand)
        #expect(shipped.sorted() == units.map { EPCISNames.unit($0.chfId) }.sorted(), comment)
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
