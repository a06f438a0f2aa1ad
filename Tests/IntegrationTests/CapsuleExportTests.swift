import Bench
import BenchKit
import BenchModel
import BenchWire
import Foundation
import Testing

/// Failure capsules of the real daemon on the simulated dock.
@Suite(.timeLimit(.minutes(5))) struct CapsuleExportTests {
    @Test func `A session of the daemon that failed is listed, shown, exported, and plays again to the same end`() async throws {
        try await withFolder { folder in
            let faults = [1: "{kind: bit-flip, atByte: 777}", 2: "{kind: stall, request: DFU_DNLOAD, times: 9}"]
            let bench = try await SimulatedBench(folder, units: 3, faults: faults)
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...3)
                func ctl(_ arguments: String...) async throws -> String {
                    let result = try await Programs.run("reflashctl", arguments, environment: ["REFLASH_SOCKET": bench.socket])
                    #expect(result.status == 0, "\(result.errors)")
                    return result.output
                }
                let listed = try JSONDecoder().decode([CapsuleSummary].self, from: Data(try await ctl("capsule", "list", "--json").utf8))
                #expect(Set(listed.map(\.slot)) == [try #require(SlotID("A01")), try #require(SlotID("A02"))])
                for capsule in listed {
                    let shown = try await ctl("capsule", "show", "\(capsule.session)")
                    #expect(shown.contains("session \(capsule.session), slot \(capsule.slot)"))
                    let path = "\(folder)/\(capsule.session).capsule.json"
                    _ = try await ctl("capsule", "export", "\(capsule.session)", "--output", path)
                    try await CapsuleReplay.of(path).expectSame()
                }
                let missing = try await Programs.run(
                    "reflashctl", ["capsule", "show", "999999"], environment: ["REFLASH_SOCKET": bench.socket])
                #expect(missing.status == 1 && missing.errors.contains("no capsule of session 999999"))
            }
        }
    }
}
