internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Where pieces of work are done, one after the other, in the order in which they were added.
public protocol WorkQueue: Sendable {
    /// Returns at once.
    func add(_ work: @escaping @Sendable () -> Void)
    /// Stops the program where the caller is not a piece of work of this queue.
    func expectCurrent()
}

/// Gives lanes. Passed in, like the time, so that tests decide what runs when.
public protocol LaneSource: Sendable {
    /// `controller`: the host controller whose lanes this one shares threads with; `nil` for none.
    func lane(_ label: String, controller: String?) -> Lane
}

/// A queue of work that is an executor: what runs on a lane runs one thing at a time, and on no thread of its own.
///
/// Each slot has a lane. Its sessions run there, and whatever belongs to the slot. A task that is begun beside its caller is begun with the
/// lane as its preference: what it calls that belongs to no actor stays on the lane too, instead of going to other threads and back.
public final class Lane: SerialExecutor, TaskExecutor {
    private let queue: any WorkQueue

    public init(_ queue: any WorkQueue) { self.queue = queue }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.add { [self] in
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    public func checkIsolated() { queue.expectCurrent() }
}

/// Lanes on Dispatch's threads, those of a host controller on a queue of its own.
public final class DispatchLanes: LaneSource {
    private let controllers = Mutex<[String: DispatchQueue]>([:])

    public init() {}

    public func lane(_ label: String, controller: String?) -> Lane {
        let threads = controller.map { name in
            controllers.withLock { queues in
                let queue = queues[name] ?? DispatchQueue(label: "controller.\(name)", attributes: .concurrent)
                queues[name] = queue
                return queue
            }
        }
        return Lane(TurnQueue(threads ?? .global()))
    }
}

/// A serial queue that gives its thread back after a few pieces of work, and waits its turn for the next.
///
/// A serial queue of Dispatch's keeps a thread for as long as it has work: a few slots whose units answer at once would have all threads, and
/// the others' units would wait for them.
private final class TurnQueue: WorkQueue {
    private typealias Work = @Sendable () -> Void

    private let threads: DispatchQueue
    private let state = Mutex(State())

    private struct State {
        var waiting: [Work] = []
        /// Whether it has a thread, or waits for one.
        var isUnderWay = false
        var thread: pthread_t?
    }

    /// Pieces of work after which another queue is to have the thread.
    private static let turn = 8

    init(_ threads: DispatchQueue) { self.threads = threads }

    func add(_ work: @escaping @Sendable () -> Void) {
        let mustStart = state.withLock { state in
            state.waiting.append(work)
            defer { state.isUnderWay = true }
            return !state.isUnderWay
        }
        if mustStart { waitForTurn() }
    }

    func expectCurrent() {
        precondition(state.withLock { $0.thread } == pthread_self(), "not on this lane")
    }

    private func waitForTurn() { threads.async { @Sendable [self] in takeTurn() } }

    private func takeTurn() {
        state.withLock { $0.thread = pthread_self() }
        var left = Self.turn
        while left > 0 {
            let works = state.withLock { state in
                defer { state.waiting = [] }
                if state.waiting.isEmpty { (state.isUnderWay, state.thread) = (false, nil) }
                return state.waiting
            }
            guard !works.isEmpty else { return }
            for work in works { work() }
            left -= works.count
        }
        state.withLock { $0.thread = nil }
        waitForTurn()
    }
}
