import ArgumentParser
import BenchModel
import Foundation
import TerminalView

/// `reflashctl export`.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the records of a consignment, or the journal, to files.",
        discussion: """
            return-record.csv has a line for each unit, epcis.jsonld the consignment's EPCIS 2.0 events, return-note.html a page to print,
            packing-list.txt what is in which carton, journal.jsonl every event of the journal with its hash. A file appears when it is whole.

            EXAMPLES
              reflashctl export RMA-42 --to returned/RMA-42
              reflashctl export RMA-42 --to out --only return-record.csv --column Hub=chfId --column Result=state
              reflashctl export --all --to out
              reflashctl export --journal --to out
            """)

    @Argument(help: "The consignment's name.") var consignment: ConsignmentID?
    @Option(help: "The folder to write to; it is made where it is not there.", completion: .directory) var to: String
    @Option(help: "Only this file; again for each.") var only: [Document] = []
    @Option(help: "A column of return-record.csv, NAME=FIELD, in their order. Default: all fields under their own names.") var column:
        [String] = []
    @Flag(help: "return-record.csv of all consignments in one table.") var all = false
    @Flag(help: "Also, or only, the journal.") var journal = false
    @OptionGroup var options: BenchOptions

    /// The files, by their names.
    enum Document: String, ExpressibleByArgument, CaseIterable {
        case returnRecord = "return-record.csv"
        case epcis = "epcis.jsonld"
        case returnNote = "return-note.html"
        case packingList = "packing-list.txt"
    }

    func validate() throws {
        guard consignment != nil || all || journal else { throw ValidationError("expected a consignment's name, --all or --journal") }
        guard consignment == nil || !all else { throw ValidationError("expected a consignment's name or --all, found both") }
        for pair in column where pair.split(separator: "=", maxSplits: 1).count != 2 || pair.contains(",") {
            throw ValidationError("--column: expected NAME=FIELD, found '\(pair)'")
        }
    }

    func run() async throws {
        try await complaining {
            try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
            var written: [String] = []
            for document in only.isEmpty ? Document.allCases : only {
                guard let consignment else { break }
                let columns = document == .returnRecord ? columns : ""
                written.append(
                    try await write("consignments/\(consignment.name.escaped)/\(document.rawValue)\(columns)", document.rawValue))
            }
            if all { written.append(try await write("return-record.csv\(columns)", Document.returnRecord.rawValue)) }
            if journal { written.append(try await write("journal.jsonl", "journal.jsonl")) }
            if options.output.json { return try options.output.printJSON(written) }
            for file in written { Terminal.print(file) }
        }
    }

    private var columns: String {
        guard !column.isEmpty else { return "" }
        return "?columns=" + column.map { $0.replacing("=", with: ":", maxReplacements: 1).escaped }.joined(separator: ",")
    }

    /// - Returns: the file.
    private func write(_ path: String, _ name: String) async throws -> String {
        let file = URL(filePath: to).appending(path: name)
        let part = URL(filePath: to).appending(path: ".\(name).part")
        do {
            try await options.client.download(path, to: part.path)
            guard rename(part.path, file.path) == 0 else { throw Complaint("\(file.path): \(String(cString: strerror(errno)))") }
        } catch {
            try? FileManager.default.removeItem(at: part)
            throw error
        }
        return file.path
    }
}
