import BenchModel
import Journal
import LogisticsKit
import Logistics
import Testing

@Suite struct NoticeTests {
    @Test func `every bad line of a notice is named, and nothing of it is taken in`() async throws {
        let notice = Notice(
            csv([
                "chfId,gpfId,carton,pallet", "\(unit(1)),,C1,P1", "4711,,C1,P1", "\(unit(1)),,C1,P1", "\(unit(2)),x,C1,P1",
                "\(unit(3)),,C1,P2",
                "\(unit(4)),,350123450000000010,", ",,,",
            ]))
        #expect(
            notice.problems.map(\.description) == [
                "line 3: chfId: expected an EUI-64 such as 00-DB-12-34-56-78-90-A2, found '4711'",
                "line 4: \(unit(1)) stands in line 2 already",
                "line 5: gpfId: expected an EUI-64 such as 00-DB-12-34-56-78-90-A2, found 'x'",
                "line 6: expected carton C1 on pallet P1, as in line 2, found P2",
                "line 7: carton: expected an SSCC, whose check digit fits, found '350123450000000010'",
                "line 8: chfId: expected an EUI-64 such as 00-DB-12-34-56-78-90-A2, found nothing",
            ])
        try await TestBench.with { bench in
            try await bench.accepted()
            #expect(
                await refusal { try await bench.desk.take(notice, file: .zero, for: id, by: clerk) }
                    .hasPrefix("nothing was taken in: line 3: chfId:"))
            #expect(try await bench.desk.consignment(id).reconciliation.expected == 0)
        }
    }

    @Test func `lines with too many or too few fields are named among the others`() {
        let notice = Notice(csv(["chfId,carton", "\(unit(1))", "4711,C1", "\(unit(2)),C1", "\(unit(3)),C1,P1"]))
        #expect(
            notice.problems.map(\.description) == [
                "line 2: expected 2 fields, as the first line has, found 1",
                "line 3: chfId: expected an EUI-64 such as 00-DB-12-34-56-78-90-A2, found '4711'",
                "line 5: expected 2 fields, as the first line has, found 3",
            ])
    }

    @Test func `columns are found by a mapping`() {
        let notice = Notice(csv(["Hub,Box", "\(unit(1).compact),350123450000000012"]), columns: ["chfId": "Hub", "carton": "Box"])
        #expect(
            notice.problems.map(\.description) == ["line 2: carton: expected an SSCC, whose check digit fits, found '350123450000000012'"])
        let unmapped = Notice(csv(["Hub,Box", "\(unit(1).compact),B1"]))
        #expect(unmapped.problems.map(\.description) == ["line 1: expected a column 'chfId' for chfId, found Hub, Box"])
    }

    @Test func `a unit that another open consignment expects is not expected twice`() async throws {
        try await TestBench.with { bench in
            try await bench.delivered(units: 2)
            let other = try #require(ConsignmentID("RMA-2"))
            try await bench.accepted(other)
            let notice = Notice(csv(["chfId", "\(unit(3))", "\(unit(2))"]))
            #expect(
                try await bench.desk.problems(with: notice, for: other).map(\.description)
                    == ["line 3: \(unit(2)) is expected in the open consignment RMA-1 already"])
        }
    }
}

@Suite struct RegisterTests {
    @Test func `units are rejected that the register does not know as the Supplier's, or of another address`() async throws {
        try await TestBench.with { bench in
            let register = Register(
                csv([
                    "chfId,serviceUser,locations", "\(unit(1)),leaf  energy,\"2 Low Road, York; 1 HIGH Street,  Leeds\"",
                    "\(unit(2)),Other Power,", "\(unit(3)),Leaf Energy,\"2 Low Road, York\"", "\(unit(4)),Leaf Energy,",
                ]))
            #expect(register.problems.isEmpty)
            try await bench.journal.importRegister(register.units, .init(file: .zero, units: register.units.count, by: clerk))
            try await bench.takenIn(units: 5)
            let units = try await bench.desk.units(of: id, limit: 10)
            #expect(
                units.map { $0.decision?.value.code } == [
                    nil, .notRegisteredWithSupplier, .addressMismatch, nil, .notRegisteredWithSupplier,
                ])
            #expect(units[1].decision?.value.text == "expected in the register as Leaf Energy's, found it as Other Power's")
            #expect(
                units[2].decision?.value.text
                    == "expected '1 High Street, Leeds' among the delivery locations, found 2 Low Road, York")
            #expect(units[4].decision?.value.text == "expected in the register as Leaf Energy's, found it nowhere")
        }
    }

    @Test func `a new register takes the place of the one before`() async throws {
        try await TestBench.with { bench in
            let other = sure(SHA256Value(bytes: [UInt8](repeating: 1, count: 32)))
            let first = [RegisteredUnit(chfId: unit(1), serviceUser: "A", locations: [])]
            let second = [RegisteredUnit(chfId: unit(2), serviceUser: "B", locations: ["x"])]
            try await bench.journal.importRegister(first, .init(file: .zero, units: 1, by: clerk))
            try await bench.journal.importRegister(second, .init(file: other, units: 1, by: clerk))
            let suppliers = try await bench.journal.look { reader in try [1, 2].map { try reader.registered(unit($0))?.serviceUser } }
            #expect(suppliers == [nil, "B"])
        }
    }
}

@Suite struct SSCCTests {
    /// GS1's own example of an SSCC, and of a GLN.
    @Test func `check digits are GS1's`() throws {
        #expect(SSCC("106141412345678908") != nil)
        #expect(SSCC("106141412345678909") == nil)
        #expect(SSCC("00106141412345678908")?.digits == "106141412345678908")
        #expect(SSCC("]C100106141412345678908")?.digits == "106141412345678908")
        #expect(SSCC("(00)106141412345678908")?.humanReadable == "(00) 106141412345678908")
        #expect(GLN("5412345000013") != nil)
        #expect(GLN("5412345000014") == nil)
        let prefix = try #require(GS1CompanyPrefix("0614141"))
        #expect(SSCC(extension: 1, prefix: prefix, serial: 234_567_890)?.digits == "106141412345678908")
        #expect(SSCC(extension: 1, prefix: prefix, serial: 1_000_000_000) == nil)
    }
}
