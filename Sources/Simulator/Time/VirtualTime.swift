public import BenchModel
internal import DequeModule
internal import Foundation
internal import HeapModule
internal import Synchronization

/// Time that passes only when nothing is left to do, and the one thread on which everything happens in it.
///
/// Each queue does its work in order. Which queue is next is drawn by a seeded generator: the same seed gives the same history, another
/// seed another one that might have been. It is the bench's clock, its lanes and the simulator's time, so that a bench with its units is
/// run in memory as fast as the processor can.
public final class VirtualTime: BenchClock, LaneSource, DockTime {
    private let state: Mutex<State>

    private typealias Work = @Sendable () -> Void

    private struct State {
        var now: Duration = .zero
        var random: SplitMix64
        /// The first is for sleepers.
        var queues: [Deque<Work>] = [[]]
        /// Queues that have work.
        var ready: [Int] = []
        /// The queue whose work is being done.
        var current: Int?
        var due: Heap<Alarm> = []
        /// What is to be done at each alarm that still counts.
        var alarms: [Int: (queue: Int, work: Work)] = [:]
        var lastAlarm = 0
        var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]
        /// Pieces of work since time last passed.
        var standstill = 0
        /// Whether the body has returned.
        var isOver = false
        var thread: pthread_t?

        mutating func add(_ work: @escaping Work, to queue: Int) {
            if let thread { precondition(pthread_equal(thread, pthread_self()) != 0, "something left the virtual time") }
            if queues[queue].isEmpty, queue != current { ready.append(queue) }
            queues[queue].append(work)
        }

        mutating func alarm(at deadline: Duration, on queue: Int, _ work: @escaping Work) -> Int {
            lastAlarm += 1
            alarms[lastAlarm] = (queue, work)
            due.insert(Alarm(deadline: max(now, deadline), id: lastAlarm))
            return lastAlarm
        }

        /// The next piece of work; lets time pass where there is none now. `nil` where there will never be any.
        mutating func next() -> Work? {
            done()
            guard !isOver, standstill < VirtualTime.patience else { return nil }
            while ready.isEmpty {
                guard let alarm = due.popMin() else { return nil }
                guard let (queue, work) = alarms.removeValue(forKey: alarm.id) else { continue }
                if alarm.deadline > now { standstill = 0 }
                now = alarm.deadline
                add(work, to: queue)
            }
            standstill += 1
            let index = ready.count == 1 ? 0 : Int(random.next() % UInt64(ready.count))
            let queue = ready[index]
            ready[index] = ready[ready.count - 1]
            ready.removeLast()
            current = queue
            return queues[queue].removeFirst()
        }

