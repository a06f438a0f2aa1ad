import ArgumentParser
import Foundation
import BenchModel
import Journal
import TerminalView

extension JournalCommand {
    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the tables of units, sessions, slots and consignments anew from the events.",
            discussion: """
                The daemon must not be running. Either all of it is done or nothing. The events themselves are only read: 'journal verify' says
                whether they are whole.

                EXAMPLES
                  reflashctl journal rebuild /var/lib/reflash/journal.sqlite
                """)

        @Argument(help: "The journal's file.", completion: .file()) var file: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await complaining {
                guard FileManager.default.fileExists(atPath: file) else { throw Complaint("\(file): there is no such file") }
                let journal = try Journal(path: file, clock: SystemClock())
                let meter = ProgressMeter("events")
                let events = try await journal.rebuildProjections { done, total in meter.show(done, of: total) }
                meter.end()
                try await journal.close()
                if output.json { return try output.printJSON(["events": events]) }
                Terminal.print("\(file): made anew from \(events) events")
            }
        }
    }
}
