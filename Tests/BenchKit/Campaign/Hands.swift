internal import Bench
internal import BenchModel
internal import Simulator
internal import Synchronization

/// A technician who does what the bench shows, a few seconds later.
final class Hands: Sendable {
    private let campaign: Campaign
    private let state: Mutex<State>

    /// A unit is put into a slot so many times before it is laid aside.
    private static let patience = 5
    /// How long a slot may show nothing to do about a unit that the technician sees in it, and how long a session may take.
    private static let bound = Duration.seconds(240)

    private struct State {
        var dice: Dice
        var waiting: [(unit: EUI64, not: SlotID?)]
        var dockings: [EUI64: Int] = [:]
        var doneWith: Set<EUI64> = []
        /// Since when a slot has looked as it does.
        var since: [SlotID: (step: DoNext, at: Duration)] = [:]
    }

    init(_ campaign: Campaign) {
        self.campaign = campaign
        state = Mutex(State(dice: Dice(campaign.plan.seed &+ 2), waiting: campaign.plan.units.map { ($0.chfId, nil) }))
    }

    /// Docks and takes out until nothing is left to be done or the bench has no power.
    /// - Returns: whether all is done.
    func work(with bench: BenchController, until hasPower: () -> Bool) async throws -> Bool {
        while true {
            try await campaign.time.sleep(for: .milliseconds(state.withLock { $0.dice.number(in: 200...1_500) }))
            guard hasPower() else { return false }
            for view in bench.board.slots { try attend(view) }
            await supervise(bench)
            try fill(bench)
            if isIdle { return true }
        }
    }

    private var isIdle: Bool {
        state.withLock { $0.waiting.isEmpty }
            && (1...campaign.plan.slots).allSatisfy { campaign.bus.occupant(of: Campaign.slot($0)) == nil }
    }

    /// Returns slots to service, and approves again what was halted.
    func supervise(_ bench: BenchController) async {
        let supervisor = Operator(user: "supervisor", role: .supervisor)
        for view in bench.board.slots where view.isOutOfService { try? await bench.returnToService(view.slot, by: supervisor) }
        guard !bench.board.halts.isEmpty else { return }
        campaign.targets.approveAgain()
        await bench.decided()
    }

    private func attend(_ view: SlotView) throws {
        guard let unit = campaign.bus.occupant(of: view.slot) else { return state.withLock { $0.since[view.slot] = nil } }
        let now = campaign.time.now
        let since = state.withLock { state in
            if let old = state.since[view.slot], old.step == view.doNext { return old.at }
            state.since[view.slot] = (view.doNext, now)
            return now
        }
        let rarely = state.withLock { $0.dice.number(in: 0...999) == 0 }
        switch view.doNext {
        case .remove: try take(unit, out: view.slot, again: false)
        case .hold where view.isPresent: try take(unit, out: view.slot, again: false)
        case .moveToAnotherSlot: try take(unit, out: view.slot, again: true, not: view.slot)
        case .dockAgain: try take(unit, out: view.slot, again: true)
        // Impatience, or a knock against the rack.
        case .wait where rarely: try take(unit, out: view.slot, again: true)
        case .wait where now - since > Self.bound:
            campaign.witness.object("\(view.slot): \(unit) has been at '\(view.step?.rawValue ?? "nothing")' for \(Self.bound)")
            try take(unit, out: view.slot, again: false)
        // The bench does not see it: another slot, then aside.
        case .dock where now - since > .seconds(60), .hold where now - since > .seconds(60):
            try take(unit, out: view.slot, again: true, not: view.slot)
        case .wait, .dock, .hold, .outOfService: break
        }
    }

    private func take(_ unit: EUI64, out slot: SlotID, again: Bool, not avoided: SlotID? = nil) throws {
        try campaign.bus.unplug(slot)
        state.withLock { state in
            state.since[slot] = nil
            if again, state.dockings[unit, default: 0] < Self.patience {
                state.waiting.append((unit, avoided))
            } else {
                state.doneWith.insert(unit)
            }
        }
    }

    private func fill(_ bench: BenchController) throws {
        for index in 1...campaign.plan.slots {
            let slot = Campaign.slot(index)
            guard campaign.bus.occupant(of: slot) == nil, let view = bench.board.slot(slot), !view.isPresent else { continue }
            let next: EUI64? = state.withLock { state in
                guard state.dice.chance(70), let place = state.waiting.firstIndex(where: { $0.not != slot }) else { return nil }
                let unit = state.waiting.remove(at: place).unit
                state.dockings[unit, default: 0] += 1
                return unit
            }
            if let next { try campaign.bus.plug(next, into: slot) }
        }
    }

    /// Nothing goes wrong any more: every unit is docked, each in a slot of its own, and must come to an end that stands.
    func dockOnceMore(with bench: BenchController) async throws {
        let units = campaign.plan.units.map(\.chfId)
        campaign.witness.calm()
        for (index, unit) in units.enumerated() { try campaign.bus.plug(unit, into: Campaign.slot(campaign.plan.slots - index)) }
        let began = campaign.time.now
        while campaign.time.now < began + .seconds(600) {
            try await campaign.time.sleep(for: .seconds(1))
            await supervise(bench)
            let views = bench.board.slots.filter { campaign.bus.occupant(of: $0.slot) != nil }
            guard views.count == units.count, views.allSatisfy({ $0.verdict != nil && $0.sessionBegan == nil }) else { continue }
            for view in views {
                let unit = campaign.bus.occupant(of: view.slot)
                campaign.witness.judgeCalm(view, unit: unit)
            }
            for view in views { try campaign.bus.unplug(view.slot) }
            return try await campaign.time.sleep(for: .seconds(5))
        }
        for view in bench.board.slots where view.verdict == nil || view.sessionBegan != nil {
            guard let unit = campaign.bus.occupant(of: view.slot) else { continue }
            campaign.witness.object(
                "\(view.slot): in calm weather \(unit) came to no end: \(view.step?.rawValue ?? "no step"), \(view.doNext)")
        }
    }
}
