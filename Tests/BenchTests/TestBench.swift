import Bench
import BenchKit
import BenchModel
import Dock
import Firmware
import Foundation
import Journal
import Links
import Logistics
import Logging
@testable import Simulator
import Synchronization
import Testing

/// A bench of units without anything below the links: real sessions, a real journal, simulated units in this process.
final class TestBench: Sendable {
    let bus: InProcessBus
    let controller: BenchController
    let journal: Journal
    let image: [UInt8]
    let targets: GivenTargets
    private let following: Task<Void, Never>
    /// The journal's memory in virtual time; a file has it otherwise.
    let memory: JournalMemory?
    let clock: any BenchClock

    static let targetVersion = FirmwareVersion(rawValue: 0x0002_012F)
    static let fast = UnitTiming(
        erase: .milliseconds(1), program: .microseconds(200), manifest: .milliseconds(2), detach: .milliseconds(5),
        reboot: .milliseconds(10))

    /// What differs from a bench of well-behaved units.
    struct Setup: Sendable {
        var installed: [FirmwareVersion] = [FirmwareVersion(rawValue: 0x0002_0100)]
        var hardware = "0101"
        var faults: [Int: [Fault]] = [:]
        var emptySlots = 1
        var isTolerant = true
        var bounds = SessionBounds(
            request: .milliseconds(400), enterBootloader: .seconds(2), activate: .seconds(2), comeBack: .seconds(2))
        var hasTarget = true
        var concurrentSessions = 64
        /// Slots in which no unit is at first.
        var undocked: Set<Int> = []
        var variant = Variant.fourG
        var serial = TestBench.fastLine
        /// Units with nothing in their flash.
        var isEmpty = false
        /// Units that are met in DFU mode alone.
        var isDFUOnly = false
        var imageBytes = 50_000
        var identity = IdentitySource.serialNumber
        var hardwareSource = ValueSource.osInfo("i")
        var model: String?
        /// The versions that the release may be applied over, and those of approved steps, which go over ``stepOver``.
        var over: [FirmwareVersion]?
        var steps: [FirmwareVersion] = []
        var stepOver: [FirmwareVersion]?
        var checksOff: Set<PolicyCheck> = []
        /// How often there is no approval yet when somebody asks.
        var refusals = 0
        /// How long the answer takes.
        var asking = Duration.zero
        /// Whether only units are flashed that a consignment expects.
        var hasConsignments = false
        /// Whether the journal has a place beside it for failure capsules.
        var keepsCapsules = false
        /// Whether another slot is a second tty at the first one's port.
        var sharesPort = false
        /// Slots of the dock that the config does not have.
        var unserved: Set<Int> = []
    }

    /// A line that costs a test no time.
    static let fastLine: UnitDescription.SerialDescription = {
        var line = UnitDescription.SerialDescription()
        line.baud = 12_000_000
        return line
    }()

    static let supervisor = Operator(user: "test", role: .supervisor)
    static let technician = Operator(user: "test", role: .technician)

    static func chf(_ index: Int) -> EUI64 { EUI64(rawValue: 0x00DB_1234_5678_9000 + UInt64(index)) }
    static func slot(_ index: Int) -> SlotID { SlotID("A\(index)") ?? { preconditionFailure("a label") }() }

    private init(_ setup: Setup, path: String, in time: VirtualTime?) async throws {
        image = TestRelease.image(Self.targetVersion, bytes: setup.imageBytes)
        let count = setup.installed.count
        let description = DockDescription(
            name: "test",
            slots: (1...count + setup.emptySlots).map { index in
                (Self.slot(index), SlotPosition("1-1.\(index)") ?? { preconditionFailure("a position") }())
            },
            units: (1...count).map { index in
                let unit = UnitDescription(
                    variant: setup.variant, chfId: Self.chf(index), gpfId: EUI64(rawValue: UInt64(index)), model: "010A030B",
                    hardwareVersion: HardwareVersion(setup.hardware) ?? HardwareVersion(rawValue: 0),
                    firmware: setup.isEmpty ? .empty : .factory(setup.installed[index - 1]),
                    timing: Self.fast, transferSize: 4096, manifestationTolerant: setup.isTolerant, serial: setup.serial,
                    faults: setup.faults[index] ?? [])
                return (unit, setup.undocked.contains(index) ? nil : Self.slot(index))
            }, stateFolder: nil)
        bus = try time.map { try InProcessBus(description, time: $0, transferTime: .microseconds(125)) } ?? InProcessBus(description)
        var config = BenchConfig(
            name: "test", journal: setup.keepsCapsules ? path : "", socket: "",
            limits: BenchLimits(concurrentSessions: setup.concurrentSessions, drain: .seconds(5)),
            profiles: [
                Self.profile4G(setup),
                TestProfiles.profile2G3G(
                    setup.bounds, SMPSettings(framing: setup.serial.framing, activation: setup.serial.activation),
                    identity: setup.identity, hardware: setup.hardwareSource),
            ], releases: ReleaseConfig(store: "", roots: ""),
            slots: description.slots.map {
                SlotPlace(slot: $0.slot, port: PortPath("pci-0000:00:14.0-usb-0:\($0.position.description.dropFirst(2))"))
            })
        config.slots.removeAll { place in setup.unserved.contains { Self.slot($0) == place.slot } }
        if setup.sharesPort { config.slots.append(SlotPlace(slot: Self.slot(99), port: config.slots[0].port, interface: 2)) }
        var target = try Self.target("release", Self.targetVersion, image, setup)
        target.approval = 1
        for version in setup.steps {
            target.steps.append(
                try Self.target(
                    "step-\(version)", version, TestRelease.image(version, bytes: setup.imageBytes / 2), setup, over: setup.stepOver))
        }
        let clock: any BenchClock = time.map { $0 as any BenchClock } ?? SystemClock()
        self.clock = clock
        let lanes: any LaneSource = time.map { $0 as any LaneSource } ?? DispatchLanes()
        let memory = try time.map { _ in try JournalMemory() }
        self.memory = memory
        if let time, let memory {
            journal = try Journal(memory, lane: time.lane("journal", controller: nil), clock: time)
        } else {
            journal = try Journal(path: path, clock: clock)
        }
        _ = try await journal.settleCutSessions()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        targets = GivenTargets(setup.hasTarget ? [target] : [], refusals: setup.refusals) {
            if setup.asking > .zero { try? await clock.sleep(for: setup.asking) }
        }
        controller = try await BenchController(
            config, journal: journal, targets: targets,
            admission: setup.hasConsignments ? ConsignmentAdmission(journal) : AdmitAll(), opener: InProcessLinks(bus), clock: clock,
            lanes: lanes, logger: logger)
        let lane = lanes.lane("dock", controller: nil)
        following = Task(executorPreference: lane) { [controller, bus] in await controller.follow(bus) }
    }

