import ArgumentParser
import BenchKit
import Simulator
import Synchronization

/// Runs seeded campaigns in virtual time and says what must never be and was.
@main struct Campaigns: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "campaigns", abstract: "Run seeded campaigns of a whole bench in virtual time.",
        discussion: """
            Examples:
              campaigns --count 1000
              campaigns --from 4711 --count 1 --twice
            """)

    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "How many seeds.") var count: UInt64 = 100
    @Option(help: "Units on the bench.") var units = 64
    @Option(help: "Campaigns at the same time.") var jobs = 2
    @Flag(help: "Run each seed twice; both must write the same journal, byte for byte.") var twice = false
    @Flag(help: "Say what came of each seed.") var verbose = false
    @Option(help: "Where the seed's journal is kept.") var journal: String?

    /// Among so many, whatever can go wrong does.
    private static let telling = 500

    func validate() throws {
        if journal != nil, count != 1 { throw ValidationError("--journal is one seed's: use it with --count 1") }
    }

    func run() async throws {
        let tally = Tally(seeds: from..<from + count)
        await withTaskGroup { group in
            for _ in 0..<jobs {
                group.addTask { [self] in
                    while let seed = tally.next() { await play(seed, tally) }
                }
            }
        }
        let sum = tally.sum
        print(
            "campaigns: \(count) of \(units) units, \(sum.sessions) sessions, \(sum.events) events, \(Int(sum.seconds / 3600)) h of virtual time, \(sum.failed) failed"
        )
        print("went wrong: \(sum.described); power cuts \(sum.cuts) of \(sum.plannedCuts)")
        let never = sum.planned.keys.filter { sum.met[$0, default: 0] == 0 }
        if count >= Self.telling, !never.isEmpty {
            print("never went wrong, though planned: \(never.map(\.rawValue).sorted().joined(separator: ", "))")
            throw ExitCode.failure
        }
        if sum.failed > 0 { throw ExitCode.failure }
    }

    private func play(_ seed: UInt64, _ tally: Tally) async {
        var problems: [String]
        do {
            let report = try await Campaign.run(seed: seed, units: units, journal: journal)
            problems = report.violations
            if verbose { print("seed \(seed): \(report)") }
            if twice, try await Campaign.run(seed: seed, units: units).head != report.head {
                problems.append("a second run wrote another journal")
            }
            tally.add(report, failed: !problems.isEmpty)
        } catch {
            problems = ["\(error)"]
            tally.add(nil, failed: true)
        }
        for problem in problems.prefix(5) { print("seed \(seed): \(problem)") }
        if problems.count > 5 { print("seed \(seed): and \(problems.count - 5) more") }
    }
}

/// Which seed is next, and what came of those before.
private final class Tally: Sendable {
    struct Sum {
        var sessions = 0
        var events = 0
        var seconds = 0.0
        var failed = 0
        var planned: [Fault.Kind: Int] = [:]
        var met: [Fault.Kind: Int] = [:]
        var plannedCuts = 0
        var cuts = 0

        var described: String {
            planned.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \(met[$0.key, default: 0]) of \($0.value)" }
                .joined(separator: ", ")
        }
    }

    private let state: Mutex<(next: UInt64, sum: Sum)>
    private let end: UInt64

    init(seeds: Range<UInt64>) {
        state = Mutex((seeds.lowerBound, Sum()))
        end = seeds.upperBound
    }

    var sum: Sum { state.withLock { $0.sum } }

    func next() -> UInt64? {
        state.withLock { state in
            guard state.next < end else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    func add(_ report: Campaign.Report?, failed: Bool) {
        state.withLock { state in
            if failed { state.sum.failed += 1 }
            guard let report else { return }
            state.sum.sessions += report.outcomes.values.reduce(0, +)
            state.sum.events += report.events
            state.sum.seconds += report.virtualSeconds
            state.sum.planned.merge(report.planned, uniquingKeysWith: +)
            state.sum.met.merge(report.met, uniquingKeysWith: +)
            state.sum.plannedCuts += report.plannedCuts
            state.sum.cuts += report.cuts
        }
    }
}
