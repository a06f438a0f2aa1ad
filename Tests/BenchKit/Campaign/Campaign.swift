internal import Bench
public import BenchModel
internal import Dock
internal import Foundation
internal import Journal
internal import Logging
internal import Protocols
public import Simulator
internal import Synchronization

/// A bench's day in virtual time: every unit is docked, whatever goes wrong goes wrong, the power is cut and comes back, hands do what the
/// bench asks of them; then nothing goes wrong any more, and every unit is docked once more.
public final class Campaign: Sendable {
    let plan: CampaignPlan
    let time: VirtualTime
    let bus: InProcessBus
    let memory: JournalMemory
    let witness: Witness
    private let config: BenchConfig
    let targets: GivenTargets
    private let dock: DockNews

    /// What came of it.
    public struct Report: Sendable, Hashable {
        public var seed: UInt64
        public var events: Int
        /// The journal's last hash: the same for the same seed.
        public var head: String
        /// Sessions by outcome.
        public var outcomes: [Outcome: Int]
        public var virtualSeconds: Double
        /// How often something was to go wrong, of the kinds that are counted down, and how often it did.
        public var planned: [Fault.Kind: Int]
        public var met: [Fault.Kind: Int]
        /// Cuts of the power that were to be, and those that were.
        public var plannedCuts: Int
        public var cuts: Int
        /// What must never be and was.
        public var violations: [String]
    }

    static func slot(_ index: Int) -> SlotID {
        guard let slot = SlotID("A\(index)") else { preconditionFailure("a label") }
        return slot
    }

    /// Runs the campaign of a seed.
    /// `journal`: where the journal is kept; `nil` for nowhere.
    public static func run(seed: UInt64, units: Int = 64, journal: String? = nil) async throws -> Report {
        let plan = CampaignPlan(seed: seed, units: units)
        let time = VirtualTime(seed: plan.seed)
        let campaign = try Campaign(plan, time)
        return try await time.run { try await campaign.play(journal: journal) }
    }

    private init(_ plan: CampaignPlan, _ time: VirtualTime) throws {
        self.plan = plan
        self.time = time
        let slots = (1...plan.slots).map { index in
            (Self.slot(index), SlotPosition("1-\((index - 1) / 8 + 1).\((index - 1) % 8 + 1)"))
        }
        let description = DockDescription(
            name: "campaign", slots: slots.compactMap { slot, position in position.map { (slot, $0) } },
            units: plan.units.map { ($0, nil) }, stateFolder: nil)
        bus = try InProcessBus(description, time: time, transferTime: .microseconds(125))
        let bounds = SessionBounds(
            request: .seconds(2), enterBootloader: .seconds(8), activate: .seconds(5), comeBack: .seconds(10), erase: .seconds(5),
            stall: .seconds(6))
        config = BenchConfig(
            name: "campaign", journal: "", socket: "", limits: BenchLimits(concurrentSessions: 24, drain: .zero),
            profiles: [TestProfiles.profile4G(bounds), TestProfiles.profile2G3G(bounds, SMPSettings(activation: .swap))],
            releases: ReleaseConfig(store: "", roots: ""),
            slots: description.slots.map {
                SlotPlace(slot: $0.slot, port: PortPath("pci-0000:00:14.0-usb-0:\($0.position.description.dropFirst(2))"))
            })
        let image = TestRelease.image(CampaignPlan.targetVersion, bytes: plan.imageBytes)
        targets = GivenTargets(
            try [Variant.fourG, .twoG3G].map { variant in
                var target = try TestRelease.target("release-\(variant)", CampaignPlan.targetVersion, image, for: variant)
                target.approval = 1
                return target
            })
        witness = Witness(bus, image: image, units: plan.units)
        let latency = Mutex(Dice(plan.seed &+ 1))
        memory = try JournalMemory(
            latency: { .microseconds(latency.withLock { $0.number(in: 200...6_000) }) }, stored: { [witness] in witness.saw($0) })
        dock = DockNews(bus)
    }

    private func play(journal: String?) async throws -> Report {
        let following = Task(executorPreference: time.lane("dock", controller: nil)) { [dock] in await dock.follow() }
        defer { following.cancel() }
        let hands = Hands(self)
        var planned = plan.powerCuts[...]
        var cuts = 0
        // Each bench lives until its power is cut.
        while true {
            let bench = try await powerOn(cut: planned.popFirst())
            let isDone = try await hands.work(with: bench.controller, until: { bench.power.isOn })
            if isDone { witness.compareTally(bench.controller) } else { cuts += 1 }
            await bench.powerOff()
            if !bench.controller.grantsAreReturned { witness.object("a grant was not returned when the power went") }
            if isDone { break }
        }
        let left = counted(bus.units.flatMap(\.faults))
        for unit in plan.units { try bus.clearFaults(of: unit.chfId) }
        let bench = try await powerOn(cut: nil)
        try await hands.dockOnceMore(with: bench.controller)
        await witness.compareViews(bench.controller)
        await bench.powerOff()
        if !bench.controller.grantsAreReturned { witness.object("a grant was not returned") }
        memory.restorePower()
        try await compareFailures(bench.controller)
        var report = try await report(hands, journal: journal)
        report.planned = counted(plan.units.flatMap(\.faults))
        report.met = report.planned.merging(left) { $0 - $1 }
        report.cuts = cuts
        return report
    }

