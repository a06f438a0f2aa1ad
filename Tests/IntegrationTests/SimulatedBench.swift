import BenchModel
import BenchWire
import ConfigFiles
import Firmware
import Foundation
import Journal
import Logging
import ReleaseKit
import Releases
import Subprocess
import Synchronization
import SystemPackage
import Testing

/// A simulated dock with the real daemon in it, in a folder of its own: what `make demo` runs, made small.
struct SimulatedBench: Sendable {
    let folder: String
    let image: [UInt8]
    private let maker: ReleaseMaker

    static let slots = 17
    var dock: String { "\(folder)/dock.yaml" }
    var config: String { "\(folder)/bench.yaml" }
    var controlSocket: String { "\(folder)/ctl.sock" }
    var socket: String { "\(folder)/d.sock" }
    var journal: String { "\(folder)/journal.sqlite" }
    var manufacturerImageHash: String { "\(SHA256Value.of(image))" }

    static func chf(_ index: Int) -> String { "00-DB-12-34-56-78-90-\(String(format: "%02X", index))" }
    static func slot(_ index: Int) -> String { String(format: "A%02d", index) }
    private static func position(_ index: Int) -> String { "1-1.\(1 + (index - 1) / 6).\(1 + (index - 1) % 6)" }

    /// Runs what lies in `folder` already: `dock.yaml` and `bench.yaml`.
    init(existing folder: String) throws {
        self.folder = folder
        image = []
        maker = try ReleaseMaker()
        try maker.writeTrust(to: folder)
    }

