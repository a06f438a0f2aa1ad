import BenchModel
import Foundation
import Journal
import Logistics
import LogisticsKit
import Testing

/// Other people's programs read what is made of consignments.
@Suite(.timeLimit(.minutes(3))) struct ReturnJudgeTests {
    private let schema = "\(Programs.packageRoot)/Tests/Data/epcis/epcis-json-schema.json"

    private func judge(_ files: [String]) async throws -> Programs.Result {
        try await Programs.run("venv-python", ["\(Programs.packageRoot)/Tests/Judges/epcis_verdicts.py", schema] + files)
    }

    @Test func `GS1's schema, with its format checks on, takes every EPCIS document of a month`() async throws {
        let seed: UInt64 = 2026
        try await withFolder { folder in
            try await TestBench.with { bench in
                var files: [String] = []
                for id in try await bench.month(seed, consignments: 20) {
                    let file = "\(folder)/\(id).jsonld"
                    let document = try await whole(bench.desk.epcisDocument(of: id))
                    try Data(document).write(to: URL(filePath: file))
                    files.append(file)
                    let again = try await whole(bench.desk.epcisDocument(of: id))
                    #expect(again == document, "\(id)")
                    var parts = try await bench.desk.captureParts(of: id, after: 0)
                    while let part = try await parts.next(about: 500) {
                        for event in part.events { #expect(EPCISRules.problems(in: event) == [], "\(id)") }
                    }
                }
                let verdict = try await judge(files)
                #expect(verdict.status == 0, "seed \(seed)\n\(verdict.output)\(verdict.errors)")
                let text = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }.joined()
                for word in ["errorDeclaration", "damaged", "mismatch_instance", "needs_replacement", "conformant", "unknown", "shipping"] {
                    #expect(text.contains("\"\(word)\""), "the month of seed \(seed) has no \(word)")
                }
            }
        }
    }

    @Test(arguments: [
        ("\"reflash:consignment\"", "\"consignment\""), ("\"disposition\":\"returned\"", "\"disposition\":\"come back\""),
        ("\"eventTimeZoneOffset\":\"+00:00\"", "\"eventTimeZoneOffset\":\"Z\""), ("urn:dev:mac:", ""),
    ])
    func `and it would find what is wrong`(right: String, wrong: String) async throws {
        try await withFolder { folder in
            try await TestBench.with { bench in
                try await bench.takenIn(units: 2)
                let text = String(decoding: try await whole(bench.desk.epcisDocument(of: LogisticsKit.id)), as: UTF8.self)
                try #require(text.contains(right))
                try text.replacingOccurrences(of: right, with: wrong).write(toFile: "\(folder)/d.jsonld", atomically: true, encoding: .utf8)
                #expect(try await judge(["\(folder)/d.jsonld"]).status == 1)
            }
        }
    }

    @Test func `a scanner reads the labels of cartons, slots and cards`() async throws {
        try await withFolder { folder in
            try await TestBench.with { bench in
                try await bench.takenIn(units: 1)
                let carton = try await bench.desk.openPackage(.carton, for: LogisticsKit.id, isFaulty: false, by: clerk).sscc
                let labels: [(String, Label?)] = [
                    ("00\(carton)", try await bench.desk.label(of: carton)), ("SLOT:A02", Label(.slot(slot("A02")), title: "Slot A02")),
                    ("CARD:OPERATOR:mira", Label(.card(.operator("mira")), title: "mira")),
                ]
                for (code, label) in labels {
                    try #require(label).svg.write(toFile: "\(folder)/label.svg", atomically: true, encoding: .utf8)
                    try await browser(["--window-size=1400,500", "--screenshot=\(folder)/label.png", "file://\(folder)/label.svg"], folder)
                    let read = try await Programs.run("zbarimg", ["-q", "--raw", "\(folder)/label.png"])
                    #expect(read.output == "\(code)\n", "\(read.errors)")
                }
            }
        }
    }

    @Test func `a browser prints the return note`() async throws {
        try await withFolder { folder in
            try await TestBench.with { bench in
                try await bench.takenIn(units: 60)
                try await bench.session(1, .reflashed)
                try await bench.desk.returnNote(of: LogisticsKit.id).write(toFile: "\(folder)/n.html", atomically: true, encoding: .utf8)
                try await browser(["--no-pdf-header-footer", "--print-to-pdf=\(folder)/n.pdf", "file://\(folder)/n.html"], folder)
                let text = try await Programs.run("pdftotext", ["-layout", "\(folder)/n.pdf", "-"]).output
                for number in 1...60 { #expect(text.contains("\(unit(number))")) }
                // The names of the columns stand on each page.
                #expect(text.components(separatedBy: "CHF ID").count - 1 == text.components(separatedBy: "\u{C}").count - 1)
            }
        }
    }

    private func browser(_ arguments: [String], _ folder: String) async throws {
        let result = try await Programs.run(
            "chromium",
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=\(folder)/profile"] + arguments)
        try #require(result.status == 0, "\(result.errors)")
    }
}
