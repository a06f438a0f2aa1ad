import ArgumentParser
import BenchModel
import Journal
import Synchronization

/// Writes the journal of a bench that has served so many units: consignments from request to receipt, ten events for each unit.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Write the journal of a bench that has served many units.")

    @Option(help: "Units, each served once.") var units = 1_000_000
    @Option(help: "Units of a consignment.") var load = 2000
    @Argument(help: "The journal's file; it must not be there.") var file: String

    func run() async throws {
        let clock = PastClock()
        let journal = try Journal(path: file, clock: clock)
        let history = try History(journal: journal, clock: clock)
        for first in stride(from: 0, to: units, by: load) { try await history.serve(first..<min(first + load, units)) }
        try await journal.makeCheckpoint(bench: "benchmark", key: BenchKey(path: "\(file).key"), why: "end")
        try await journal.close()
    }
}

/// Goes from three years ago towards now, by as much as it is told.
final class PastClock: BenchClock {
    private let passed = Mutex<Int64>(0)
    private let start = SystemClock().utcMilliseconds - 3 * 365 * 86_400_000

    func pass(_ milliseconds: Int64) { passed.withLock { $0 += milliseconds } }

    var now: Duration { .milliseconds(passed.withLock { $0 }) }
    var utcMilliseconds: Int64 { start + passed.withLock { $0 } }
    func sleep(until deadline: Duration) async throws {}
}
