import ArgumentParser
import BenchModel
import BenchWire
import Foundation
import TerminalView

/// `reflashctl report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Say what became of a shift, or what fails and why.",
        discussion: """
            --shift splits slots × hours into flashing, awaiting hands, awaiting a grant, retry, out of service and bench down, to the millisecond,
            and counts units, what was lost and how long hands took. --failures says of every slot, release and unit how often it fails beside how
            often others do.

            EXAMPLES
              reflashctl report --shift
              reflashctl report --shift --hours 12 --target 1290
              reflashctl report --shift --from 2026-11-23T06:00:00Z --to 2026-11-23T14:00:00Z --json
              reflashctl report --failures
            """)

    @Flag(help: "Report on a shift.") var shift = false
    @Flag(help: "Report on failures.") var failures = false
    @Option(help: "When the shift began, UTC. Default: so many hours before its end.") var from: String?
    @Option(help: "When it ended, UTC. Default: now.") var to: String?
    @Option(help: "How long it was.") var hours = 8.0
    @Option(help: "Units that were to be done in it.") var target: Int?
    @OptionGroup var options: BenchOptions

    func validate() throws {
        guard shift != failures else { throw ValidationError("expected one of --shift and --failures") }
        guard hours > 0, hours <= 8784 else { throw ValidationError("--hours: expected more than 0 and at most 8784, found \(hours)") }
        guard target.map({ $0 > 0 }) ?? true else { throw ValidationError("--target: expected at least 1") }
    }

    func run() async throws {
        try await complaining {
            let lines = ReportLines(style: options.output.style)
            if failures {
                let report: FailureReport = try await options.client.get("failures")
                return try show(report, lines.lines(report))
            }
            let end = to ?? text(Date.now)
            let begin = try from ?? text(date(end).addingTimeInterval(-hours * 3600))
            let report: ShiftReport = try await options.client.get("reports/shift?from=\(begin)&to=\(end)")
            try show(report, lines.lines(report, target: target))
        }
    }

    private func show(_ report: some Encodable, _ lines: [String]) throws {
        if options.output.json { return try options.output.printJSON(report) }
        for line in lines { Terminal.print(line) }
    }

    private func text(_ date: Date) -> String { date.formatted(.iso8601) }

    private func date(_ text: String) throws -> Date {
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw Complaint("--to: expected a UTC time such as 2026-11-23T14:00:00Z, found '\(text)'")
        }
        return date
    }
}