    private func counted(_ faults: [Fault]) -> [Fault.Kind: Int] {
        faults.reduce(into: [:]) { sum, fault in if let times = fault.times { sum[fault.kind, default: 0] += times } }
    }

    /// What a bench says of slots, units and releases is what the next one makes of the journal.
    private func compareFailures(_ bench: BenchController) async throws {
        let next = try await controller(try Journal(memory, lane: time.lane("journal", controller: nil), clock: time), Power())
        let (live, loaded) = (await bench.failures(), await next.failures())
        if live != loaded { witness.object("the bench counts \(live), and after a restart \(loaded)") }
    }

    // MARK: The bench

    private struct PoweredBench: Sendable {
        let controller: BenchController
        let power: Power
        let running: Task<Void, Never>

        func powerOff() async {
            power.cut()
            await controller.stop()
            running.cancel()
            await running.value
        }
    }

    private func powerOn(cut: (store: Int, keepsLast: Bool)?) async throws -> PoweredBench {
        let power = Power()
        memory.restorePower()
        if let cut {
            memory.cutPower(atStore: cut.store, keepsLast: cut.keepsLast) { power.cut() }
        }
        let journal = try Journal(memory, lane: time.lane("journal", controller: nil), clock: time)
        // The power may be cut in these stores already: then this bench never comes up.
        _ = try? await journal.settleCutSessions()
        guard let controller = try? await controller(journal, power) else {
            return try await powerOn(cut: nil)
        }
        witness.startCounting()
        let snapshots = dock.snapshots()
        let running = Task(executorPreference: time.lane("run", controller: nil)) { await controller.run(snapshots) }
        return PoweredBench(controller: controller, power: power, running: running)
    }

    private func controller(_ journal: Journal, _ power: Power) async throws -> BenchController {
        try await BenchController(
            config, journal: journal, targets: targets, admission: AdmitAll(), opener: InProcessLinks(bus, power: power), clock: time,
            lanes: time, logger: Logger(label: "campaign") { _ in SwiftLogNoOpLogHandler() })
    }

    // MARK: The end

    private func report(_ hands: Hands, journal kept: String?) async throws -> Report {
        let journal = try Journal(memory, lane: time.lane("journal", controller: nil), clock: time)
        let sessions = try await journal.sessions(limit: .max)
        await witness.judge(sessions: sessions, units: plan.units, hands: hands)
        if let shift = try await journal.shift(from: "1970-01-01T00:00:00Z", to: "2999-01-01T00:00:00Z") { witness.compare(shift) }
        let slots = try await journal.slots()
        try await journal.rebuildProjections()
        if try await journal.sessions(limit: .max) != sessions { witness.object("rebuilt sessions differ from the live ones") }
        if try await Set(journal.slots()) != Set(slots) { witness.object("rebuilt slots differ from the live ones") }
        let path = kept ?? FileManager.default.temporaryDirectory.appending(path: "campaign-\(UUID().uuidString).sqlite").path
        defer { if kept == nil { try? FileManager.default.removeItem(atPath: path) } }
        try memory.write(to: path)
        let verification = try JournalVerifier.verify(path)
        if let fault = verification.fault { witness.object("the journal does not verify: \(fault)") }
        return Report(
            seed: plan.seed, events: verification.events, head: verification.head?.description ?? "",
            outcomes: Dictionary(grouping: sessions.compactMap(\.verdict?.outcome)) { $0 }.mapValues(\.count),
            virtualSeconds: time.now.seconds, planned: [:], met: [:], plannedCuts: plan.powerCuts.count, cuts: 0,
            violations: witness.violations)
    }
}

/// What is on the bus, for one bench after the other.
private final class DockNews: Sendable {
    private let bus: InProcessBus
    private let state = Mutex(State())

    private struct State {
        var newest: [DockedDevice] = []
        var listener: AsyncStream<[DockedDevice]>.Continuation?
    }

    init(_ bus: InProcessBus) { self.bus = bus }

    func follow() async {
        // By udev's time of first sight, which no two have: what is known of a device stays true.
        var known: [String: DockedDevice] = [:]
        for await snapshot in bus.snapshots {
            let devices = snapshot.compactMap { device -> DockedDevice? in
                if let same = device.found.flatMap({ known[$0] }) { return same }
                let docked = DockedDevice(device)
                if let found = docked?.found { known[found] = docked }
                return docked
            }
            state.withLock { state in
                state.newest = devices
                _ = state.listener?.yield(devices)
            }
        }
    }

    /// What is there now, and what comes; whoever listened before hears nothing more.
    func snapshots() -> AsyncStream<[DockedDevice]> {
        let (stream, continuation) = AsyncStream<[DockedDevice]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        state.withLock { state in
            state.listener?.finish()
            state.listener = continuation
            continuation.yield(state.newest)
        }
        return stream
    }
}
