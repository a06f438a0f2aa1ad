public import BenchModel
public import Dock
public import Journal
internal import Links
public import Logging

/// The bench: its slots, what the dock says of them, and the sessions in them.
public actor BenchController {
    /// The live view.
    public nonisolated let board: Board
    /// The record.
    public nonisolated let journal: Journal
    /// The config that the bench was started with.
    public nonisolated let config: BenchConfig
    /// What is kept of sessions that went wrong; `nil` where there is no place for it.
    public nonisolated let capsules: CapsuleStore?
    private nonisolated let shared: BenchShared
    private let lane: Lane
    /// The bench's own work is done on a lane of its own.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    private var runners: [SlotPort: SlotRunner] = [:]
    private var bySlot: [SlotID: SlotRunner] = [:]
    /// In the order of the config.
    private var order: [SlotRunner] = []
    /// By their folders in sysfs.
    private var strays: [String: StrayDevice] = [:]
    private var probes: [LineProbe] = []
    /// Whether a decision was recorded that not every slot has been asked about.
    private var isDecided = false
    private var isLookingAgain = false

    /// What udev calls a slot's place: a port, and where one port has several ttys, an interface.
    private struct SlotPort: Hashable, Comparable {
        var port: PortPath
        var interface: UInt8?

        static func < (left: Self, right: Self) -> Bool {
            (left.port.idPath, left.interface ?? 0) < (right.port.idPath, right.interface ?? 0)
        }
    }

    /// - Throws: ``JournalError`` when what the journal knows of the slots can't be read.
    public init(
        _ config: BenchConfig, journal: Journal, targets: any TargetSource, admission: any AdmissionPolicy,
        opener: any DeviceOpener, clock: any BenchClock, lanes: any LaneSource = DispatchLanes(), logger: Logger
    ) async throws(JournalError) {
        lane = lanes.lane("bench", controller: nil)
        self.config = config
        self.journal = journal
        board = Board(config.slots, clock: clock)
        let attribution = Attribution(
            lane: lanes.lane("attribution", controller: nil), journal: journal, board: board, targets: targets, logger: logger)
        capsules = CapsuleStore(journal: config.journal, lane: lanes.lane("capsules", controller: nil), logger: logger)
        shared = BenchShared(
            capsules: capsules, attribution: attribution,
            board: board, journal: journal, clock: clock, logger: logger,
            registry: UnitRegistry(lane: lanes.lane("registry", controller: nil), clock: clock),
            budget: HostBudget(config.limits, clock: clock), powerUps: PowerUpTurns(stagger: config.limits.powerUpStagger, clock: clock),
            opener: opener, targets: targets, admission: admission,
            contactBound: config.profiles.map(\.bounds.contact).max() ?? SessionBounds().contact)
        await capsules?.adoptCut(journal)
        let known = try await journal.slots()
        try await attribution.load(known)
        let remembered = Dictionary(known.map { ($0.slot, $0) }, uniquingKeysWith: { first, _ in first })
        let ports = Dictionary(config.slots.map { ($0.port, 1) }, uniquingKeysWith: +)
        for place in config.slots {
            let lane = lanes.lane("slot.\(place.slot)", controller: place.port.hostController)
            let runner = SlotRunner(
                place, lane: lane, shared: shared, remembered: remembered[place.slot], sharesPort: ports[place.port] ?? 0 > 1)
            order.append(runner)
            bySlot[place.slot] = runner
            guard let fixed = place.fixed else {
                runners[SlotPort(port: place.port, interface: place.interface)] = runner
                continue
            }
            guard let profile = config.profiles.first(where: { $0.name == fixed.profile }), let settings = profile.smp else { continue }
            probes.append(
                LineProbe(
                    place: place, profile: profile, settings: settings, runner: runner,
                    identify: Identify(profile: profile, opener: opener, clock: clock), shared: shared))
        }
    }

    /// Follows the dock until the stream ends or the task is cancelled.
    public func run(_ snapshots: AsyncStream<[DockedDevice]>) async {
        await PowerReturn(shared: shared).give()
        await withDiscardingTaskGroup { group in
            for probe in probes { group.addTask { await probe.run() } }
            var last: [DockedDevice]?
            for await snapshot in snapshots {
                let (old, new) = DockChange.differing(last ?? [], snapshot)
                if last == nil { await firstLook(snapshot) } else { await follow(DockChange.changes(from: old, to: new)) }
                last = snapshot
                showStrays(insteadOf: old, new)
            }
            group.cancelAll()
        }
    }

    /// Lets running sessions end within the config's bound, cuts those that have not, and returns when all have ended.
    public func stop() async {
        let runners = order
        let bound = config.limits.drain
        await withTaskGroup { group in
            group.addTask {
                await withTaskGroup { drains in
                    for runner in runners { drains.addTask { await runner.drain() } }
                }
                return true
            }
            group.addTask { [clock = shared.clock] in
                try? await clock.sleep(for: bound)
                return false
            }
            if await group.next() == false {
                for runner in runners { await runner.cancel() }
                _ = await group.next()
            }
            group.cancelAll()
        }
        _ = try? await journal.append(JournalDraft(.benchStopped))
        board.close()
    }

    // MARK: Orders

    /// Begins another session with the unit in a slot.
    public func retry(_ slot: SlotID, by: Operator) async throws(SlotOrderError) { try await runner(slot).retry(by: by) }

    /// Keeps a slot from beginning sessions.
    public func hold(_ slot: SlotID, by: Operator) async throws(SlotOrderError) { try await runner(slot).hold(by: by) }

    /// Lets a held slot begin sessions again.
    public func release(_ slot: SlotID, by: Operator) async throws(SlotOrderError) { try await runner(slot).release(by: by) }

    /// Puts a slot before all others where something must wait, until its session has ended.
    public func hasten(_ slot: SlotID, by: Operator) async throws(SlotOrderError) { try await runner(slot).hasten(by: by) }

    /// Lets sessions begin again in a slot that is out of service.
    public func returnToService(_ slot: SlotID, by: Operator) async throws(SlotOrderError) {
        try await runner(slot).returnToService(by: by)
    }

    /// The unit was scanned into a slot: where it does not appear there within the profiles' bound, its session has failed.
    public func expect(_ unit: EUI64, in slot: SlotID) async { await bySlot[slot]?.expect(unit) }

    /// What fails, and whether it is the slot, the unit or the release.
    public func failures() async -> FailureReport { await shared.attribution.report() }

    /// Whether every grant of the host's budget has been given back.
    package nonisolated var grantsAreReturned: Bool { shared.budget.isWhole }

    /// What may be flashed, or which units, has changed. Units that were refused for that are looked at again, beside whoever says so: slots that
    /// begin their sessions then are busy, and a decision is answered when it is recorded.
    public func decided() async {
        await shared.attribution.decided()
        isDecided = true
        guard !isLookingAgain else { return }
        isLookingAgain = true
        Task(executorPreference: lane) { await self.lookAgain() }
    }

    private func lookAgain() async {
        while isDecided {
            isDecided = false
            await reconsider()
        }
        isLookingAgain = false
    }

    /// Looks again at the units that were refused because of what may be flashed, or because nobody expected them.
    package func reconsider() async {
        for runner in order { await runner.reconsider() }
    }

    private func runner(_ slot: SlotID) throws(SlotOrderError) -> SlotRunner {
        guard let runner = bySlot[slot] else { throw SlotOrderError(slot, "there is no slot of this label") }
        return runner
    }

    // MARK: The dock

    private func firstLook(_ snapshot: [DockedDevice]) async {
        for (place, runner) in runners.sorted(by: { $0.key < $1.key }) {
            let found = snapshot.lazy.filter { self.place(of: $0) == place }.compactMap { self.recognise($0) }.first
            await runner.firstLook(found?.present, found?.profile)
        }
    }

    /// The place at which a device is: a slot that names its interface, or for a port's first interface the slot that names none.
    private func place(of device: DockedDevice) -> SlotPort? {
        let exact = SlotPort(port: device.port, interface: device.interface)
        if runners[exact] != nil { return exact }
        let plain = SlotPort(port: device.port, interface: nil)
        return runners[plain] != nil && (device.interface ?? 0) == 0 ? plain : nil
    }

    private func runner(for device: DockedDevice) -> SlotRunner? { place(of: device).flatMap { runners[$0] } }

    private func follow(_ changes: [DockChange]) async {
        for change in changes {
            shared.logger.debug(
                "\(change.word)",
                metadata: [
                    "node": "\(change.device.node)", "port": "\(change.device.port)", "at": "\(change.device.syspath)",
                    "number": "\(change.device.incarnation)", "found": "\(change.device.found ?? "-")",
                ])
            switch change {
            case .disappeared(let device):
                await runner(for: device)?.left(device.attachment)
            case .appeared(let device):
                if let (present, profile) = recognise(device) { await runner(for: device)?.arrived(present, profile) }
            }
        }
    }

    private func recognise(_ device: DockedDevice) -> (present: PresentDevice, profile: DeviceProfile)? {
        for profile in config.profiles where (profile.smp != nil) == device.isTTY {
            if let mode = profile.mode(of: device.properties) { return (PresentDevice(device: device, mode: mode), profile) }
        }
        return nil
    }

    /// What is tagged as ours and is at no slot's port, or is of no profile: listed, and never touched. `old`, `new`: what is not as before.
    private func showStrays(insteadOf old: ArraySlice<DockedDevice>, _ new: ArraySlice<DockedDevice>) {
        for device in old { strays[device.syspath] = nil }
        for device in new { strays[device.syspath] = stray(device) }
        let shown = strays.values.sorted { ($0.port.idPath, $0.node) < ($1.port.idPath, $1.node) }
        if shown != board.strays { board.setStrays(shown) }
    }

    private func stray(_ device: DockedDevice) -> StrayDevice? {
        if isFixedLine(device) { return nil }
        let ids = "\(device.properties["ID_VENDOR_ID"] ?? "?"):\(device.properties["ID_MODEL_ID"] ?? "?")"
        if runner(for: device) == nil {
            return StrayDevice(
                port: device.port, node: device.node,
                description: "\(ids) at a port that is no slot: dock it in one, or add the port to the config's 'slots'")
        }
        guard recognise(device) == nil else { return nil }
        return StrayDevice(
            port: device.port, node: device.node, description: "\(ids) fits no profile: compare its ids with the config's 'profiles'")
    }

    /// Whether a slot names the device's tty, by its node or by one of udev's links to it: its ``LineProbe`` looks after it.
    private func isFixedLine(_ device: DockedDevice) -> Bool {
        let names = [device.node] + (device.properties["DEVLINKS"]?.split(separator: " ").map(String.init) ?? [])
        return config.slots.contains { place in
            if case .tty(let name) = place.fixed?.address { names.contains(name) } else { false }
        }
    }
}

