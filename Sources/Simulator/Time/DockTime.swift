public import BenchModel
internal import Dispatch

/// The simulator's time, and the queues on which things happen in it: the host's, or a ``VirtualTime``.
public protocol DockTime: Sendable {
    /// Time since an arbitrary fixed moment; it never goes back.
    var now: Duration { get }
    func queue(_ label: String) -> any DockQueue
}

/// A queue whose work may have to wait for its time.
public protocol DockQueue: WorkQueue {
    /// Does `work` among the queue's own, and returns when it is done.
    func sync(_ work: () -> Void)
    func add(after delay: Duration, _ work: @escaping @Sendable () -> Void)
    /// A timer that calls `handler` on this queue.
    func timer(_ handler: @escaping @Sendable () -> Void) -> any DockTimer
}

/// Goes off once each time that it is set, until it is cancelled.
public protocol DockTimer: Sendable {
    /// Sets it anew; what it was set to before no longer counts.
    func set(after delay: Duration)
    func cancel()
}

/// The host's time, on Dispatch's queues.
struct HostTime: DockTime {
    private let clock = SystemClock()

    var now: Duration { clock.now }

    /// On the process's common threads: a queue without a target gets a thread of its own.
    func queue(_ label: String) -> any DockQueue { HostQueue(DispatchQueue(label: label, target: .global())) }

    private struct HostQueue: DockQueue {
        let queue: DispatchQueue

        init(_ queue: DispatchQueue) { self.queue = queue }

        func add(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }
        func sync(_ work: () -> Void) { queue.sync(execute: work) }
        func expectCurrent() { dispatchPrecondition(condition: .onQueue(queue)) }
        func add(after delay: Duration, _ work: @escaping @Sendable () -> Void) {
            queue.asyncAfter(deadline: .now() + delay.seconds, execute: work)
        }
        func timer(_ handler: @escaping @Sendable () -> Void) -> any DockTimer { HostTimer(queue, handler) }
    }

    /// Sendable: Dispatch's timers may be set and cancelled from anywhere.
    private final class HostTimer: DockTimer, @unchecked Sendable {
        private let source: any DispatchSourceTimer

        init(_ queue: DispatchQueue, _ handler: @escaping @Sendable () -> Void) {
            source = DispatchSource.makeTimerSource(flags: .strict, queue: queue)
            source.setEventHandler { @Sendable in handler() }
            source.activate()
        }

        deinit { source.cancel() }

        func set(after delay: Duration) {
            source.schedule(deadline: .now() + .nanoseconds(Int(delay / .nanoseconds(1))), leeway: .nanoseconds(0))
        }

        func cancel() { source.cancel() }
    }
}
