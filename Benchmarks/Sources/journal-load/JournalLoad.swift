import ArgumentParser

/// Makes journals as large as a bench's in years, and measures how fast one takes events.
@main
struct JournalLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal-load", abstract: "Large journals, and how fast a journal takes events.",
        subcommands: [HistoryCommand.self, AppendCommand.self])
}
