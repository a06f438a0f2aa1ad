import ArgumentParser
import BenchModel
import BenchWire
import Foundation
import TerminalView

// Tables that are taken in whole or not at all.

/// What both take.
struct TableOptions: ParsableArguments {
    @Argument(help: "The table: CSV, UTF-8, with the columns' names in its first line.", completion: .file(extensions: ["csv"]))
    var file: String
    @Option(help: "A column that is not called as the value is, VALUE=COLUMN; again for each.") var column: [String] = []
    @Flag(help: "Say what would be taken in, and take nothing in.") var dryRun = false

    func validate() throws {
        for pair in column {
            guard pair.split(separator: "=", maxSplits: 1).count == 2, !pair.contains(",") else {
                throw ValidationError("--column: expected VALUE=COLUMN, found '\(pair)'")
            }
        }
    }

    /// Sends the table, and says what became of it. Exit status 1 where a line of it is wrong.
    func send(to path: String, _ bench: BenchOptions) async throws {
        let bytes = Array(try Data(contentsOf: URL(filePath: file)))
        let columns = column.map { $0.replacing("=", with: ":", maxReplacements: 1).escaped }.joined(separator: ",")
        let answer: TableAnswer = try await bench.client.post("\(path)?dryRun=\(dryRun)&columns=\(columns)", body: bytes)
        if bench.output.json {
            try bench.output.printJSON(answer)
        } else {
            for line in ConsignmentLines(style: bench.output.style).lines(answer, file: file) { Terminal.print(line) }
        }
        if !answer.problems.isEmpty { throw ExitCode.failure }
    }
}

extension ConsignmentCommand {
    struct NoticeImport: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "notice", abstract: "Take in an advance shipment notice: which units come, in which cartons, on which pallets.",
            discussion: """
                Values: chfId, and where the notice has them gpfId (the identity that is printed on the unit), carton and pallet. Every bad line
                is named; one is enough, and nothing is taken in.

                EXAMPLES
                  reflashctl consignment notice RMA-42 notice.csv --dry-run
                  reflashctl consignment notice RMA-42 notice.csv --column chfId=Hub --column carton=Box
                """)
        @OptionGroup var options: Options
        @OptionGroup var table: TableOptions

        func run() async throws { try await complaining { try await table.send(to: "\(options.path)/notice", options.bench) } }
    }

    struct RegisterImport: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "register", abstract: "Take in a register of who owns which unit and where that Supplier takes deliveries.",
            discussion: """
                Values: chfId, serviceUser, and locations, several with ';' between them. It takes the place of the register before. 'take-in'
                asks it: units of another Supplier, or of another address, are rejected then.

                EXAMPLES
                  reflashctl consignment register register.csv --dry-run
                  reflashctl consignment register register.csv --column serviceUser=Supplier
                """)
        @OptionGroup var table: TableOptions
        @OptionGroup var bench: BenchOptions

        func run() async throws { try await complaining { try await table.send(to: "register", bench) } }
    }
}
