import Bench
import BenchModel
import Foundation
import Journal
import Testing

@testable import Simulator

/// Units pulled out at random moments of their sessions, and plugged in again, perhaps elsewhere.
///
/// Each seed prints what it does; `REFLASH_UNPLUG_SEED=N swift test --filter UnplugTests` replays that one alone.
@Suite(.timeLimit(.minutes(2)), .serialized) struct UnplugTests {
    private static let seeds: [UInt64] = {
        if let one = ProcessInfo.processInfo.environment["REFLASH_UNPLUG_SEED"].flatMap({ UInt64($0) }) { return [one] }
        return Array(1...40)
    }()
    /// A session takes about this long here.
    private static let sessionMilliseconds = 90

    @Test(arguments: seeds)
    func `a unit pulled out at any moment ends with a true outcome, and the others do not notice`(seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        let old = FirmwareVersion(rawValue: 0x0002_0100)
        let isTolerant = Bool.random(using: &random)
        let pulls = (0..<Int.random(in: 1...2, using: &random)).map { _ in
            (after: Int.random(in: 0...Self.sessionMilliseconds, using: &random), elsewhere: Bool.random(using: &random))
        }
        print("unplug test: seed \(seed), tolerant \(isTolerant), pulls \(pulls)")
        try await TestBench.run(.init(installed: [old, old, old], emptySlots: 3, isTolerant: isTolerant)) { bench in
            var place = 2
            for (number, pull) in pulls.enumerated() {
                try await Task.sleep(for: .milliseconds(pull.after))
                try bench.bus.unplug(TestBench.slot(place))
                // In another slot it may be back before the first session knows that it has gone.
                if pull.elsewhere {
                    place = 4 + number
                } else {
                    _ = try await bench.view(place) { !$0.isPresent && $0.sessionBegan == nil }
                }
                try bench.bus.plug(TestBench.chf(2), into: TestBench.slot(place))
            }
            let view = try await bench.view(place) { $0.sessionBegan == nil && $0.isPresent && $0.verdict?.outcome.isCurrent == true }
            #expect(view.verdict?.proof == .flashReadback)
            #expect(try bench.holdsImage(2))
            #expect(try bench.unit(2).downloadsManifested <= 1)
            for index in [1, 3] { #expect(try await bench.ended(index).verdict?.outcome == .reflashed) }
            let sessions = try await bench.journal.unit(TestBench.chf(2)).sessions
            let events = try await bench.journal.events(after: 0, limit: 1000, unit: TestBench.chf(2))
                .map { "\($0.number) \($0.monotonicNanoseconds / 1_000_000) \($0.slot?.label ?? "") \($0.kind) \($0.payload.prefix(120))" }
            #expect(sessions.last?.verdict?.outcome.isCurrent == true, "\(events.joined(separator: "\n"))")
            #expect(sessions.dropLast().allSatisfy { $0.verdict?.outcome.isCurrent == true || !$0.isUnsettled })
        }
    }
}
