import ArgumentParser
import BenchWire
import TerminalView

/// `reflashctl status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show every slot once.",
        discussion: """
            EXAMPLES
              reflashctl status
              reflashctl status --json | jq '.slots[] | select(.outcome == "failed")'
            """)

    @OptionGroup var options: BenchOptions

    func run() async throws {
        try await complaining {
            let status: BenchStatus = try await options.client.get("status")
            if options.output.json { return try options.output.printJSON(status) }
            let table = StatusTable(style: options.output.style, width: Terminal.size.columns)
            for line in table.lines(status) { Terminal.print(line) }
        }
    }
}
