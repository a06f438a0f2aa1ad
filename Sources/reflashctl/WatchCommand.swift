import ArgumentParser
import BenchWire
import Foundation
import TerminalView

/// `reflashctl watch`.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow the bench: a live table on a terminal, a line for each change elsewhere.",
        discussion: """
            Slots that need hands come first. Ends with Ctrl-C, or when the daemon stops.

            EXAMPLES
              reflashctl watch
              reflashctl watch | tee shift.log
              reflashctl watch --json
            """)

    @OptionGroup var options: BenchOptions

    func run() async throws {
        try await complaining {
            let isTerminal = isatty(1) == 1
            var changes = ChangeLines()
            try await options.client.follow { status in
                if options.output.json {
                    try options.output.printJSON(status, pretty: false)
                } else if isTerminal {
                    draw(status)
                } else {
                    for line in changes.lines(status) { Terminal.print(line) }
                }
            }
        }
    }

    /// Overwrites the screen from its top, line by line, so that nothing flickers (ECMA-48 CUP, EL, ED).
    private func draw(_ status: BenchStatus) {
        let size = Terminal.size
        let table = StatusTable(style: options.output.style, width: size.columns)
        var lines = table.lines(status)
        if let rows = size.rows, lines.count > rows - 1 {
            let left = lines.count - (rows - 2)
            lines = Array(lines.prefix(rows - 2)) + ["… \(left) more slots: make the window taller"]
        }
        let text = lines.map { $0 + "\u{1B}[K\n" }.joined()
        Terminal.write("\u{1B}[H\(text)\u{1B}[J")
    }
}
