public import BenchModel
internal import Dock
internal import Journal

/// What people tell a slot to do, and what decisions elsewhere mean for it.
extension SlotRunner {
    /// Begins another session with the unit that is in the slot.
    func retry(by: Operator) async throws(SlotOrderError) {
        guard session == nil else { throw SlotOrderError(slot, "a session is running: wait until it has ended") }
        guard !isStopping else { throw SlotOrderError(slot, "the bench is stopping") }
        guard !isHeld else { throw SlotOrderError(slot, "the slot is held; release it first") }
        guard !isOutOfService else {
            throw SlotOrderError(slot, "the slot is out of service: 'reflashctl slot return \(slot)' by a supervisor comes first")
        }
        guard let device = await presence.present, let profile else { throw SlotOrderError(slot, "the slot is empty") }
        try await recordOrder(.slotRetried(.init(by: by)))
        guard await presence.present == device else { throw SlotOrderError(slot, "the unit was taken out or exchanged meanwhile") }
        begin(device, profile)
    }

    /// Comes before all others where something must wait, until the session that runs here, or the next one, has ended.
    func hasten(by: Operator) async throws(SlotOrderError) {
        try await recordOrder(.slotHastened(.init(by: by)))
        shared.budget.hasten(slot)
    }

    /// What may be flashed, or which units, may have changed: a unit that is here and was refused for that is looked at again.
    func reconsider() async {
        guard session == nil, let view = shared.board.slot(slot), let reason = view.verdict?.reason, let device = await presence.present,
            let profile, await isLifted(reason, of: view.unit ?? Unit(), profile), await presence.present == device,
            docked == device.device.attachment
        else { return }
        begin(device, profile)
    }

    /// Whether what a unit was refused for is so no more: another approval counts than then, or it is expected now.
    private func isLifted(_ reason: OutcomeReason, of unit: BenchModel.Unit, _ profile: DeviceProfile) async -> Bool {
        switch reason {
        case .noApprovedRelease, .releaseEnded, .trialComplete, .noPath:
            let approval = try? await shared.targets.target(for: unit, variant: profile.variant).approval
            return approval != nil && approval != seenApproval
        case .notExpected, .unitHeld, .otherUnitScanned:
            return (try? await shared.admission.admit(unit, in: slot)) != nil
        default: return false
        }
    }

    /// The unit was scanned into this slot: where nothing appears here within the bound, that is its outcome.
    func expect(_ unit: EUI64) {
        expecting?.cancel()
        expecting = Task(executorPreference: lane) { [shared] in
            guard (try? await shared.clock.sleep(for: shared.contactBound)) != nil else { return }
            await self.noContact(unit)
        }
    }

    private func noContact(_ unit: EUI64) async {
        guard session == nil, !isStopping, await presence.present == nil else { return }
        let started = JournalEvent.SessionStarted(
            unit: Unit(chfId: unit), profile: profile?.name ?? "", mode: .runtime, target: nil, checksOff: [])
        let verdict = Verdict(
            .failed, reason: .noContact, detail: "scanned into the slot, and not seen there for \(shared.contactBound.components.seconds) s"
        )
        // Asked in the moment in which it is stored: that may have to wait, and the unit come, here or elsewhere.
        let isRecorded = try? await shared.pen(for: slot, unit: unit).record(started, verdict) { [presence] in
            await presence.present != nil
        } where: { [slot] journal in
            try journal.binding(of: slot)?.value == unit && !journal.runsSession(in: slot)
        }
        guard isRecorded == true else { return }
        // A unit that never came has not been attempted.
        shared.board.count(verdict, isFirstAttempt: false, took: .zero)
        guard session == nil, await presence.present == nil else { return }
        shared.board.update(slot) { $0.unit = Unit(chfId: unit) }
        await show(verdict, unit: unit)
    }

    /// No session begins here until the slot is released; one that runs goes on to its end.
    func hold(by: Operator) async throws(SlotOrderError) {
        guard !isHeld else { throw SlotOrderError(slot, "the slot is held already") }
        try await recordOrder(.slotHeld(.init(by: by)))
        isHeld = true
        let isIdle = session == nil
        shared.board.update(slot) { view in
            view.isHeld = true
            if isIdle { view.doNext = .hold }
        }
    }

    func release(by: Operator) async throws(SlotOrderError) {
        guard isHeld else { throw SlotOrderError(slot, "the slot is not held") }
        try await recordOrder(.slotReleased(.init(by: by)))
        isHeld = false
        shared.board.update(slot) { view in
            view.isHeld = false
            view.message = nil
        }
        await goOn()
    }

    /// Lets sessions begin again in a slot that is out of service.
    func returnToService(by: Operator) async throws(SlotOrderError) {
        guard isOutOfService else { throw SlotOrderError(slot, "the slot is not out of service") }
        let number = try await recordOrder(.slotReturned(.init(by: by)))
        await shared.attribution.returned(slot, at: number)
        isOutOfService = false
        shared.board.update(slot) { view in
            view.isOutOfService = false
            view.message = nil
            view.doNext = view.isHeld ? .hold : .dock
        }
        if !isHeld { await goOn() }
    }

    /// Nothing keeps the slot from working any more.
    private func goOn() async {
        guard session == nil else { return }
        if let verdict = shared.board.slot(slot)?.verdict {
            await show(verdict, unit: dockedUnit)
        } else if let device = await presence.present, let profile {
            begin(device, profile)
        } else {
            shared.board.update(slot) { $0.doNext = .dock }
        }
    }

    @discardableResult
    private func recordOrder(_ event: JournalEvent) async throws(SlotOrderError) -> EventNumber {
        do throws(JournalError) {
            return try await shared.journal.append(JournalDraft(event, slot: slot)).number
        } catch {
            throw SlotOrderError(slot, "\(error)")
        }
    }
}

/// An order to a slot that can't be followed.
public struct SlotOrderError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The slot's label, as it is printed on the rack.
    public let slot: SlotID
    /// Why it can't be followed.
    public let problem: String

    init(_ slot: SlotID, _ problem: String) {
        self.slot = slot
        self.problem = problem
    }

    public var description: String { "\(slot): \(problem)" }
}
