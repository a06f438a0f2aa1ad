import Bench
import BenchKit
import BenchModel
import Dock
import Foundation
import Journal
import Logging
import Testing

@testable import Simulator

/// A shift of eight hours in virtual time: 48 slots, four minutes a unit, one unit in twenty with a fault, and one technician who needs twenty
/// seconds for each handling. What the hands allow are 1,440 handlings.
@Suite(.timeLimit(.minutes(10))) struct ShiftTests {
    private static let slots = 48
    private static let handling = Duration.seconds(20)
    private static let shift = Duration.seconds(8 * 3600)
    /// 60 blocks of four seconds.
    private static let imageBytes = 60 * 4096 - 200

    @Test func `One technician settles at least 1,290 units in a shift, and every slot's hours add up`() async throws {
        let time = VirtualTime(seed: 1)
        let report = try await time.run { try await Self.play(time) }
        #expect(report.settled >= 1290, "\(report.settled) settled, lost: \(report.lost)")
        #expect(report.reflashed >= 1200)
        #expect(report.slots.count == Self.slots)
        for slot in report.slots {
            #expect(slot.milliseconds.values.reduce(0, +) == Self.shift.milliseconds, "\(slot.slot)")
        }
        #expect(try #require(report.handling.median) >= Self.handling.seconds)
        #expect(report.milliseconds(.benchDown) == 0)
        print("shift: \(report.settled) settled, \(report.reflashed) reflashed, lost \(report.lost)")
    }

    private static func play(_ time: VirtualTime) async throws -> ShiftReport {
        var dice = SplitMix64(state: 7)
        let units = (1...1500).map { unit($0, &dice) }
        let places = try (1...slots).map { index in
            (TestBench.slot(index), try #require(SlotPosition("1-\((index - 1) / 8 + 1).\((index - 1) % 8 + 1)")))
        }
        let bus = try InProcessBus(
            DockDescription(name: "shift", slots: places, units: units.map { ($0, nil) }, stateFolder: nil), time: time,
            transferTime: .microseconds(125))
        let bounds = SessionBounds(enterBootloader: .seconds(15), activate: .seconds(60), comeBack: .seconds(60))
        let config = BenchConfig(
            name: "shift", journal: "", socket: "", profiles: [TestProfiles.profile4G(bounds)],
            releases: ReleaseConfig(store: "", roots: ""),
            slots: places.map { SlotPlace(slot: $0.0, port: PortPath("pci-0000:00:14.0-usb-0:\($0.1.description.dropFirst(2))")) })
        var target = try TestRelease.target(
            "release", TestBench.targetVersion, TestRelease.image(TestBench.targetVersion, bytes: imageBytes), for: .fourG)
        target.approval = 1
        let journal = try Journal(try JournalMemory(), lane: time.lane("journal", controller: nil), clock: time)
        let began = time.utcMilliseconds
        let labels = Dictionary(uniqueKeysWithValues: config.slots.map { ($0.slot.label, $0.port) })
        try await journal.append(JournalDraft(.benchStarted(.init(bench: "shift", version: "test", slots: labels))))
        var logger = Logger(label: "shift")
        logger.logLevel = .critical
        let bench = try await BenchController(
            config, journal: journal, targets: GivenTargets([target]), admission: AdmitAll(), opener: InProcessLinks(bus), clock: time,
            lanes: time, logger: logger)
        let following = Task(executorPreference: time.lane("dock", controller: nil)) { await bench.follow(bus) }
        var technician = Technician(bus: bus, bench: bench, time: time, units: units.map(\.chfId))
        try await technician.work(until: time.now + shift)
        await bench.stop()
        following.cancel()
        return try #require(try await journal.shift(from: text(began), to: text(began + shift.milliseconds)))
    }

    private static func unit(_ index: Int, _ dice: inout SplitMix64) -> UnitDescription {
        let kinds: [Fault] = [
            Fault(.errorStatus, atBlock: 3, status: "errPROG", times: nil), Fault(.neverReturns, times: 1),
            Fault(.stall, atBlock: 5, times: 1), Fault(.bitFlip, atByte: 100, times: 1), Fault(.silence, request: "DFU_DETACH", times: nil),
        ]
        let fault = Int.random(in: 0..<20, using: &dice) == 0 ? kinds.randomElement(using: &dice) : nil
        return UnitDescription(
            variant: .fourG, chfId: TestBench.chf(index), gpfId: EUI64(rawValue: UInt64(index)), model: "010A030B",
            hardwareVersion: HardwareVersion(rawValue: 0x0101), firmware: .factory(FirmwareVersion(rawValue: 0x0002_0100)),
            timing: UnitTiming(
                erase: .milliseconds(1), program: .seconds(4), manifest: .seconds(1), detach: .milliseconds(500), reboot: .seconds(2)),
            transferSize: 4096, manifestationTolerant: true, serial: UnitDescription.SerialDescription(), faults: fault.map { [$0] } ?? [])
    }

    private static func text(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}

/// One pair of hands that does what the bench shows, a slot at a time.
private struct Technician {
    let bus: InProcessBus
    let bench: BenchController
    let time: VirtualTime
    var units: [EUI64]
    /// Units that failed in a slot and go into another.
    private var tray: [(unit: EUI64, not: SlotID)] = []
    private var last: SlotID?

    init(bus: InProcessBus, bench: BenchController, time: VirtualTime, units: [EUI64]) {
        (self.bus, self.bench, self.time, self.units) = (bus, bench, time, units.reversed())
    }

    mutating func work(until end: Duration) async throws {
        while time.now < end {
            // The bench has hardly seen what was done at the last one.
            guard let view = bench.board.slots.first(where: { $0.slot != last && wants($0) }) else {
                try await time.sleep(for: .seconds(1))
                last = nil
                continue
            }
            try await time.sleep(for: .seconds(20))
            last = view.slot
            // By then the slot may show something else, as hands notice.
            if let now = bench.board.slot(view.slot), wants(now) { try handle(now) }
        }
    }

    private func wants(_ view: SlotView) -> Bool {
        switch view.doNext {
        case .remove, .moveToAnotherSlot, .dockAgain: true
        // A unit that is held, or one that the bench has not seen yet.
        case .hold, .dock: view.doNext == .dock ? bus.occupant(of: view.slot) == nil : view.isPresent
        case .wait, .outOfService: false
        }
    }

    private mutating func handle(_ view: SlotView) throws {
        let slot = view.slot
        var again: EUI64?
        if let unit = bus.occupant(of: slot) {
            try bus.unplug(slot)
            if view.doNext == .moveToAnotherSlot { tray.append((unit, slot)) }
            if view.doNext == .dockAgain { again = unit }
        }
        guard !view.isOutOfService else { return }
        if let index = again == nil ? tray.firstIndex(where: { $0.not != slot }) : nil { again = tray.remove(at: index).unit }
        if let next = again ?? units.popLast() { try bus.plug(next, into: slot) }
    }
}
