import BenchModel
import Journal
import LogisticsKit
import Testing

@testable import Logistics

@Suite struct LabelTests {
    @Test func `every character of Code 128 has eleven modules, and the stop thirteen`() throws {
        let all = String(decoding: (32...126).map { UInt8($0) }, as: UTF8.self)
        let bars = try #require(Code128(text: all))
        #expect(bars.modules == (1 + 95 + 1) * 11 + 13)
        #expect(Code128(text: "é") == nil)
        #expect(Code128(gs1: "123") == nil)
        #expect(try #require(Code128(gs1: "00050123450000000015")).modules == (1 + 1 + 10 + 1) * 11 + 13)
    }

    @Test func `a carton's label says whose it is, in bars and in text`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            let label = try await bench.desk.label(of: carton)
            for text in ["To: Leaf Energy, 1 High", "Street, Leeds", "RMA-1 / R-7: 0 units", "(00) 050123450000000015"] {
                #expect(label.svg.contains(">\(text)</text>"))
                #expect(label.zpl.contains("^FD\(text)^FS"))
            }
            #expect(label.zpl.contains("^FD>;>800050123450000000015^FS"))
        }
    }

    @Test func `text that is wider than the bars goes on in the next line`() {
        #expect(Label.wrapped("To: 1 High Street") == ["To: 1 High Street"])
        #expect(
            Label.wrapped("RMA-2026-0042 / LE-881: 2 cartons, FAULTY: fault-return process")
                == ["RMA-2026-0042 / LE-881: 2", "cartons, FAULTY: fault-return", "process"])
        #expect(Label.wrapped(String(repeating: "x", count: 40)).map(\.count) == [30, 10])
    }

    @Test func `a packing list has every carton, pallet and unit`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 2)
            for number in 1...2 { try await bench.session(number, .reflashed) }
            let pallet = try await bench.desk.openPackage(.pallet, for: id, isFaulty: false, by: clerk).sscc
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            let loose = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.desk.pack(unit(1), into: carton, by: clerk)
            _ = try await bench.desk.closePackage(carton, by: clerk)
            _ = try await bench.desk.stack(carton, on: pallet, by: clerk)
            _ = try await bench.desk.pack(unit(2), into: loose, by: clerk)
            #expect(
                try await bench.desk.packingList(of: id) == """
                    Packing list of RMA-1, Leaf Energy

                    pallet \(pallet), still open
                      carton \(carton), 1 unit
                        \(unit(1))

                    carton \(loose), 1 unit, still open
                      \(unit(2))

                    """)
        }
    }

    @Test func `the sheet has a card for each slot and each order`() {
        let sheet = CardSheet(bench: "rack <a>", slots: [slot("A01"), slot("A02")], operators: ["mira"])
        for title in ["Slot A01", "Slot A02", "UNDO: take the last scan back", "mira"] { #expect(sheet.html.contains(">\(title)</text>")) }
        #expect(sheet.html.contains("Cards of rack &lt;a&gt;"))
    }
}
