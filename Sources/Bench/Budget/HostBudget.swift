internal import BenchModel
internal import Synchronization

/// What the host can carry at once, and who waits for a share of it.
///
/// A session takes a grant before it queues transfers; the grant gives itself back when it goes, whichever way that is. Where something must
/// wait, a slot that a supervisor hastens comes first, then whoever has waited longer than ``patience``, then whoever is closest to being done,
/// then whoever asked first. Nobody is passed by on what it waits for: what those before it lack is kept for them, and for the first that has
/// waited that long all that it asks for.
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
        /// `nil` for one that only might.
        let continuation: CheckedContinuation<Bool, Never>?
    }

    init(_ limits: BenchLimits, clock: any BenchClock) {
        self.limits = limits
        self.clock = clock
    }

    /// Whether every grant has been given back, and nobody waits for one.
    var isWhole: Bool { state.withLock { $0.used.values.allSatisfy { $0 == 0 } && $0.waiting.isEmpty } }

    /// Puts a slot before all others until ``settle(_:)``.
    func hasten(_ slot: SlotID) {
        resume(
            state.withLock { state in
                state.hastened.insert(slot)
                return serve(&state)
            })
    }

    /// The slot's turn is as anyone's again.
    func settle(_ slot: SlotID) { state.withLock { _ = $0.hastened.remove(slot) } }

    /// What there is too little of at this moment for the request; `nil` where it would be served at once.
    func scarcity(for wanted: GrantRequest) -> HostResource? { state.withLock { obstacle(to: possible(wanted), $0) } }

    /// Waits until everything that is asked for is free, and takes it. More than there is of something is as much as there is.
    /// `onWait` is told what is scarce, where there is something to wait for.
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    func grant(_ wanted: GrantRequest, onWait: (HostResource) -> Void = { _ in }) async throws -> Grant {
        try Task.checkCancellation()
        let request = possible(wanted)
        let now = clock.now
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        if let scarce = state.withLock({ obstacle(to: request, $0) }) { onWait(scarce) }
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

    /// The slot waits for nothing any more: what it asks for is not granted.
    func giveUp(_ slot: SlotID) {
        for id in state.withLock({ $0.waiting.filter { $0.request.slot == slot }.map(\.id) }) { abandon(id) }
    }

    // MARK: Taking and giving back

    private func possible(_ wanted: GrantRequest) -> GrantRequest {
        let amounts = Dictionary(uniqueKeysWithValues: wanted.amounts.map { ($0.key, min($0.value, capacity($0.key))) })
        return GrantRequest(slot: wanted.slot, amounts: amounts, bytesLeft: wanted.bytesLeft)
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
    private func lacking(_ amounts: [HostResource: Int], _ state: State, kept: [HostResource: Int]) -> [HostResource: Int] {
        amounts.filter { resource, amount in
            amount > 0 && state.used[resource, default: 0] + kept[resource, default: 0] + amount > capacity(resource)
        }
    }

    /// What is kept for those who wait, from the first on: what each lacks, and for the first, if it has waited long, all that it asks for.
    /// - Returns: what the last of them lacks; `served` are told when nothing is lacking.
    private func go(
        through waiting: [Waiter], _ state: inout State, at now: Duration, served: (Waiter, inout State) -> Void
    ) -> [HostResource: Int] {
        var kept: [HostResource: Int] = [:]
        var last: [HostResource: Int] = [:]
        for waiter in waiting {
            last = lacking(waiter.request.amounts, state, kept: kept)
            if last.isEmpty {
                served(waiter, &state)
            } else {
                let keepsAll = kept.isEmpty && hasWaitedLong(waiter, at: now)
                kept.merge(keepsAll ? waiter.request.amounts : last, uniquingKeysWith: +)
            }
        }
        return last
    }

    private func hasWaitedLong(_ waiter: Waiter, at now: Duration) -> Bool { now - waiter.since > Self.patience }

    private func ordered(_ waiting: [Waiter], _ state: State, at now: Duration) -> [Waiter] {
        func order(_ waiter: Waiter) -> (Int, Int, Int) {
            if state.hastened.contains(waiter.request.slot) { return (0, 0, waiter.id) }
            if hasWaitedLong(waiter, at: now) { return (1, 0, waiter.id) }
            return (2, waiter.request.bytesLeft, waiter.id)
        }
        return waiting.sorted { order($0) < order($1) }
    }

    /// What keeps the request waiting, if it were made now.
    private func obstacle(to request: GrantRequest, _ state: State) -> HostResource? {
        let now = clock.now
        let own = Waiter(id: .max, request: request, since: now, continuation: nil)
        var trial = state
        let before = ordered(state.waiting + [own], state, at: now).prefix { $0.id != own.id }
        let missing = go(through: before + [own], &trial, at: now) { _, _ in }
        return missing.keys.min { $0.description < $1.description }
    }

    /// Takes for as many of those who wait as it now can.
    private func serve(_ state: inout State) -> [CheckedContinuation<Bool, Never>] {
        guard !state.waiting.isEmpty else { return [] }
        var done: Set<Int> = []
        var continuations: [CheckedContinuation<Bool, Never>] = []
        let now = clock.now
        _ = go(through: ordered(state.waiting, state, at: now), &state, at: now) { waiter, state in
            state.used.merge(waiter.request.amounts, uniquingKeysWith: +)
            done.insert(waiter.id)
            if let continuation = waiter.continuation { continuations.append(continuation) }
        }
        state.waiting.removeAll { done.contains($0.id) }
        return continuations
    }

    private func abandon(_ id: Int) {
        let (abandoned, served) = state.withLock { state in
            let index = state.waiting.firstIndex { $0.id == id }
            return (index.flatMap { state.waiting.remove(at: $0).continuation }, serve(&state))
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
