import BenchModel
import Foundation
import Testing

/// `reflashctl scan` with a bench that comes and goes.
@Suite(.timeLimit(.minutes(2))) struct ScanTests {
    private func scan(_ bench: SimulatedBench, _ codes: String, state: String) async throws -> Programs.Result {
        try await Programs.run(
            "bash", ["-c", "printf '\(codes)' | \(Programs.path("reflashctl")) scan --station desk --json --socket \(bench.socket)"],
            environment: ["XDG_STATE_HOME": state])
    }

    @Test func `scans that the bench could not take are kept, and are each recorded once when it is back`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            let kept = try await scan(bench, "00DB123456789001\\n4711\\n", state: folder)
            #expect(kept.status == 1)
            #expect(kept.errors.contains("2 scans are kept in \(folder)/reflash/scans-desk.jsonl"), "\(kept.errors)")
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                let sent = try await scan(bench, "CARD:OPERATOR:mira\\n", state: folder)
                #expect(sent.status == 0, "\(sent.errors)")
                let verdicts = try sent.output.split(separator: "\n").map {
                    try JSONDecoder().decode(ScanAnswer.self, from: Data($0.utf8)).verdict
                }
                #expect(verdicts == [.unexpected, .unreadable, .operatorKnown])
                #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/reflash").allSatisfy { $0.hasSuffix(".lock") })
                let journal = try await Programs.run("reflashctl", ["journal", "events", "--json", "--socket", bench.socket])
                #expect(
                    journal.output.components(separatedBy: "\"kind\":\"scanned\"").count - 1 == 3
                        || journal.output.components(separatedBy: "\"kind\" : \"scanned\"").count - 1 == 3, "\(journal.output.suffix(2000))"
                )
            }
        }
    }
}
