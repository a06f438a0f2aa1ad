import BenchModel
import Foundation
import Journal
import LogisticsKit
import Testing

@testable import Logistics

@Suite struct EPCISTests {
    private func document(_ bench: TestBench, _ id: ConsignmentID = id) async throws -> [String: Any] {
        let bytes = try await whole(try await bench.desk.epcisDocument(of: id))
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    private func events(_ bench: TestBench, _ id: ConsignmentID = id) async throws -> [[String: Any]] {
        let body = try #require(try await document(bench, id)["epcisBody"] as? [String: Any])
        return try #require(body["eventList"] as? [[String: Any]])
    }

    private func steps(_ events: [[String: Any]]) -> [String] {
        events.map { "\($0["type"] ?? "") \($0["action"] ?? "") \($0["bizStep"] ?? "") \($0["disposition"] ?? "")" }
    }

    @Test func `a consignment is told from its arrival to its shipping`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            try await bench.session(1, .reflashed)
            try await bench.session(2, .failed)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.desk.pack(unit(1), into: carton, by: clerk)
            _ = try await bench.desk.closePackage(carton, by: clerk)
            _ = try await bench.desk.close(id, by: clerk)
            _ = try await bench.desk.ship(.init(consignment: id, carrier: "van", reference: "V-1", by: clerk))
            let events = try await events(bench)
            #expect(
                steps(events) == [
                    "ObjectEvent OBSERVE receiving returned", "AggregationEvent DELETE unpacking in_progress",
                    "AggregationEvent DELETE unpacking in_progress",
                    "ObjectEvent OBSERVE https://bench.example/reflash/bizstep/reflashing conformant",
                    "ObjectEvent OBSERVE https://bench.example/reflash/bizstep/reflashing non_conformant",
                    "AggregationEvent ADD packing in_progress", "ObjectEvent OBSERVE shipping in_transit",
                ])
            #expect(events[3]["epcList"] as? [String] == ["urn:dev:mac:00db123400000001"])
            #expect(events[5]["childEPCs"] as? [String] == ["urn:dev:mac:00db123400000001"])
            #expect(events[5]["parentID"] as? String == "https://id.gs1.org/00/\(carton)")
            #expect(events[6]["epcList"] as? [String] == ["https://id.gs1.org/00/\(carton)", "urn:dev:mac:00db123400000002"])
        }
    }

    @Test func `what was corrected stays, and is declared wrong`() async throws {
        try await TestBench.with { bench in
            try await bench.delivered(units: 2)
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .unit(unit(1)), code: .damagedPackaging), by: clerk)
            let decision = try #require(try await bench.journal.events(after: 0, limit: 100).last)
            _ = try await bench.desk.correct(decision.number, of: id, reason: "other unit", by: clerk)
            let events = try await events(bench)
            #expect(events.count == 3)
            #expect(events[1]["eventID"] as? String == events[2]["eventID"] as? String)
            #expect(events[1]["errorDeclaration"] == nil)
            #expect((events[2]["errorDeclaration"] as? [String: String])?["reason"] == "incorrect_data")
        }
    }

    @Test func `a container that was rejected leaves as it came, and a unit that was admitted by mistake does not`() async throws {
        try await TestBench.with { bench in
            try await bench.delivered(units: 4)
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .carton("C2"), code: .damagedPackaging), by: clerk)
            _ = try await bench.scan("\(unit(9))", consignment: id)
            _ = try await bench.desk.admit(unit(9), into: id, reason: "came with it", by: clerk)
            let admission = try #require(try await bench.journal.events(after: 0, limit: 100).last { $0.kind == "unit-admitted" })
            _ = try await bench.desk.correct(admission.number, of: id, reason: "it is another's", by: clerk)
            _ = try await bench.desk.takeIn(id, by: clerk)
            for number in 1...2 { try await bench.session(number, .reflashed) }
            let refused = await refusal {
                try await bench.desk.decideIntake(id, IntakeDecision(part: .carton("C1"), code: .damagedPackaging), by: clerk)
            }
            #expect(refused == "\(unit(1)) has been on the bench: the intake of it is over, hold it instead")
            _ = try await bench.desk.decideIntake(id, IntakeDecision(part: .unit(unit(9)), code: .other, text: "not ours"), by: clerk)
            _ = try await bench.desk.close(id, by: clerk)
            _ = try await bench.desk.ship(.init(consignment: id, carrier: "van", reference: nil, by: clerk))
            let shipping = try #require(try await events(bench).last { $0["bizStep"] as? String == "shipping" })
            let things = try #require(shipping["epcList"] as? [String])
            #expect(things.count == 3)
            #expect(things.prefix(2) == ["urn:dev:mac:00db123400000001", "urn:dev:mac:00db123400000002"])
            #expect(things[2].hasSuffix("C2"))
        }
    }

    @Test func `exporting twice gives the same bytes`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 600)
            for number in 1...600 { try await bench.session(number, .reflashed) }
            _ = try await bench.desk.close(id, by: clerk)
            let first = try await whole(try await bench.desk.epcisDocument(of: id))
            let second = try await whole(try await bench.desk.epcisDocument(of: id))
            #expect(first == second)
            #expect(try await events(bench).count == 1 + 301 + 600)
        }
    }

    /// An event that is right, with one thing made wrong, and what is said of it.
    @Test(arguments: [
        ("eventTimeZoneOffset", JSONValue.text("Z"), "eventTimeZoneOffset: expected +00:00"),
        ("eventID", .text("4711"), "eventID: expected a urn:uuid"),
        (
            "bizStep", .text("urn:epcglobal:cbv:bizstep:packing"),
            "bizStep: expected a bare word of the CBV, found urn:epcglobal:cbv:bizstep:packing"
        ),
        ("bizStep", .text("reflashing"), "bizStep: 'reflashing' is no word of the CBV"),
        ("ilmd", .object([:]), "ilmd: expected with action ADD only"),
        ("epcList", .list([]), "epcList: expected at least one thing"),
        ("parentID", .text("urn:x:1"), "parentID: an ObjectEvent has none"),
        (
            "epcList", .list([.text("00-DB-12-34-00-00-00-01")]),
            "'00-DB-12-34-00-00-00-01' is no URI: a unit is urn:dev:mac:<16 lower-case hex digits>"
        ),
        ("epcList", .list([.text("urn:dev:mac:00DB123400000001")]), "'urn:dev:mac:00DB123400000001': expected lower-case hex digits"),
        ("epcList", .list([.text("urn:x:1"), .text("urn:x:1")]), "a thing stands twice in one event"),
        ("reasonCode", .text("other"), "reasonCode: expected the prefix reflash:, which @context declares"),
    ])
    func `what the schema leaves out is checked in an object event`(key: String, value: JSONValue, problem: String) {
        var fields = object.fields
        #expect(EPCISRules.problems(fields) == [])
        fields[key] = value
        #expect(EPCISRules.problems(fields) == [problem])
    }

    @Test(arguments: [
        ("persistentDisposition", JSONValue.object([:]), "persistentDisposition: an AggregationEvent has none"),
        ("ilmd", .object([:]), "ilmd: an AggregationEvent has none"), ("parentID", nil, "parentID: an AggregationEvent needs one"),
        ("childEPCs", .list([]), "childEPCs: expected at least one"),
    ])
    func `and in an aggregation event`(key: String, value: JSONValue?, problem: String) {
        var event = EPCISEvent("AggregationEvent", record, index: 0, action: "ADD")
        event.fields["parentID"] = .text("urn:x:2")
        event.fields["childEPCs"] = .list([.text("urn:x:1")])
        event.fields["bizStep"] = .text("packing")
        #expect(EPCISRules.problems(in: event) == [])
        event.fields[key] = value
        #expect(EPCISRules.problems(in: event) == [problem])
    }

    private var object: EPCISEvent {
        var event = EPCISEvent("ObjectEvent", record, index: 0, action: "OBSERVE")
        event.fields["epcList"] = .list([.text("urn:dev:mac:00db123400000001")])
        event.fields["bizStep"] = .text("inspecting")
        return event
    }

    private var record: EventRecord {
        EventRecord(
            number: 1, utc: "2026-11-25T04:00:00.000Z", monotonicNanoseconds: 0, slot: nil, unit: nil, session: nil, kind: "x",
            payload: "{}",
            hash: .zero)
    }
}