    /// Writes the dock and the config, and approves a release, unless none is wanted. `faults` are YAML, by unit; `state` keeps flashes in
    /// files.
    init(
        _ folder: String, units: Int, faults: [Int: String] = [:], state: Bool = false, journal: String? = nil, payload: Int = 120_000,
        isApproved: Bool = true
    ) async throws {
        self.folder = folder
        let maker = try ReleaseMaker()
        self.maker = maker
        let version = FirmwareVersion(rawValue: 0x0002_012F)
        image = ReleaseMaker.mcuboot(version, payload: (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 13) })
        var dock = """
            dock: it
            defaults:
              variant: 4G
              model: 010A030B
              hardwareVersion: "0101"
              firmware: {version: 00020100}
              timing: {erase: 4 ms, program: 1 ms, manifest: 20 ms, detach: 30 ms, reboot: 100 ms}
            slots:

            """
        if state { dock = dock.replacingOccurrences(of: "dock: it\n", with: "dock: it\nstate: flash\n") }
        for index in 1...Self.slots { dock += "  \(Self.slot(index)): \(Self.position(index))\n" }
        dock += "units:\n"
        for index in 1...units {
            let fault = faults[index].map { ", faults: [\($0)]" } ?? ""
            dock +=
                "  - {slot: \(Self.slot(index)), chfId: \(Self.chf(index)), gpfId: 00-DB-12-34-56-78-A0-\(String(format: "%02X", index))\(fault)}\n"
        }
        try dock.write(toFile: self.dock, atomically: true, encoding: .utf8)
        try maker.writeTrust(to: folder)
        var config = try String(contentsOfFile: "\(Programs.packageRoot)/bench-configs/demo.yaml", encoding: .utf8)
        for (old, new) in [("../.demo/journal.sqlite", journal ?? "journal.sqlite"), ("../.demo/reflashd.sock", "d.sock")] {
            config = config.replacingOccurrences(of: old, with: new)
        }
        let start = try #require(config.range(of: "\nreleases:")).lowerBound
        config.replaceSubrange(
            start..<(try #require(config.range(of: "\n# The rack's")).lowerBound), with: "\n\(Self.releases)\n\(Self.logistics)\n")
        try config.write(toFile: self.config, atomically: true, encoding: .utf8)
        let parts = [ReleaseMaker.Part(.fourG, version, image: image), .init(.twoG3G, version, image: image)]
        let archive = try maker.archive("release", parts)
        try Data(archive).write(to: URL(filePath: "\(folder)/release.tar"))
        try Data(try maker.ota(parts[0])).write(to: URL(filePath: "\(folder)/release.zigbee"))
        if isApproved { try await approve(archive, for: [.fourG, .twoG3G]) }
    }

    /// Units are flashed also where no consignment expects them.
    private static let logistics = """
        logistics:
          companyPrefix: "5012345"
          location: "5012345000008"
          namespace: https://bench.example/reflash/
          expectedOnly: false
        """

    /// The role on the socket is enough, and there is no list of products.
    static let releases = """
        releases:
          store: releases
          trust: {roots: roots.pem, imageKeys: keys.pem}
          statements: by-role
          checksOff: [central-products-list]
        """

    /// Brings a release into the bench's store and journal, and approves it, as a supervisor did before the daemon's start.
    func approve(_ parts: [ReleaseMaker.Part]) async throws {
        try await approve(try maker.archive("release", parts), for: parts.map(\.variant))
    }

    private func approve(_ archive: [UInt8], for variants: [Variant]) async throws {
        let config = try BenchConfigFile.load(self.config)
        let clock = SystemClock()
        let journal = try Journal(path: config.journal, clock: clock)
        let desk = try await ReleaseDesk(
            config.releases, bench: config.name, profiles: config.profiles, journal: journal, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let supervisor = Operator(user: "test", role: .supervisor)
        let release = try await desk.importRelease(try ReleaseBundle(archive: MemoryBytes(archive)), by: supervisor)
        for variant in variants {
            _ = try await desk.approve(release.release, variant: variant, first: nil, via: [], by: supervisor)
        }
        try await journal.close()
    }

    /// Makes version 00020130 what the daemon that runs flashes from now on.
    func changeTarget() async throws {
        let version = FirmwareVersion(rawValue: 0x0002_0130)
        let next = ReleaseMaker.mcuboot(version, payload: [UInt8](repeating: 9, count: 50_000))
        let archive = try maker.archive("next", [.init(.fourG, version, image: next, counter: 2)])
        try Data(archive).write(to: URL(filePath: "\(folder)/next.tar"))
        for arguments in [["import", "\(folder)/next.tar"], ["approve", "next", "--variant", "4G"]] {
            let result = try await Programs.run("reflashctl", ["release"] + arguments, environment: ["REFLASH_SOCKET": socket])
            try #require(result.status == 0, "\(arguments): \(result.errors)")
        }
    }

    /// Runs `command` inside the dock, beside `body`, and ends it after that.
    func run(_ command: [String], environment: [String: String] = [:], _ body: (RunningProgram) async throws -> Void) async throws {
        let program = try await Programs.start(
            "hubsim", ["run", "--dock", dock, "--socket", controlSocket, "--"] + command, output: "\(folder)/out.log",
            errors: "\(folder)/err.log",
            environment: environment)
        do {
            try await body(program)
        } catch {
            program.signal(SIGTERM)
            _ = await program.ended
            let log = (try? String(contentsOfFile: "\(folder)/err.log", encoding: .utf8)) ?? ""
            Issue.record("\(error)\n\(log.suffix(3000))")
            return
        }
        program.signal(SIGTERM)
        _ = await program.ended
    }

    /// Runs the daemon inside the dock, beside `body`.
    func runDaemon(_ body: (RunningProgram) async throws -> Void) async throws {
        try await run([Programs.path("reflashd"), "--config", config], body)
    }

    func hands(_ arguments: String...) async throws {
        let result = try await Programs.run("hubsim", ["ctl"] + arguments + ["--socket", controlSocket])
        #expect(result.status == 0, "\(result.errors)")
    }

    func ctl(_ arguments: String...) async throws -> Programs.Result {
        try await Programs.run("reflashctl", arguments, environment: ["REFLASH_SOCKET": socket])
    }

    func json<Value: Decodable>(_ arguments: String..., as _: Value.Type = Value.self) async throws -> Value {
        let result = try await Programs.run("reflashctl", arguments + ["--json"], environment: ["REFLASH_SOCKET": socket])
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return try JSONDecoder().decode(Value.self, from: Data(result.output.utf8))
    }

    /// Follows the daemon's own stream of events until `fits`; across restarts of the daemon, at most for `bound`.
    @discardableResult
    func status(within bound: Duration = .seconds(60), where fits: @escaping @Sendable (BenchStatus) -> Bool) async throws -> BenchStatus {
        let deadline = ContinuousClock.now.advanced(by: bound)
        let last = Mutex<BenchStatus?>(nil)
        while ContinuousClock.now < deadline {
            let watcher = StatusWatcher(socket: socket)
            let found = try await watcher.first(until: deadline) { status in
                last.withLock { $0 = status }
                return fits(status)
            }
            if let found { return found }
            // The daemon is not up yet, or has gone: there is no event to wait for.
            try await Task.sleep(for: .milliseconds(30))
        }
        let shown = last.withLock { $0 }.map {
            $0.slots.map { "\($0.slot) \($0.state) \($0.outcome?.rawValue ?? "-") \($0.reason?.rawValue ?? "")" }.joined(separator: "\n")
        }
        throw NotSeen(description: "not within \(bound); last seen:\n\(shown ?? "nothing")")
    }

    /// The status once every slot of these units has ended with a unit in it.
    func settled(_ slots: ClosedRange<Int>) async throws -> BenchStatus {
        let labels = Set(slots.map { Self.slot($0) })
        return try await status { status in
            status.slots.filter { labels.contains($0.slot.label) }.allSatisfy { $0.state != .running && $0.outcome != nil }
        }
    }
}

struct NotSeen: Error, CustomStringConvertible {
    let description: String
}

extension BenchStatus {
    subscript(_ index: Int) -> SlotStatus? { slots.first { $0.slot.label == SimulatedBench.slot(index) } }
}

/// `reflashctl watch --json`, read line by line.
private struct StatusWatcher {
    let socket: String

    func first(until deadline: ContinuousClock.Instant, where fits: @escaping @Sendable (BenchStatus) -> Bool) async throws -> BenchStatus?
    {
        let configuration = Configuration(
            executable: .path(FilePath(Programs.path("reflashctl"))), arguments: ["watch", "--json", "--socket", socket])
        return try await Subprocess.run(configuration, input: .none, output: .sequence, error: .discarded) { execution in
            let pid = execution.processIdentifier.value
            let timer = Task {
                try await Task.sleep(until: deadline, clock: .continuous)
                kill(pid, SIGKILL)
            }
            defer {
                timer.cancel()
                kill(pid, SIGKILL)
            }
            for try await line in execution.standardOutput.strings(bufferingPolicy: .maxLineLength(1 << 20)) {
                let status = try JSONDecoder().decode(BenchStatus.self, from: Data(line.utf8))
                if fits(status) { return status }
            }
            return nil
        }.closureResult
    }
}