    private static func profile4G(_ setup: Setup) -> DeviceProfile {
        var profile = TestProfiles.profile4G(setup.bounds)
        if setup.isDFUOnly {
            profile.restarts = false
            profile.runtime = [:]
            profile.version = .absent
        }
        return profile
    }

    private static func target(
        _ name: String, _ version: FirmwareVersion, _ image: [UInt8], _ setup: Setup, over: [FirmwareVersion]? = nil
    ) throws -> Target {
        try TestRelease.target(
            name, version, image, for: setup.variant, model: setup.model, over: over ?? setup.over, checksOff: setup.checksOff)
    }

    /// Runs `body` beside a bench, whose journal goes with it.
    static func run(_ setup: Setup = Setup(), _ body: (TestBench) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "journal.sqlite").path
        let (intact, unfinished) = try await run(setup, path: path, in: nil) { bench in try await body(bench) }.end
        #expect(intact)
        #expect(unfinished == 0)
    }

    /// As ``run(_:_:)``, in a time that passes only when nothing is left to do. What is expected is expected of what `body` returns.
    static func run<Value: Sendable>(
        _ setup: Setup, seed: UInt64, _ body: @escaping @Sendable (TestBench) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "journal.sqlite").path
        let time = VirtualTime(seed: seed)
        let (value, end) = try await time.run { try await run(setup, path: path, in: time, body) }
        #expect(end.isIntact)
        #expect(end.unfinished == 0)
        return value
    }

    private static func run<Value>(
        _ setup: Setup, path: String, in time: VirtualTime?, _ body: (TestBench) async throws -> Value
    ) async throws -> (value: Value, end: (isIntact: Bool, unfinished: Int)) {
        let bench = try await TestBench(setup, path: path, in: time)
        let value: Value
        do { value = try await body(bench) } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
        try bench.memory?.write(to: path)
        return (value, (try JournalVerifier.verify(path).isIntact, try await bench.journal.unfinishedSessions().count))
    }

    func stop() async {
        await controller.stop()
        following.cancel()
    }

    /// The slot as soon as its session number `count` since the beginning has ended, and no other runs.
    func ended(_ index: Int, sessions count: Int = 1) async throws -> SlotView {
        let slot = Self.slot(index)
        return try await whenChanged {
            let view = try #require(self.controller.board.slot(slot))
            let ended = try await self.journal.sessions(limit: 1000).filter { $0.slot == slot && $0.verdict != nil }
            return ended.count >= count && view.sessionBegan == nil && view.verdict != nil ? view : nil
        }
    }

    /// An event of a kind, as soon as there are so many.
    func event(_ kind: String, number: Int = 1) async throws -> EventRecord {
        try await whenChanged {
            let events = try await self.journal.events(after: 0, limit: 1000).filter { $0.kind == kind }
            return events.count >= number ? events[number - 1] : nil
        }
    }

    /// The first view of a slot that fits.
    func view(_ index: Int, where fits: (SlotView) -> Bool) async throws -> SlotView {
        try await whenChanged {
            guard let view = self.controller.board.slot(Self.slot(index)), fits(view) else { return nil }
            return view
        }
    }

    /// The first list of strays that fits.
    func strays(where fits: ([StrayDevice]) -> Bool) async throws -> [StrayDevice] {
        try await whenChanged {
            let strays = self.controller.board.strays
            return fits(strays) ? strays : nil
        }
    }

    /// Pulls a unit out, waits until the bench has seen that, and plugs it into another slot, or the same.
    func move(_ index: Int, to slot: Int) async throws {
        try bus.unplug(Self.slot(index))
        _ = try await view(index) { !$0.isPresent && $0.unit == nil }
        try bus.plug(Self.chf(index), into: Self.slot(slot))
    }

    func unit(_ index: Int) throws -> UnitReport {
        try #require(bus.units.first { $0.chfId == Self.chf(index) })
    }

    /// Whether the unit's flash holds the image.
    func holdsImage(_ index: Int) throws -> Bool { try unit(index).applicationHash == SHA256Value.of(image) }

    /// What `look` finds, now or after a change of the board.
    private func whenChanged<Found>(_ look: () async throws -> Found?) async throws -> Found {
        var changes = controller.board.changes().makeAsyncIterator()
        repeat {
            if let found = try await look() { return found }
        } while await changes.next() != nil
        throw CancellationError()
    }
}
