internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Logging

/// One slot at work: it begins a session when a unit is docked, leaves the unit to the session while it runs, and shows
/// what the technician should do next. Lives on the slot's lane.
actor SlotRunner {
    let lane: Lane
    private let sharesPort: Bool
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    nonisolated let slot: SlotID
    let presence: SlotPresence
    let shared: BenchShared
    private(set) var session: Task<Void, Never>?
    /// The docking that has been recorded and dealt with: the attachment that it began with, or that its session ended with.
    private(set) var docked: DockedDevice.Attachment?
    /// Who that is, as far as it is known.
    private(set) var dockedUnit: EUI64?
    private var reconciling: Task<Void, Never>?
    private var mustReconcile = false
    /// Waits for a unit that was scanned into the slot.
    var expecting: Task<Void, Never>?
    private(set) var profile: DeviceProfile?
    /// The approval that counted when the last session looked.
    private(set) var seenApproval: EventNumber?
    var isHeld = false
    var isOutOfService = false
    private(set) var isStopping = false
    /// What the journal says of the slot from before this daemon, until the first look at the dock.
    private var remembered: SlotRecord?

    /// Sessions of one unit in one slot that may go wrong in a row before hands must ask for more.
    static let sessionsInARow = 3

    /// `sharesPort`: whether other slots are at the same port.
    init(_ place: SlotPlace, lane: Lane, shared: BenchShared, remembered: SlotRecord?, sharesPort: Bool) {
        self.sharesPort = sharesPort
        slot = place.slot
        self.lane = lane
        self.shared = shared
        self.remembered = remembered
        isHeld = remembered?.isHeld ?? false
        isOutOfService = remembered?.isOutOfService ?? false
        presence = SlotPresence(lane: lane, clock: shared.clock, isFixed: place.fixed != nil)
        let (held, out) = (isHeld, isOutOfService)
        shared.board.update(slot) { view in
            view.isHeld = held
            view.isOutOfService = out
            if held { view.doNext = .hold }
        }
    }

    /// Whether a session runs here, or is about to.
    var isBusy: Bool { session != nil || reconciling != nil }

    // MARK: The dock's news

    /// The first look at the dock after the daemon's start: what is in the slot, if anything is.
    func firstLook(_ device: PresentDevice?, _ profile: DeviceProfile?) async {
        let remembered = self.remembered
        self.remembered = nil
        guard let device, let profile else {
            guard let remembered, remembered.isDocked else { return }
            await restore(remembered.lastSession)
            let unit = remembered.lastSession?.chfId
            // Not waited for: the journal may be full, and the other slots want to be looked at.
            Task(executorPreference: lane) { await self.record(.unitRemoved, unit: unit) }
            return
        }
        if let last = remembered?.lastSession, await stands(last, device, profile) {
            await presence.arrived(device)
            self.profile = profile
            docked = device.device.attachment
            dockedUnit = last.chfId
            if let chfId = last.chfId { _ = await shared.registry.claim(chfId, for: slot, presence) }
            return await restore(last)
        }
        await arrived(device, profile)
    }

    /// Whether an outcome from before the daemon's stop still stands: the same unit, as it was left, and the same target.
    private func stands(_ last: SessionRecord, _ device: PresentDevice, _ profile: DeviceProfile) async -> Bool {
        guard let verdict = last.verdict, verdict.outcome != .unknown, let chfId = device.device.identity, chfId == last.chfId,
            !(verdict.outcome.isCurrent && device.mode == .bootloader && profile.restarts)
        else { return false }
        let target = try? await shared.targets.target(for: Unit(chfId: chfId), variant: profile.variant)
        return (target?.hashes ?? [:]) == last.components
    }

    /// A device of ours is in the slot. While a session runs, it is the session's.
    func arrived(_ device: PresentDevice, _ profile: DeviceProfile) async {
        self.profile = profile
        await presence.arrived(device)
        if session == nil { showDocked(device) }
        reconcileSoon()
        if let chfId = device.device.identity { await shared.registry.returned(chfId, in: slot) }
    }

    /// A device has left the slot. While a session runs, the session finds out by itself.
    func left(_ attachment: DockedDevice.Attachment) async {
        guard await presence.left(attachment) else { return }
        shared.board.update(slot) { $0.isPresent = false }
        reconcileSoon()
    }

    /// Brings what is recorded in line with what is in the slot, in a task of its own: the journal may keep it waiting,
    /// and the dock's news must not wait with it.
    private func reconcileSoon() {
        mustReconcile = true
        guard reconciling == nil, session == nil, !isStopping else { return }
        reconciling = Task(executorPreference: lane) { await self.reconcileAll() }
    }

    private func reconcileAll() async {
        while mustReconcile, session == nil, !isStopping {
            mustReconcile = false
            await reconcile()
        }
        reconciling = nil
    }

    private func reconcile() async {
        if let docked, docked != (await presence.present)?.device.attachment {
            self.docked = nil
            await removed()
        }
        if docked == nil, let present = await presence.present, let profile {
            docked = present.device.attachment
            await dock(present, profile)
        }
    }

    // MARK: The end of the daemon

    /// Begins nothing any more, and returns once the running session, if there is one, has ended.
    func drain() async {
        isStopping = true
        reconciling?.cancel()
        expecting?.cancel()
        await session?.value
    }

    /// Ends the running session at its next wait.
    func cancel() { session?.cancel() }

    // MARK: Sessions

    private func dock(_ device: PresentDevice, _ profile: DeviceProfile) async {
        dockedUnit = device.device.identity
        showDocked(device)
        await record(
            .unitDocked(.init(port: device.device.port, profile: profile.name, mode: device.mode)),
            unit: device.device.identity)
        guard session == nil, await presence.present == device else { return }
        if isHeld || isOutOfService {
            let message = isHeld ? "the slot is held" : "the slot is out of service: put the unit into another one"
            return shared.board.update(slot) { view in
                if view.isHeld { view.doNext = .hold }
                view.message = message
            }
        }
        if let slots = await failsAgainAndAgain(device.device.identity) {
            return shared.board.update(slot) { view in
                view.doNext = slots > 1 ? .hold : .moveToAnotherSlot
                view.message =
                    "\(Self.sessionsInARow) sessions in a row went wrong here\(slots > 1 ? " and in another slot" : ""); "
                    + "'reflashctl slot retry \(view.slot)' begins another"
            }
        }
        begin(device, profile)
    }

    /// Whatever was said at the slot before was said of another docking.
    private func showDocked(_ device: PresentDevice) {
        shared.board.update(slot) { view in
            view = view.cleared
            view.isPresent = true
            view.unit = device.device.identity.map { Unit(chfId: $0) }
            if !view.isHeld { view.doNext = .wait }
        }
    }

    func begin(_ device: PresentDevice, _ profile: DeviceProfile) {
        guard session == nil, !isStopping, !isHeld, !isOutOfService else { return }
        let now = shared.clock.now
        shared.board.update(slot) { view in
            view = view.cleared
            view.isPresent = true
            view.sessionBegan = now
            view.doNext = .wait
        }
        let flash = FlashSession(shared.sessionBench(slot, profile, lane, presence, sharesPort: sharesPort), present: device)
        session = Task(executorPreference: lane) { await self.run(flash) }
    }

    private func run(_ flash: FlashSession) async {
        let verdict = try? await flash.run()
        seenApproval = await flash.seenApproval
        if let verdict, let id = await flash.pen.session {
            if verdict.outcome == .failed || verdict.outcome == .unknown { await shared.capsules?.keep(flash.capsule(id, verdict)) }
            await flash.forgetDraft()
            await judge(id)
        }
        await ended(verdict, await flash.present.device.attachment, unit: await flash.pen.unit)
    }

    /// Asks whether the slot fails too often, now that a session has ended, and takes it out of service then.
    private func judge(_ id: SessionID) async {
        guard let count = await shared.attribution.ended(id), !isOutOfService else { return }
        await record(.slotOutOfService(count), unit: nil)
        isOutOfService = true
        shared.logger.error("a slot is out of service", metadata: ["slot": "\(slot)", "why": "\(count.sentence)"])
        shared.board.update(slot) { $0.isOutOfService = true }
    }

    private func ended(_ verdict: Verdict?, _ last: DockedDevice.Attachment, unit: EUI64?) async {
        docked = last
        shared.budget.settle(slot)
        // After a swap the slot holds another unit than the session's.
        dockedUnit = verdict?.outcome == .swapped ? await presence.present?.device.identity : unit
        let isGone = await presence.present?.device.attachment != last
        if isGone || verdict?.outcome == .swapped { await shared.registry.release(slot) }
        if let verdict { await show(verdict, unit: unit) { session = nil } }
        session = nil
        // What came or went meanwhile, a unit that was plugged in again say, was left for now; so was an approval.
        reconcileSoon()
        await reconsider()
    }

    /// `first`: what happens in the same moment in which the verdict is shown.
    func show(_ verdict: Verdict, unit: EUI64?, first: () -> Void = {}) async {
        let failedSlots = await failedSlots(of: unit)
        let isPresent = await presence.present != nil
        let held = isHeld
        first()
        shared.board.update(slot) { view in
            view.step = nil
            view.progress = nil
            view.sessionBegan = nil
            view.verdict = verdict
            view.isPresent = isPresent
            view.doNext = held ? .hold : DoNext(after: verdict, failedSlots: failedSlots, unitPresent: isPresent)
        }
    }

    private func restore(_ session: SessionRecord?) async {
        guard let session, let verdict = session.verdict else { return }
        shared.board.update(slot) { view in
            view.unit = Unit(chfId: session.chfId, installedVersion: verdict.installedVersion)
            view.session = session.id
            view.targetVersion = verdict.targetVersion
        }
        await show(verdict, unit: session.chfId)
    }

    private func removed() async {
        let unit = dockedUnit
        dockedUnit = nil
        await shared.registry.release(slot)
        await record(.unitRemoved, unit: unit)
        guard await presence.present == nil else { return }
        shared.board.update(slot) { view in
            // Settled and taken out: the slot is free. Anything else stays on the board until the unit is seen again.
            if view.verdict.map({ $0.outcome.isCurrent }) ?? true { view = view.cleared }
            view.isPresent = false
        }
    }

    private func failedSlots(of unit: EUI64?) async -> Int {
        guard let unit, let record = try? await shared.journal.unit(unit) else { return 0 }
        return record.failedSlots.count
    }

    /// In how many slots one session after the other went wrong, this one among them; `nil` where there is no reason not to begin one here.
    private func failsAgainAndAgain(_ unit: EUI64?) async -> Int? {
        guard let unit else {
            // Who it is will only be known in the session: the slot's own last ones speak.
            let sessions = (try? await shared.journal.sessions(limit: 500)) ?? []
            let last = sessions.filter { $0.slot == slot }.sorted { $0.id < $1.id }.suffix(Self.sessionsInARow)
            return last.count == Self.sessionsInARow && last.allSatisfy(\.wentWrong) ? 1 : nil
        }
        guard let record = try? await shared.journal.unit(unit) else { return nil }
        let slots = record.slots(ofRuns: Self.sessionsInARow)
        let isHere = record.sessions.suffix(Self.sessionsInARow).allSatisfy { $0.slot == slot && $0.wentWrong }
        return isHere && slots.contains(slot) || slots.count > 1 ? slots.count : nil
    }

    // MARK: The journal

    /// Records what was seen at the slot. That the journal can't take it is shown; a session would wait for it anyway.
    private func record(_ event: JournalEvent, unit: EUI64?) async {
        let pen = shared.pen(for: slot, unit: unit)
        _ = try? await pen.record(event)
    }
}

extension DockedDevice {
    /// The CHF ID that udev has read as the serial number, if it is one.
    var identity: EUI64? { properties["ID_SERIAL_SHORT"].flatMap { EUI64($0) } }
}
