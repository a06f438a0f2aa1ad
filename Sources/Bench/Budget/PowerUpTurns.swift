internal import BenchModel
internal import Synchronization

/// Keeps units behind one USB hub from starting in the same moment, after a reset or a loss of power: a hub's supply has its limits, and a unit
/// draws the most when it starts.
final class PowerUpTurns: Sendable {
    private let stagger: Duration
    private let clock: any BenchClock
    /// The first moment that is free, by the USB hub's ID_PATH.
    private let free = Mutex<[String: Duration]>([:])

    init(stagger: Duration, clock: any BenchClock) {
        self.stagger = stagger
        self.clock = clock
    }

    /// Waits for the unit's turn to start.
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    func wait(at port: PortPath) async throws {
        let now = clock.now
        let turn = free.withLock { free in
            let turn = max(now, free[port.hub] ?? now)
            free[port.hub] = turn + stagger
            return turn
        }
        if turn > now { try await clock.sleep(for: turn - now) }
    }
}
