import BenchModel
import BenchWire
import Foundation
import Testing

/// The daemon beside a partner's repository, which is away at first.
@Suite(.timeLimit(.minutes(2))) struct DeliveryFlowTests {
    /// Of the dock's own network, in which nothing else listens.
    private static let address = "http://127.0.0.1:8080"

    @Test func `the daemon delivers a closed consignment by itself, and again when the repository is back; its checkpoints go to a server`()
        async throws
    {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2)
            let config = try String(contentsOfFile: bench.config, encoding: .utf8)
                .replacing("  expectedOnly: false\n", with: "  expectedOnly: false\n  capture: {url: \(Self.address)/capture}\n")
            try "checkpoints: \(Self.address)/checkpoints\n\(config)".write(toFile: bench.config, atomically: true, encoding: .utf8)
            try FileManager.default.createDirectory(atPath: "\(folder)/partner", withIntermediateDirectories: true)
            let script = """
                \(Programs.path("venv-python")) \(Programs.packageRoot)/Tests/Judges/capture_server.py 8080 \(folder)/partner & partner=$!
                \(Programs.path("reflashd")) --config \(bench.config) & daemon=$!
                trap 'kill $daemon $partner; wait; exit' TERM
                wait $daemon
                """
            try await bench.run(["bash", "-c", script]) { _ in
                _ = try await bench.settled(1...2)
                try await bench.returnBoth()
                _ = try await bench.delivery { $0.problem?.message.hasPrefix("the capture endpoint answered 503") == true }
                _ = try await bench.ctl("consignment", "capture", "RMA-1")
                _ = try await bench.delivery { !$0.state.isDue }
                let shown = try await bench.ctl("consignment", "deliveries")
                #expect(shown.status == 0)
                #expect(shown.output.hasPrefix("RMA-1  delivered, event "))
                let ids = try String(contentsOfFile: "\(folder)/partner/events", encoding: .utf8).split(separator: "\n")
                #expect(!ids.isEmpty)
                #expect(Set(ids).count == ids.count)
                let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/partner")
                #expect(files.contains { $0.hasSuffix(".checkpoint.json") })
            }
        }
    }
}

extension SimulatedBench {
    /// A consignment of the first two units, closed.
    fileprivate func returnBoth() async throws {
        let notice = "\(folder)/notice.csv"
        try "chfId\n\(Self.chf(1))\n\(Self.chf(2))\n".write(toFile: notice, atomically: true, encoding: .utf8)
        let orders = [
            ["request", "RMA-1", "--service-user", "Leaf Energy", "--return-to", "1 High Street, Leeds"], ["accept", "RMA-1"],
            ["notice", "RMA-1", notice], ["deliver", "RMA-1"], ["take-in", "RMA-1"],
        ]
        for order in orders { try await consignment(order) }
        for index in 1...2 { try await consignment(["missing", "RMA-1", Self.chf(index), "--reason", "sold"]) }
        try await consignment(["close", "RMA-1"])
    }

    private func consignment(_ order: [String]) async throws {
        let result = try await Programs.run("reflashctl", ["consignment"] + order, environment: ["REFLASH_SOCKET": socket])
        try #require(result.status == 0, "\(order): \(result.errors)")
    }

    /// The state of the consignment's delivery once it fits.
    fileprivate func delivery(where fits: (DeliveryStatus) -> Bool) async throws -> DeliveryStatus {
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while ContinuousClock.now < deadline {
            let result = try await ctl("consignment", "deliveries", "--json")
            let all = try JSONDecoder().decode([DeliveryStatus].self, from: Data(result.output.utf8))
            if let found = all.first(where: fits) { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw NotSeen(description: "the delivery does not come so far")
    }
}
