import ArgumentParser
import BenchModel
import Foundation
import Journal
import TerminalView

extension JournalCommand {
    struct Archive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take what is over out of a journal, into a compressed file that proves itself.",
            discussion: """
                The daemon must not be running. The file ends with a checkpoint, and has all events before it; consignments that are over by
                then, and delivered where the bench delivers, leave the journal. It is read again and checked before anything leaves.
                'journal verify' and 'journal prove' read it as they read a journal.

                EXAMPLES
                  reflashctl journal archive /var/lib/reflash/journal.sqlite --to /mnt/archive
                  reflashctl journal archive journal.sqlite --to archive --keep-days 90 --shipped
                """)

        @Argument(help: "The journal's file.", completion: .file()) var file: String
        @Option(help: "The folder for the archive's file.", completion: .directory) var to: String
        @Option(help: "What is younger stays in the journal.") var keepDays = 7
        @Flag(help: "A consignment is over once it is shipped; else when the Service User has received it.") var shipped = false
        @OptionGroup var output: OutputOptions

        /// A new one would be nobody's: it is not made here.
        private func key() throws -> BenchKey {
            guard FileManager.default.fileExists(atPath: file + ".key") else {
                throw Complaint("\(file).key: the bench's key is not there")
            }
            return try BenchKey(path: file + ".key")
        }

        func validate() throws {
            guard keepDays >= 0 else { throw ValidationError("--keep-days: expected 0 or more") }
        }

        func run() async throws {
            try await complaining {
                guard FileManager.default.fileExists(atPath: file) else { throw Complaint("\(file): there is no such file") }
                let before = Date(timeIntervalSinceNow: -Double(keepDays) * 86_400)
                let report = try await JournalArchive.make(
                    of: file, in: to, before: before.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)), shipped: shipped,
                    key: try key(), clock: SystemClock())
                if output.json { return try output.printJSON(report) }
                Terminal.print(
                    "\(report.file): \(report.consignments) consignments, \(report.events) events, up to event \(report.upTo), "
                        + "\(report.bytesOfFile / 1000) kB")
                Terminal.print("\(file): \(report.bytesBefore / 1000) kB before, \(report.bytesNow / 1000) kB now")
            }
        }
    }
}
