internal import BenchModel
internal import Journal
internal import Logging

/// Judges after each session whether it is the slot, the unit or the release that fails, and ends the approval of a release that does.
actor Attribution {
    private let lane: Lane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    private let journal: Journal
    private let board: Board
    private let targets: any TargetSource
    private let logger: Logger
    private var statistics: FailureStatistics

    init(lane: Lane, journal: Journal, board: Board, targets: any TargetSource, logger: Logger) {
        self.lane = lane
        self.journal = journal
        self.board = board
        self.targets = targets
        self.logger = logger
        statistics = FailureStatistics(slots: board.slots.map(\.slot))
    }

    /// Counts what is in the journal already. `slots`: what it last said of each.
    func load(_ slots: [SlotRecord]) async throws(JournalError) {
        for slot in slots { if let since = slot.serviceSince { statistics.returned(slot.slot, at: since) } }
        // Of archived sessions only those are here that went wrong: they say nothing of how many went well.
        let first = try await journal.look { try $0.archivedBefore() } ?? 0
        for session in try await journal.sessions(limit: FailureStatistics.memory).reversed() where session.id >= first {
            statistics.add(session)
        }
        let halts = await targets.halts
        for halt in halts { statistics.halted(halt) }
        board.setHalts(halts)
    }

    /// Counts a session that has ended. A release that fails out of line is halted here, and no slot is blamed for it.
    /// - Returns: what speaks against the slot, where it must be taken out of service.
    func ended(_ id: SessionID) async -> FailureCount? {
        guard let session = try? await journal.session(id) else { return nil }
        statistics.add(session)
        if session.verdict?.outcome == .failed || session.verdict?.outcome == .unknown, let key = FailureStatistics.ReleaseKey(session),
            let variant = key.variant
        {
            let count = statistics.release(key)
            let halt = ReleaseHalt(
                release: session.release ?? "\(key.manifestHash)", manifestHash: key.manifestHash, variant: variant,
                hardwareVersion: key.hardware, approval: key.approval, count: count)
            if count.isOutOfLine { await self.halt(halt) }
        }
        let closed = board.slots.filter { $0.isOutOfService || $0.isHeld }.map(\.slot)
        let count = statistics.slot(session.slot, closed: Set(closed))
        return count.isOutOfLine ? count : nil
    }

    /// A supervisor has returned the slot to service.
    func returned(_ slot: SlotID, at number: EventNumber) { statistics.returned(slot, at: number) }

    /// What may be flashed has been decided anew.
    func decided() async { board.setHalts(await targets.halts) }

    func report() -> FailureReport {
        statistics.report(outOfService: Set(board.slots.filter(\.isOutOfService).map(\.slot)))
    }

    private func halt(_ halt: ReleaseHalt) async {
        guard await targets.halt(halt) else { return }
        logger.critical("a release is halted", metadata: ["why": "\(halt.sentence)"])
        board.setHalts(await targets.halts)
    }
}
