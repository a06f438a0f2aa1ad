internal import DequeModule
internal import Synchronization

/// What the host can carry at once: bytes of usbfs memory, and sessions. First come, first served.
///
/// A session takes a grant before it queues transfers; the grant gives itself back when it goes, whichever way that is.
final class USBBudget: Sendable {
    private let state: Mutex<State>

    private struct State {
        var freeMemory: Int
        var freeSessions: Int
        var waiting: Deque<Waiter> = []
        var lastWaiter = 0

        mutating func take(_ memory: Int) -> Bool {
            guard freeSessions > 0, freeMemory >= memory else { return false }
            freeSessions -= 1
            freeMemory -= memory
            return true
        }

        /// Takes for as many of those who wait as it now can, in their order.
        mutating func serve() -> [CheckedContinuation<Bool, Never>] {
            var served: [CheckedContinuation<Bool, Never>] = []
            while let next = waiting.first, take(next.memory) { served.append(waiting.removeFirst().continuation) }
            return served
        }
    }

    private struct Waiter {
        let id: Int
        let memory: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    /// `memory` in bytes.
    init(memory: Int, sessions: Int) {
        state = Mutex(State(freeMemory: memory, freeSessions: sessions))
    }

    /// Waits until `memory` bytes and one session are free, and takes them.
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    func grant(memory: Int) async throws -> Grant {
        try Task.checkCancellation()
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let isGranted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    if state.waiting.isEmpty, state.take(memory) { return true }
                    state.waiting.append(Waiter(id: id, memory: memory, continuation: continuation))
                    return false
                }
                if isFree { continuation.resume(returning: true) }
                if Task.isCancelled { abandon(id) }
            }
        } onCancel: {
            abandon(id)
        }
        guard isGranted else { throw CancellationError() }
        return Grant(budget: self, memory: memory)
    }

    private func abandon(_ id: Int) {
        let (abandoned, served) = state.withLock { state in
            let index = state.waiting.firstIndex { $0.id == id }
            return (index.map { state.waiting.remove(at: $0).continuation }, state.serve())
        }
        abandoned?.resume(returning: false)
        for continuation in served { continuation.resume(returning: true) }
    }

    fileprivate func giveBack(_ memory: Int) {
        let served = state.withLock { state in
            state.freeSessions += 1
            state.freeMemory += memory
            return state.serve()
        }
        for continuation in served { continuation.resume(returning: true) }
    }
}

/// A share of the budget. It is given back exactly once, when the value goes.
struct Grant: ~Copyable {
    private let budget: USBBudget
    private let memory: Int

    fileprivate init(budget: USBBudget, memory: Int) {
        self.budget = budget
        self.memory = memory
    }

    deinit { budget.giveBack(memory) }
}
