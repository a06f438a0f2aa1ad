internal import BenchModel
internal import Synchronization

/// What the host can carry at once, and who waits for a share of it.
///
/// A session takes a grant before it queues transfers; the grant gives itself back when it goes, whichever way that is. Where something must
/// wait, a slot that a supervisor hastens comes first, then whoever has waited longer than ``patience``, then whoever is closest to being done,
/// then whoever asked first. Nobody is passed by on what it waits for: what those before it lack is kept for them.
final class HostBudget: Sendable {
    private let limits: BenchLimits
    private let clock: any BenchClock
    private let state = Mutex(State())

    /// Whoever has waited so long is served in the order of asking.
    static let patience = Duration.seconds(120)

    private struct State {
        var used: [HostResource: Int] = [:]
        var waiting: [Waiter] = []
        var hastened: Set<SlotID> = []
        var lastWaiter = 0
    }

    private struct Waiter {
        let id: Int
        let request: GrantRequest
        let since: Duration
        let continuation: CheckedContinuation<Bool, Never>
    }

    init(_ limits: BenchLimits, clock: any BenchClock) {
        self.limits = limits
        self.clock = clock
    }

    /// Whether every grant has been given back, and nobody waits for one.
    var isWhole: Bool { state.withLock { $0.used.values.allSatisfy { $0 == 0 } && $0.waiting.isEmpty } }

    /// Puts a slot before all others until ``settle(_:)``.
    func hasten(_ slot: SlotID) { state.withLock { _ = $0.hastened.insert(slot) } }

    /// The slot's turn is as anyone's again.
    func settle(_ slot: SlotID) { state.withLock { _ = $0.hastened.remove(slot) } }

    /// What there is too little of at this moment for the request; `nil` where it would be served at once.
    func scarcity(for request: GrantRequest) -> HostResource? { state.withLock { scarce(possible(request.amounts), $0) } }

    /// Waits until everything that is asked for is free, and takes it. More than there is of something is as much as there is.
    /// `onWait` is told what is scarce, where there is something to wait for.
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    func grant(_ wanted: GrantRequest, onWait: (HostResource) -> Void = { _ in }) async throws -> Grant {
        try Task.checkCancellation()
        let request = GrantRequest(slot: wanted.slot, amounts: possible(wanted.amounts), bytesLeft: wanted.bytesLeft)
        let now = clock.now
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        if let scarce = state.withLock({ scarce(request.amounts, $0) }) { onWait(scarce) }
        let isGranted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let served = state.withLock { state in
                    state.waiting.append(Waiter(id: id, request: request, since: now, continuation: continuation))
                    return serve(&state)
                }
                resume(served)
                if Task.isCancelled { abandon(id) }
            }
        } onCancel: {
            abandon(id)
        }
        guard isGranted else { throw CancellationError() }
        return Grant(budget: self, amounts: request.amounts)
    }

    // MARK: Taking and giving back

    private func possible(_ amounts: [HostResource: Int]) -> [HostResource: Int] {
        Dictionary(uniqueKeysWithValues: amounts.map { ($0.key, min($0.value, capacity($0.key))) })
    }

    private func capacity(_ resource: HostResource) -> Int {
        switch resource {
        case .usbfsMemory: limits.usbfsMemory
        case .sessions: limits.concurrentSessions
        case .devices(let place): capacity(of: place).devices
        case .endpoints(let place): capacity(of: place).endpoints
        case .bandwidth(let place): capacity(of: place).bandwidth
        case .translator: BenchLimits.translatorBandwidth
        }
    }

    private func capacity(of place: USBPlace) -> BenchLimits.Capacity {
        switch place {
        case .hostController: limits.hostController
        case .hub: limits.usbHub
        }
    }

    /// What there is too little of for `amounts`, beside what is `kept` for others.
    private func scarce(_ amounts: [HostResource: Int], _ state: State, kept: [HostResource: Int] = [:]) -> HostResource? {
        amounts.filter { resource, amount in
            amount > 0 && state.used[resource, default: 0] + kept[resource, default: 0] + amount > capacity(resource)
        }.keys.min { $0.description < $1.description }
    }

    /// Takes for as many of those who wait as it now can.
    private func serve(_ state: inout State) -> [CheckedContinuation<Bool, Never>] {
        guard !state.waiting.isEmpty else { return [] }
        let now = clock.now
        let hastened = state.hastened
        func order(_ waiter: Waiter) -> (Int, Int, Int) {
            if hastened.contains(waiter.request.slot) { return (0, 0, waiter.id) }
            if now - waiter.since > Self.patience { return (1, 0, waiter.id) }
            return (2, waiter.request.bytesLeft, waiter.id)
        }
        var kept: [HostResource: Int] = [:]
        var served: Set<Int> = []
        var continuations: [CheckedContinuation<Bool, Never>] = []
        for waiter in state.waiting.sorted(by: { order($0) < order($1) }) {
            if scarce(waiter.request.amounts, state, kept: kept) == nil {
                state.used.merge(waiter.request.amounts, uniquingKeysWith: +)
                served.insert(waiter.id)
                continuations.append(waiter.continuation)
            } else {
                kept.merge(waiter.request.amounts, uniquingKeysWith: +)
            }
        }
        state.waiting.removeAll { served.contains($0.id) }
        return continuations
    }

    private func abandon(_ id: Int) {
        let (abandoned, served) = state.withLock { state in
            let index = state.waiting.firstIndex { $0.id == id }
            return (index.map { state.waiting.remove(at: $0).continuation }, serve(&state))
        }
        abandoned?.resume(returning: false)
        resume(served)
    }

    fileprivate func giveBack(_ amounts: [HostResource: Int]) {
        resume(
            state.withLock { state in
                state.used.merge(amounts, uniquingKeysWith: -)
                return serve(&state)
            })
    }

    private func resume(_ served: [CheckedContinuation<Bool, Never>]) {
        for continuation in served { continuation.resume(returning: true) }
    }
}

/// A share of the budget. It is given back exactly once, when the value goes.
struct Grant: ~Copyable {
    private let budget: HostBudget
    private let amounts: [HostResource: Int]

    fileprivate init(budget: HostBudget, amounts: [HostResource: Int]) {
        self.budget = budget
        self.amounts = amounts
    }

    deinit { budget.giveBack(amounts) }
}
