import BenchModel
import BenchWire
import Foundation
import Simulator
import Testing

/// From a bundle to a flashed unit, through the daemon and reflashctl.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ReleaseFlowTests {
    private func outcome(_ bench: SimulatedBench, of unit: Int) async throws -> Verdict? {
        let status: UnitStatus = try await bench.json("unit", "show", SimulatedBench.chf(unit))
        return status.sessions.last?.verdict
    }

    @Test func `units wait for an approval, begin by themselves when it comes, and their outcomes name it`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 3, isApproved: false)
            try await bench.runDaemon { _ in
                let first = try await bench.settled(1...3)
                #expect(first[1]?.reason == .noApprovedRelease)
                let imported = try await bench.ctl("release", "import", "\(folder)/release.tar")
                #expect(imported.output.contains("imported"), "\(imported.errors)")
                let approved: [ReleaseRecord] = try await bench.json("release", "approve", "release", "--variant", "4G", "--first", "2")
                let second = try await bench.status { status in
                    (1...3).count { status[$0]?.outcome == .reflashed } == 2
                        && (1...3).contains { status[$0]?.reason == .trialComplete }
                }
                let reflashed = try #require((1...3).first { second[$0]?.outcome == .reflashed })
                let verdict = try #require(try await outcome(bench, of: reflashed))
                #expect(verdict.release == "release")
                #expect(verdict.manifestHash == approved.first?.manifestHash)
                #expect(verdict.checksOff == ["central-products-list"])
                let shown: ReleaseRecord = try await bench.json("release", "show", "release")
                #expect(shown.approvals.first?.used == 2)
                _ = try await bench.ctl("release", "approve", "release", "--variant", "4G")
                try await bench.status { status in (1...3).allSatisfy { status[$0]?.outcome == .reflashed } }
            }
        }
    }

    @Test func `a session that runs when its release is withdrawn goes on to its end and says so, and no other begins`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2, faults: [1: "{kind: slow, atBlock: 3, value: \"1500\"}"])
            try await bench.runDaemon { _ in
                try await bench.status { $0[1]?.step == .transferring }
                let withdrawn = try await bench.ctl("release", "withdraw", "release", "--reason", "units restart")
                #expect(withdrawn.output.contains("withdrawn"), "\(withdrawn.errors)")
                _ = try await bench.settled(1...2)
                let verdict = try #require(try await outcome(bench, of: 1))
                #expect(verdict.outcome == .reflashed)
                #expect(verdict.releaseEnded == .withdrawn)
                _ = try await bench.ctl("slot", "retry", "A01")
                try await bench.status { $0[1]?.reason == .noApprovedRelease }
            }
        }
    }

    @Test func `whoever has no role for something is refused, which is recorded with the user`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1, isApproved: false)
            let config = try String(contentsOfFile: bench.config, encoding: .utf8)
            func setRoles(_ roles: String) throws {
                try (config + "\nroles: \(roles)\n").write(toFile: bench.config, atomically: true, encoding: .utf8)
            }
            func refused(_ arguments: String...) async throws -> Bool {
                let result = try await Programs.run("reflashctl", arguments, environment: ["REFLASH_SOCKET": bench.socket])
                return result.status == 1 && result.errors.contains("(role-missing)")
            }
            try setRoles("{viewer: [user 0]}")
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                #expect(try await refused("slot", "hold", "A02"))
                #expect(try await refused("release", "import", "\(folder)/release.tar"))
                #expect(try await refused("release", "approve", "release", "--variant", "4G"))
                let events = try await bench.ctl("journal", "events", "--json").output.split(separator: "\n")
                let requests = events.filter { $0.contains("request-refused") }
                #expect(requests.count == 3, "\(requests)")
                #expect(requests.allSatisfy { $0.contains(#"\"code\":\"role-missing\""#) && $0.contains(#"\"user\":"#) }, "\(requests)")
            }
            try setRoles("{viewer: [everyone], technician: [user 0]}")
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                #expect(try await bench.ctl("slot", "hold", "A02").status == 0)
                #expect(try await refused("slot", "hasten", "A02"), "what comes first is the supervisor's to say")
            }
            try setRoles("{viewer: [everyone], releaser: [user 0]}")
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                #expect(try await refused("slot", "hold", "A02"))
                #expect(try await bench.ctl("release", "import", "\(folder)/release.tar").status == 0)
                #expect(try await refused("release", "approve", "release", "--variant", "4G"))
            }
            try setRoles("{supervisor: [user nobody-of-that-name]}")
            try await bench.run([Programs.path("reflashd"), "--config", bench.config]) { _ in
                try await appears(bench.socket)
                #expect(try await refused("status"))
            }
        }
    }

    /// Each run prints its seed; the moment follows from it.
    @Test(arguments: 1...12) func `a daemon killed in the middle of an import has the old or the new, and nothing else`(seed: UInt64)
        async throws
    {
        var random = SplitMix64(state: seed)
        let moment = Duration.milliseconds(Int.random(in: 0...250, using: &random))
        print("import kill test: seed \(seed), killed after \(moment)")
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1, payload: 3_000_000, isApproved: false)
            let daemon = Programs.path("reflashd")
            let script = "while ! \(daemon) --config \(bench.config) 2>>\(folder)/daemon.log; do touch \(folder)/restarted; done"
            try await bench.run(["sh", "-c", script]) { _ in
                _ = try await bench.settled(1...1)
                let importing = Task { try await bench.ctl("release", "import", "\(folder)/release.tar") }
                try await Task.sleep(for: moment)
                kill(try #require(Daemons.pid(of: bench.config)), SIGKILL)
                let result = try await importing.value
                try await appears("\(folder)/restarted")
                _ = try await bench.status { $0[1]?.outcome != nil }
                let releases: [ReleaseRecord] = try await bench.json("release", "list")
                #expect(releases.allSatisfy { $0.state == .imported })
                if result.status == 0 { #expect(releases.count == 1, "an import that was acknowledged is gone") }
                let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/releases")
                #expect(files.allSatisfy { $0.hasSuffix(".tar") && !$0.hasPrefix(".") }, "\(files)")
                // It can be done again.
                #expect(try await bench.ctl("release", "import", "\(folder)/release.tar").status == 0)
                let verify = try await bench.ctl("release", "show", "release")
                #expect(verify.status == 0, "\(verify.errors)")
            }
        }
    }
}
