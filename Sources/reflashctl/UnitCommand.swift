public import ArgumentParser
public import BenchModel
import BenchWire
import TerminalView

extension EUI64: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// `reflashctl unit`.
struct UnitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unit", abstract: "Look at one Communications Hub.", subcommands: [Show.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a unit's outcome and all its sessions.",
            discussion: """
                EXAMPLES
                  reflashctl unit show 00-DB-12-34-56-78-90-A2
                  reflashctl unit show 00DB1234567890A2 --json
                """)

        @Argument(help: "The CHF ID, with or without hyphens.") var chfId: EUI64
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let unit: UnitStatus = try await options.client.get("units/\(chfId)")
                if options.output.json { return try options.output.printJSON(unit) }
                for line in Details(style: options.output.style).lines(unit) { Terminal.print(line) }
            }
        }
    }
}
