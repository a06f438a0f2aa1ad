import BenchModel
import BenchWire
import Foundation
import Simulator
import Testing

/// The daemon killed with SIGKILL at random moments of a run of 16 units, and started again.
///
/// Each run prints its seed; `REFLASH_KILL_SEED=N swift test --filter KillTests` replays that one alone.
@Suite(.timeLimit(.minutes(15)), .serialized) struct KillTests {
    private static let seeds: [UInt64] = {
        if let one = ProcessInfo.processInfo.environment["REFLASH_KILL_SEED"].flatMap({ UInt64($0) }) { return [one] }
        return Array(1...50)
    }()
    /// A run of 16 units takes about this long here; kills are spread over it and a little beyond.
    private static let runMilliseconds = 1400

    @Test(arguments: seeds)
    func `no outcome is lost, guessed or written for twice when the daemon is killed`(seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        let moment = Duration.milliseconds(Int.random(in: 0...Self.runMilliseconds, using: &random))
        print("kill test: seed \(seed), killed after \(moment)")
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 16, state: true, payload: 60_000)
            let daemon = Programs.path("reflashd")
            // A killed daemon is started again, as systemd would.
            let script = "while ! \(daemon) --config \(bench.config) 2>>\(folder)/daemon.log; do touch \(folder)/restarted; done"
            try await bench.run(["sh", "-c", script]) { _ in
                _ = try await bench.status { !$0.slots.isEmpty }
                try await Task.sleep(for: moment)
                let pid = try #require(Daemons.pid(of: bench.config))
                kill(pid, SIGKILL)
                let status = try await bench.status { status in
                    FileManager.default.fileExists(atPath: "\(folder)/restarted")
                        && (1...16).allSatisfy { status[$0]?.state == .docked && status[$0]?.outcome != nil }
                }
                try await check(status, bench)
            }
        }
    }

    private func check(_ status: BenchStatus, _ bench: SimulatedBench) async throws {
        let listed = try await Programs.run("hubsim", ["ctl", "list", "--json", "--socket", bench.controlSocket])
        let units = try JSONDecoder().decode([UnitReport].self, from: Data(listed.output.utf8))
        let image = Data(bench.image)
        for unit in units {
            let record: UnitStatus = try await bench.json("unit", "show", unit.chfId.description)
            #expect(record.outcome?.isCurrent == true, "\(unit.chfId): \(record.outcome?.rawValue ?? "no outcome")")
            #expect(record.sessions.allSatisfy { $0.verdict != nil && !$0.isUnsettled })
            let flash = try Data(contentsOf: URL(filePath: "\(bench.folder)/flash/\(unit.chfId)/application.bin"))
            #expect(flash == image, "\(unit.chfId) is said to be \(record.outcome?.rawValue ?? "-") and holds something else")
            // One manifested image is enough (a kill between the last byte and manifestation leaves none and a whole image); a
            // second download has a cause only when the first was cut.
            #expect(unit.downloadsManifested <= 1, "\(unit.chfId)")
            #expect(unit.downloadsBegun <= 2, "\(unit.chfId)")
        }
        let verify = try await Programs.run("reflashctl", ["journal", "verify", bench.journal])
        #expect(verify.status == 0, "\(verify.output)")
    }
}
