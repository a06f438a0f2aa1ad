import BenchModel
import BenchWire
import Foundation
import Testing

/// Real libusb, real libudev, the daemon as it is, in the simulated dock.
@Suite(.timeLimit(.minutes(5)), .serialized) struct DaemonTests {
    @Test func `sixteen units are reflashed and proven`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 16)
            try await bench.runDaemon { daemon in
                let status = try await bench.settled(1...16)
                for index in 1...16 {
                    #expect(status[index]?.outcome == .reflashed)
                    #expect(status[index]?.proof == .flashReadback)
                    #expect(status[index]?.doNext == .remove)
                }
                #expect(status[17]?.state == .empty)
                let unit: UnitStatus = try await bench.json("unit", "show", SimulatedBench.chf(3))
                #expect(unit.installedVersion?.description == "0002012F")
                let listed = try await Programs.run("hubsim", ["ctl", "list", "--json", "--socket", bench.controlSocket])
                #expect(listed.output.components(separatedBy: bench.manufacturerImageHash).count - 1 == 16)

                daemon.signal(SIGTERM)
                #expect(await daemon.ended == 0)
                let verify = try await Programs.run("reflashctl", ["journal", "verify", bench.journal])
                #expect(verify.status == 0)
                #expect(verify.output.contains("intact"))
                #expect(!FileManager.default.fileExists(atPath: bench.socket))
            }
        }
    }

    @Test func `a unit pulled mid-way and a bad bit end as the hands are told`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(
                folder, units: 3, faults: [2: "{kind: unplug, atByte: 50000}", 3: "{kind: bit-flip, atByte: 777}"])
            try await bench.runDaemon { _ in
                let first = try await bench.settled(1...3)
                #expect(first[1]?.outcome == .reflashed)
                #expect(first[2]?.outcome == .unknown)
                #expect(first[2]?.doNext == .dockAgain)
                #expect(first[3]?.reason == .readbackMismatch)
                #expect(first[3]?.doNext == .moveToAnotherSlot)
                try await bench.hands("plug", SimulatedBench.chf(2), "A02")
                try await bench.hands("unplug", "A03")
                try await bench.hands("plug", SimulatedBench.chf(3), "A17")
                let second = try await bench.status { $0[2]?.outcome == .reflashed && $0[17]?.outcome == .reflashed }
                #expect(second[3]?.outcome == nil)
                let shown = try await bench.ctl("status")
                #expect(shown.output.contains("units/h"))
                let slot: SlotStatus = try await bench.json("slot", "show", "A17")
                #expect(slot.chfId?.description == SimulatedBench.chf(3))
            }
        }
    }

    @Test func `units that hang are reset at their ports, and where that does not help their ports are switched off and on`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(
                folder, units: 3,
                faults: [1: "{kind: hang, request: DFU_DNLOAD}", 2: "{kind: hang, request: DFU_DETACH, value: power}"])
            try await bench.runDaemon { _ in
                let status = try await bench.settled(1...3)
                for index in 1...3 { #expect(status[index]?.outcome == .reflashed, "\(status[index]?.reason?.rawValue ?? "")") }
                let events = try await bench.ctl("journal", "events", "--json").output.split(separator: "\n")
                func remedies(_ slot: Int) -> [String] {
                    ["port-reset", "port-power-cycled"].filter { kind in
                        events.contains { $0.contains("\"\(kind)\"") && $0.contains("\"\(SimulatedBench.slot(slot))\"") }
                    }
                }
                #expect(remedies(1) == ["port-reset"])
                #expect(remedies(2) == ["port-reset", "port-power-cycled"])
                #expect(remedies(3) == [])
            }
        }
    }

    @Test func `the same works with a pulled unit when another port is not in the config`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2)
            let text = try String(contentsOfFile: bench.config, encoding: .utf8)
            try text.replacingOccurrences(of: "  A02: pci-0000:00:14.0-usb-0:1.1.2\n", with: "")
                .write(toFile: bench.config, atomically: true, encoding: .utf8)
            try await bench.runDaemon { _ in
                let status = try await bench.status { $0[1]?.outcome == .reflashed && !$0.strays.isEmpty }
                #expect(status.strays.map(\.port.idPath) == ["pci-0000:00:14.0-usb-0:1.1.2"])
                #expect(status.strays[0].description.hasPrefix("1209:4c01 at a port that is no slot") == true)
            }
        }
    }

    @Test func `orders go through the API, and what can't be done is explained`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                let retried = try await bench.ctl("slot", "retry", "A01")
                #expect(retried.status == 0)
                try await bench.status { $0[1]?.outcome == .alreadyCurrent }
                #expect(try await bench.ctl("slot", "hold", "A02").status == 0)
                #expect(try await bench.ctl("slot", "release", "A02").status == 0)
                let held = try await bench.ctl("slot", "release", "A02")
                #expect(held.status == 1)
                #expect(held.errors == "reflashctl: A02: the slot is not held (slot-order)\n")
                #expect(try await bench.ctl("slot", "hasten", "A01").status == 0)
                let report = try await bench.ctl("report", "--shift", "--hours", "1", "--target", "4")
                #expect(report.output.contains("1 current"), "\(report.output)\(report.errors)")
                #expect(report.output.contains("25 % of the 4 that were to be done"), "\(report.output)")
                #expect(try await bench.ctl("report", "--failures").output.hasPrefix("slots\n  1 slots without a failure\nreleases\n"))
                let unknown = try await bench.ctl("slot", "show", "B99")
                #expect(unknown.errors == "reflashctl: there is no slot 'B99'; 'reflashctl status' lists them (slot-unknown)\n")
                let never = try await bench.ctl("unit", "show", "00-00-00-00-00-00-00-01")
                #expect(never.errors == "reflashctl: 00-00-00-00-00-00-00-01 was never on this bench (unit-unknown)\n")
                let head = try await Programs.run(
                    "bash",
                    ["-c", "set -o pipefail; \(Programs.path("reflashctl")) journal events --json --socket \(bench.socket) | head -1"])
                #expect(head.status == 0, "\(head.errors)")
                let events = try await bench.ctl("journal", "events", "--json")
                #expect(events.output.split(separator: "\n").count > 10)
                #expect(events.output.contains("\"slot-hastened\""))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5)), .serialized) struct DaemonStartTests {
    /// Runs the daemon outside any dock and returns how it ended.
    private func start(_ bench: SimulatedBench) async throws -> Programs.Result {
        try await Programs.run("reflashd", ["--config", bench.config])
    }

    @Test func `a config that is not there, and a key that can't be read, are refused`() async throws {
        try await withFolder { folder in
            let none = try await Programs.run("reflashd", ["--config", "\(folder)/none.yaml"])
            #expect(none.status == 78)
            #expect(none.errors.hasPrefix("reflashd: \(folder)/none.yaml: can't be read"))

            let bench = try await SimulatedBench(folder, units: 1, isApproved: false)
            try "no key".write(toFile: "\(folder)/keys.pem", atomically: true, encoding: .utf8)
            let result = try await start(bench)
            #expect(result.status == 78)
            #expect(result.errors.contains("bench.yaml:"))
            #expect(result.errors.contains("releases: keys.pem: expected a public key in PEM"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: bench.journal))
        }
    }

    @Test func `a check of a good config says so`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            let result = try await Programs.run("reflashd", ["--config", bench.config, "--check"])
            #expect(result.status == 0)
            #expect(result.output == "\(bench.config): 25 slots, 2 profiles: all well\n")
        }
    }

    @Test func `a socket's name that something else has is not touched`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try "mine".write(toFile: bench.socket, atomically: true, encoding: .utf8)
            let result = try await start(bench)
            #expect(result.status == 1)
            #expect(result.errors.contains("socket \(bench.socket): something else has this name; move it away or name another socket"))
            #expect(try String(contentsOfFile: bench.socket, encoding: .utf8) == "mine")
        }
    }

    @Test func `a second daemon on the same journal is refused, and the first goes on`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                let result = try await start(bench)
                #expect(result.status == 1)
                #expect(result.errors.contains("\(bench.journal) is in use by another reflashd"))
                #expect(try await bench.ctl("status").status == 0)
            }
        }
    }

    @Test func `a socket left behind by a killed daemon is replaced`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try await bench.run([
                "sh", "-c", "\(Programs.path("reflashd")) --config \(bench.config); \(Programs.path("reflashd")) --config \(bench.config)",
            ]) { _ in
                _ = try await bench.settled(1...1)
                let pid = try #require(Daemons.pid(of: bench.config))
                kill(pid, SIGKILL)
                let again = try await bench.status { $0[1]?.outcome == .reflashed }
                #expect(again[1]?.state == .docked)
                #expect(try await bench.ctl("journal", "events").output.contains("bench-started"))
            }
        }
    }

    @Test func `a restart leaves what is done, and begins anew when the target is another`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2)
            let daemon = "\(Programs.path("reflashd")) --config \(bench.config)"
            try await bench.run(["sh", "-c", "\(daemon); \(daemon); \(daemon)"]) { _ in
                let first = try await bench.settled(1...2)
                kill(try #require(Daemons.pid(of: bench.config)), SIGTERM)
                let second = try await bench.status { $0[1]?.outcome == .reflashed && $0.outcomes.isEmpty }
                #expect(second[1]?.session == first[1]?.session)
                #expect(second[1]?.state == .docked)
                try await bench.changeTarget()
                kill(try #require(Daemons.pid(of: bench.config)), SIGTERM)
                let third = try await bench.status { $0[1]?.installedVersion?.description == "00020130" && $0[2]?.outcome == .reflashed }
                #expect(third[1]?.outcome == .reflashed)
            }
        }
    }

    @Test func `a watcher that does not read does not keep the daemon from stopping`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 16)
            try await bench.runDaemon { daemon in
                let watcher = try await Programs.start(
                    "reflashctl", ["watch", "--json", "--socket", bench.socket], output: "\(folder)/watch.out",
                    errors: "\(folder)/watch.err")
                try await bench.status { !$0.slots.isEmpty }
                watcher.signal(SIGSTOP)
                defer { watcher.signal(SIGKILL) }
                _ = try await bench.settled(1...16)
                daemon.signal(SIGTERM)
                #expect(await daemon.ended == 0)
            }
        }
    }

    @Test func `a full disk keeps flashing from beginning, says so, and lets it go on when there is room`() async throws {
        try await withFolder { folder in
            let disk = "\(folder)/disk"
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
            let bench = try await SimulatedBench(folder, units: 2, journal: "disk/journal.sqlite")
            // A real file system that is really full; the ballast goes when the test says so.
            let script = """
                mv \(disk)/journal.sqlite \(folder)
                mount -t tmpfs -o size=600k tmpfs \(disk)
                mv \(folder)/journal.sqlite \(disk)
                \(Programs.path("reflashd")) --config \(bench.config) & daemon=$!
                trap 'kill $daemon; wait $daemon; exit' TERM
                while [ ! -e \(folder)/go-full ]; do read -t 0.05 <> <(:) || :; done
                dd if=/dev/zero of=\(disk)/ballast bs=1k 2>/dev/null
                touch \(folder)/is-full
                while [ ! -e \(folder)/go-free ]; do read -t 0.05 <> <(:) || :; done
                rm \(disk)/ballast
                wait $daemon
                """
            try await bench.run(["bash", "-c", script]) { _ in
                let first = try await bench.settled(1...2)
                #expect(first[1]?.outcome == .reflashed)
                _ = FileManager.default.createFile(atPath: "\(folder)/go-full", contents: nil)
                try await waitForFile("\(folder)/is-full")
                for _ in 0..<40 {
                    let order = try await bench.ctl("slot", "hold", "A09")
                    if order.errors.contains("the disk is full") { break }
                    _ = try await bench.ctl("slot", "release", "A09")
                }
                // An order that can't be recorded is not followed.
                #expect(try await bench.ctl("slot", "retry", "A01").errors.contains("the disk is full"))
                try await bench.hands("unplug", "A01")
                try await bench.hands("plug", SimulatedBench.chf(1), "A01")
                let stuck = try await bench.status { $0.impediment != nil }
                #expect(stuck.impediment?.contains("the disk is full") == true)
                #expect(stuck[1]?.state != .running)
                _ = FileManager.default.createFile(atPath: "\(folder)/go-free", contents: nil)
                let freed = try await bench.status { $0[1]?.outcome == .alreadyCurrent }
                #expect(freed.impediment == nil)
            }
        }
    }

    private func waitForFile(_ path: String) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(20))
        while !FileManager.default.fileExists(atPath: path) {
            guard ContinuousClock.now < deadline else { throw NotSeen(description: "\(path) did not appear") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// Daemons by their config, found from outside the dock.
enum Daemons {
    static func pid(of config: String) -> Int32? {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let line = try? Data(contentsOf: URL(filePath: "/proc/\(name)/cmdline")) else { continue }
            let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if arguments.first?.hasSuffix("/reflashd") == true, arguments.contains(config) { return pid }
        }
        return nil
    }
}
