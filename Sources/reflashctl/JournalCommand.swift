import ArgumentParser
import BenchModel
import BenchWire
import Journal
import TerminalView

/// `reflashctl journal`.
struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Read the bench's record, and prove that it is whole.",
        subcommands: [Events.self, Verify.self, Rebuild.self, Archive.self, MakeCheckpoint.self, Prove.self, VerifyProof.self])

    struct Events: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List events, oldest first.",
            discussion: """
                EXAMPLES
                  reflashctl journal events --limit 20
                  reflashctl journal events --after 100 --json
                  reflashctl journal events --unit 00-DB-12-34-56-78-90-A2
                """)

        @Option(help: "Only events after this number.") var after: Int64 = 0
        @Option(help: "At most this many; without it all of them.") var limit: Int?
        @Option(help: "Only events of the unit with this CHF ID.") var unit: EUI64?
        @OptionGroup var options: BenchOptions

        /// What one request asks for.
        private static let page = 1000

        func run() async throws {
            try await complaining {
                var last = after
                var left = limit ?? .max
                while left > 0 {
                    let count = min(left, Self.page)
                    let path = "journal/events?after=\(last)&limit=\(count)" + (unit.map { "&unit=\($0)" } ?? "")
                    let events: [EventRecord] = try await options.client.get(path)
                    for event in events {
                        if options.output.json {
                            try options.output.printJSON(event, pretty: false)
                        } else {
                            Terminal.print(Details(style: options.output.style).line(event))
                        }
                    }
                    guard let end = events.last, events.count == count else { return }
                    last = end.number
                    left -= events.count
                }
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Re-compute the hash chain of a journal.",
            discussion: """
                With a file it needs no daemon and writes nothing. Exit status 0 if every event fits, 1 at the first that
                does not. With a checkpoint that was kept elsewhere it also finds a tail that was cut off, a journal that was made anew, and a bench
                key that was replaced.

                EXAMPLES
                  reflashctl journal verify
                  reflashctl journal verify /var/lib/reflash/journal.sqlite --json
                  reflashctl journal verify archive/journal.sqlite-1-8123.gz
                  reflashctl journal verify journal.sqlite --checkpoint copies/rack-a-4711.checkpoint.json
                """)

        @Argument(help: "The journal's file, or an archive's. Default: that of the running daemon.") var file: String?
        @Option(help: "A checkpoint that was kept elsewhere.", completion: .file()) var checkpoint: String?
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let path: String
                if let file { path = file } else { path = (try await options.client.get("status", as: BenchStatus.self)).journal }
                let copy = try checkpoint.map(JournalFiles.checkpoint)
                let meter = ProgressMeter("events")
                let result = try JournalFiles.reading(path) { path throws(JournalError) in
                    try JournalVerifier.verify(path, against: copy, progress: meter.show)
                }
                meter.end()
                if options.output.json {
                    try options.output.printJSON(result)
                } else if let fault = result.fault {
                    Terminal.print("\(path): NOT INTACT: \(fault); the \(result.events) events before it fit")
                } else {
                    let head = result.head.map { ", head \($0)" } ?? ""
                    let archived = result.archivedBefore.map { ", those before event \($0) are archived" } ?? ""
                    Terminal.print("\(path): intact, \(result.events) events\(archived)\(head)")
                    Terminal.print(JournalFiles.line(result))
                }
                if !result.isIntact { throw ExitCode.failure }
            }
        }
    }
}
