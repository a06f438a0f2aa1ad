internal import BenchModel

/// Which slot each identified unit is in, so that no unit has two sessions at once.
actor UnitRegistry {
    private struct Holder {
        let slot: SlotID
        let presence: SlotPresence
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private var holders: [EUI64: Holder] = [:]

    /// Claims a unit for a slot.
    ///
    /// Where another slot's session waits for that unit to come back, it is told where the unit is, and this waits until
    /// that session has ended.
    /// - Returns: the other slot, where a device with this CHF ID is plugged in there at the same time.
    func claim(_ chfId: EUI64, for slot: SlotID, _ presence: SlotPresence) async -> SlotID? {
        while let holder = holders[chfId], holder.slot != slot {
            if await holder.presence.present != nil { return holder.slot }
            await holder.presence.seenElsewhere(slot)
            guard holders[chfId]?.slot == holder.slot else { continue }
            await withCheckedContinuation { holders[chfId]?.waiting.append($0) }
        }
        holders[chfId] = Holder(slot: slot, presence: presence)
        return nil
    }

    /// The slot no longer has to do with any unit.
    func release(_ slot: SlotID) {
        for (chfId, holder) in holders where holder.slot == slot {
            holders[chfId] = nil
            for continuation in holder.waiting { continuation.resume() }
        }
    }
}