/// What all slots share.
struct BenchShared: Sendable {
    let capsules: CapsuleStore?
    let attribution: Attribution
    let board: Board
    let journal: Journal
    let clock: any BenchClock
    let logger: Logger
    let registry: UnitRegistry
    let budget: HostBudget
    let powerUps: PowerUpTurns
    let opener: any DeviceOpener
    let targets: any TargetSource
    let admission: any AdmissionPolicy
    /// How long a unit that was scanned into a slot may take to appear there.
    let contactBound: Duration

    func pen(for slot: SlotID, unit: EUI64? = nil) -> SessionJournal {
        SessionJournal(journal: journal, board: board, slot: slot, clock: clock, logger: logger, unit: unit)
    }

    func sessionBench(
        _ slot: SlotID, _ profile: DeviceProfile, _ lane: Lane, _ presence: SlotPresence, sharesPort: Bool
    ) -> SessionBench {
        let recorder = Recorder(clock: clock)
        return SessionBench(
            slot: slot, profile: profile, lane: lane, sharesPort: sharesPort, presence: presence, recorder: recorder, capsules: capsules,
            identify: Identify(profile: profile, opener: RecordingLinks(opener: opener, recorder: recorder), clock: clock),
            checks: Checks(profile: profile, targets: targets, admission: admission, slot: slot), budget: budget, powerUps: powerUps,
            registry: registry, board: board, journal: pen(for: slot), clock: clock)
    }
}
