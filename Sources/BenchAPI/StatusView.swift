internal import Bench
internal import BenchModel
internal import BenchWire
internal import Journal

/// Makes the API's values from the bench's own.
enum StatusView {
    static func status(of bench: BenchController) -> BenchStatus {
        let board = bench.board
        let now = board.now
        let slots = board.slots
        let tally = board.tally
        return BenchStatus(
            bench: bench.config.name, version: ProgramVersion.current, journal: bench.journal.path,
            slots: slots.map { slot($0, at: now) },
            strays: board.strays.map { Stray(port: $0.port, node: $0.node, description: $0.description) },
            outcomes: Dictionary(uniqueKeysWithValues: tally.outcomes.map { ($0.key.rawValue, $0.value) }),
            unitsPerHour: tally.unitsPerHour(at: now), firstPassYield: tally.firstPassYield,
            secondsLeft: secondsLeft(slots, tally, at: now), impediment: board.impediment, alarms: board.alarms)
    }

    static func bench(_ bench: BenchController) -> BenchDescription {
        BenchDescription(
            bench: bench.config.name, version: ProgramVersion.current, journal: bench.journal.path,
            slots: Dictionary(bench.config.slots.map { ($0.slot.label, $0.port) }, uniquingKeysWith: { first, _ in first }),
            profiles: bench.config.profiles.map(\.name))
    }

    static func slot(_ view: SlotView, at now: Duration) -> SlotStatus {
        let state: SlotStatus.State = view.sessionBegan != nil ? .running : view.isPresent ? .docked : .empty
        var status = SlotStatus(slot: view.slot, port: view.port, state: state, doNext: view.doNext)
        status.isHeld = view.isHeld
        status.isOutOfService = view.isOutOfService
        status.chfId = view.unit?.chfId
        status.model = view.unit?.model
        status.hardwareVersion = view.unit?.hardwareVersion
        status.installedVersion = view.verdict?.installedVersion ?? view.unit?.installedVersion
        status.targetVersion = view.targetVersion
        status.session = view.session
        status.step = view.step
        status.progress = view.progress
        status.bytesPerSecond = view.rate(at: now)
        status.secondsLeft = view.secondsLeft(at: now)
        status.outcome = view.verdict?.outcome
        status.reason = view.verdict?.reason
        status.detail = view.verdict?.detail
        status.proof = view.verdict?.proof
        status.message = view.message
        return status
    }

    /// Until the last of the running sessions should have ended: by what sessions took so far, and at least until its
    /// step's bytes are through.
    private static func secondsLeft(_ slots: [SlotView], _ tally: ShiftTally, at now: Duration) -> Double? {
        slots.compactMap { view -> Double? in
            guard let began = view.sessionBegan else { return nil }
            let byHistory = tally.averageReflash.map { ($0 - (now - began)).seconds }
            return [byHistory, view.secondsLeft(at: now)].compactMap { $0 }.max().map { max(0, $0) }
        }.max()
    }
}
