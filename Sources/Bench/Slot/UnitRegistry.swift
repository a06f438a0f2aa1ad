internal import BenchModel
internal import Dock

/// Which slot each identified unit is in, so that no unit has two sessions at once.
actor UnitRegistry {
    private struct Holder {
        let slot: SlotID
        let presence: SlotPresence
    }

    private struct Waiter {
        let id: Int
        let chfId: EUI64
        let continuation: CheckedContinuation<Void, Never>
    }

    private var holders: [EUI64: Holder] = [:]
    private var waiters: [Waiter] = []
    private var lastWaiter = 0
    private let lane: Lane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    private let clock: any BenchClock
    /// How long a line that is always there may take to notice that its unit has gone: a session's stall, or some silent looks.
    private let fixedBound: Duration

    init(lane: Lane, clock: any BenchClock, fixedBound: Duration = .seconds(30)) {
        self.lane = lane
        self.clock = clock
        self.fixedBound = fixedBound
    }

    /// Claims a unit for a slot.
    ///
    /// Where another slot's session waits for that unit to come back, it is told where the unit is, and this waits until
    /// that session has ended, or until the task is cancelled. A line that is always there is given some time to find its unit gone.
    /// - Returns: the other slot, where a device with this CHF ID is plugged in there at the same time.
    func claim(_ chfId: EUI64, for slot: SlotID, _ presence: SlotPresence) async -> SlotID? {
        var mayBeStale = true
        while let holder = holders[chfId], holder.slot != slot, !Task.isCancelled {
            if let present = await holder.presence.present, (present.device.identity ?? chfId) == chfId {
                guard holder.presence.isFixed, mayBeStale else { return holder.slot }
                mayBeStale = false
            }
            // It may have come back since that look.
            guard await holder.presence.seenElsewhere(slot, unless: chfId) else { continue }
            await release(of: chfId, by: holder.slot, within: holder.presence.isFixed ? fixedBound : nil)
        }
        // A slot has to do with one unit at a time.
        release(slot)
        holders[chfId] = Holder(slot: slot, presence: presence)
        return nil
    }

    /// The slot no longer has to do with any unit.
    func release(_ slot: SlotID) {
        let released = holders.filter { $0.value.slot == slot }.keys
        for chfId in released { holders[chfId] = nil }
        wake { released.contains($0.chfId) }
    }

    /// A unit is on the bus in this slot, by what udev says: whoever waits for the slot to let it go looks again.
    func returned(_ chfId: EUI64, in slot: SlotID) {
        wake { [holders] in $0.chfId == chfId && holders[chfId]?.slot == slot }
    }

    /// Waits until the slot has let the unit go or has it again, or the bound has passed.
    private func release(of chfId: EUI64, by slot: SlotID, within bound: Duration?) async {
        lastWaiter += 1
        let id = lastWaiter
        let timer = bound.map { bound in
            Task(executorPreference: lane) { [clock] in if (try? await clock.sleep(for: bound)) != nil { await self.wake { $0.id == id } } }
        }
        defer { timer?.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // Looked at here, where nothing can come between the look and the wait.
                if Task.isCancelled || holders[chfId]?.slot != slot {
                    continuation.resume()
                } else {
                    waiters.append(Waiter(id: id, chfId: chfId, continuation: continuation))
                }
            }
        } onCancel: {
            Task(executorPreference: lane) { await self.wake { $0.id == id } }
        }
    }

    private func wake(_ isMeant: @Sendable (Waiter) -> Bool) {
        let woken = waiters.filter(isMeant)
        waiters.removeAll(where: isMeant)
        for waiter in woken { waiter.continuation.resume() }
    }
}
