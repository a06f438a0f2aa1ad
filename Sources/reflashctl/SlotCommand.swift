public import ArgumentParser
public import BenchModel
import BenchWire
import TerminalView

extension SlotID: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// `reflashctl slot`.
struct SlotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slot",
        abstract: "Look at one slot, or give it an order.",
        discussion: """
            EXAMPLES
              reflashctl slot show A03
              reflashctl slot retry A03
              reflashctl slot hold A03
              reflashctl slot hasten A03
            """,
        subcommands: [Show.self, Retry.self, Hold.self, Release.self, Hasten.self, Return.self], defaultSubcommand: Show.self)

    /// What each of them takes.
    struct SlotOptions: ParsableArguments {
        @Argument(help: "The slot's label, as it is printed on the rack.") var slot: SlotID
        @OptionGroup var bench: BenchOptions

        func show(_ status: SlotStatus) throws {
            if bench.output.json { return try bench.output.printJSON(status) }
            for line in Details(style: bench.output.style).lines(status) { Terminal.print(line) }
        }

        func order(_ name: String) async throws {
            try await complaining { try show(try await bench.client.post("slots/\(slot)/\(name)")) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show everything about a slot.")
        @OptionGroup var options: SlotOptions

        func run() async throws {
            try await complaining { try options.show(try await options.bench.client.get("slots/\(options.slot)")) }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Begin another session with the unit that is in the slot.")
        @OptionGroup var options: SlotOptions

        func run() async throws { try await options.order("retry") }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let no session begin in the slot; one that runs goes on to its end.")
        @OptionGroup var options: SlotOptions

        func run() async throws { try await options.order("hold") }
    }

    struct Hasten: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put the slot before all others where something must wait, until its session has ended.")
        @OptionGroup var options: SlotOptions

        func run() async throws { try await options.order("hasten") }
    }

    struct Return: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Return a slot to service that the bench has taken out because units failed there.")
        @OptionGroup var options: SlotOptions

        func run() async throws { try await options.order("return") }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a held slot work again.")
        @OptionGroup var options: SlotOptions

        func run() async throws { try await options.order("release") }
    }
}
