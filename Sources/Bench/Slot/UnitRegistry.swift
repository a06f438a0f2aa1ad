internal import BenchModel

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

    /// Claims a unit for a slot.
    ///
    /// Where another slot's session waits for that unit to come back, it is told where the unit is, and this waits until
    /// that session has ended, or until the task is cancelled.
    /// - Returns: the other slot, where a device with this CHF ID is plugged in there at the same time.
    func claim(_ chfId: EUI64, for slot: SlotID, _ presence: SlotPresence) async -> SlotID? {
        while let holder = holders[chfId], holder.slot != slot, !Task.isCancelled {
            if await holder.presence.present != nil { return holder.slot }
            await holder.presence.seenElsewhere(slot)
            guard holders[chfId]?.slot == holder.slot else { continue }
            await change(of: chfId)
        }
        holders[chfId] = Holder(slot: slot, presence: presence)
        return nil
    }

    /// The slot no longer has to do with any unit.
    func release(_ slot: SlotID) {
        let released = holders.filter { $0.value.slot == slot }.keys
        for chfId in released { holders[chfId] = nil }
        wake { released.contains($0.chfId) }
    }

    private func change(of chfId: EUI64) async {
        lastWaiter += 1
        let id = lastWaiter
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiters.append(Waiter(id: id, chfId: chfId, continuation: $0)) }
        } onCancel: {
            Task { await self.wake { $0.id == id } }
        }
    }

    private func wake(_ isMeant: (Waiter) -> Bool) {
        let woken = waiters.filter(isMeant)
        waiters.removeAll(where: isMeant)
        for waiter in woken { waiter.continuation.resume() }
    }
}