        private mutating func done() {
            guard let queue = current else { return }
            current = nil
            if !queues[queue].isEmpty { ready.append(queue) }
        }
    }

    private struct Alarm: Comparable {
        let deadline: Duration
        let id: Int

        static func < (left: Self, right: Self) -> Bool { (left.deadline, left.id) < (right.deadline, right.id) }
    }

    /// 2026-01-01T00:00:00Z: where the wall clock begins, milliseconds since 1970.
    private static let epoch: Int64 = 1_767_225_600_000
    /// So many pieces of work without any time passing are a loop without end.
    private static let patience = 5_000_000

    public init(seed: UInt64) {
        state = Mutex(State(random: SplitMix64(state: seed)))
    }

    /// Runs `body`, and whatever it begins, until it returns.
    /// - Throws: what `body` throws; ``SimulatorError`` where it waits for what never comes.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { [self] in continuation.resume(with: Result { try pump(body) }) }.start()
        }
    }

    private func pump<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        state.withLock { $0.thread = pthread_self() }
        defer { end() }
        let ended = Ended<Value>()
        Task(executorPreference: lane("body", controller: nil)) { [self] in
            let value: Result<Value, any Error>
            do { value = .success(try await body()) } catch { value = .failure(error) }
            ended.set(value)
            state.withLock { $0.isOver = true }
        }
        while turn() {}
        if let value = ended.value { return try value.get() }
        throw SimulatorError(
            "at \(now): "
                + (isStandingStill ? "there is always something to do, and time stands still" : "everybody waits, and nothing is to come"))
    }

    /// - Returns: whether there was anything to do.
    private func turn() -> Bool {
        guard let work = state.withLock({ $0.next() }) else { return false }
        work()
        return true
    }

    private var isStandingStill: Bool { state.withLock { $0.standstill } >= Self.patience }

    /// Whoever still sleeps is told that it is over.
    private func end() {
        let sleepers = state.withLock { state in
            state.alarms = [:]
            (state.isOver, state.standstill) = (false, 0)
            defer { state.sleepers = [:] }
            return state.sleepers.sorted { $0.key < $1.key }.map(\.value)
        }
        for sleeper in sleepers { sleeper.resume(throwing: CancellationError()) }
        while turn() {}
        state.withLock { state in (state.thread, state.alarms, state.queues) = (nil, [:], [[]]) }
    }

    /// What the body returned; `nil` as long as it has not.
    private final class Ended<Value: Sendable>: Sendable {
        private let result = Mutex<Result<Value, any Error>?>(nil)
        var value: Result<Value, any Error>? { result.withLock { $0 } }
        func set(_ value: Result<Value, any Error>) { result.withLock { $0 = value } }
    }

    // MARK: The clock

    public var now: Duration { state.withLock { $0.now } }

    public var utcMilliseconds: Int64 { Self.epoch + now.milliseconds }

    public func sleep(until deadline: Duration) async throws {
        let id = state.withLock { state in
            state.lastAlarm += 1
            return state.lastAlarm
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                state.withLock { state in
                    state.sleepers[id] = continuation
                    state.alarms[id] = (0, { [self] in wake(id) })
                    state.due.insert(Alarm(deadline: max(state.now, deadline), id: id))
                }
            }
        } onCancel: {
            state.withLock { state -> CheckedContinuation<Void, any Error>? in
                state.alarms[id] = nil
                return state.sleepers.removeValue(forKey: id)
            }?.resume(throwing: CancellationError())
        }
    }

    private func wake(_ id: Int) { state.withLock { $0.sleepers.removeValue(forKey: id) }?.resume() }

    // MARK: Queues

    public func lane(_ label: String, controller: String?) -> Lane { Lane(makeQueue()) }

    public func queue(_ label: String) -> any DockQueue { makeQueue() }

    private func makeQueue() -> VirtualQueue {
        state.withLock { state in
            state.queues.append([])
            return VirtualQueue(time: self, number: state.queues.count - 1)
        }
    }

    private struct VirtualQueue: DockQueue {
        let time: VirtualTime
        let number: Int

        func add(_ work: @escaping @Sendable () -> Void) { time.state.withLock { $0.add(work, to: number) } }
        /// There is one thread, and it is here.
        func sync(_ work: () -> Void) { work() }
        func expectCurrent() { precondition(time.state.withLock { $0.current == number }, "not on this queue") }
        func add(after delay: Duration, _ work: @escaping @Sendable () -> Void) {
            _ = time.state.withLock { $0.alarm(at: $0.now + delay, on: number, work) }
        }
        func timer(_ handler: @escaping @Sendable () -> Void) -> any DockTimer {
            VirtualTimer(time: time, queue: number, handler: handler)
        }
    }

    private final class VirtualTimer: DockTimer {
        private let time: VirtualTime
        private let queue: Int
        private let handler: @Sendable () -> Void
        private let alarm = Mutex<Int?>(nil)

        init(time: VirtualTime, queue: Int, handler: @escaping @Sendable () -> Void) {
            self.time = time
            self.queue = queue
            self.handler = handler
        }

        deinit { cancel() }

        func set(after delay: Duration) {
            cancel()
            let id = time.state.withLock { $0.alarm(at: $0.now + delay, on: queue, handler) }
            alarm.withLock { $0 = id }
        }

        func cancel() {
            guard let id = alarm.withLock({ $0.take() }) else { return }
            time.state.withLock { $0.alarms[id] = nil }
        }
    }
}
