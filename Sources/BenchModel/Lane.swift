internal import Dispatch
internal import Synchronization

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

/// Lanes on Dispatch's threads: a serial queue each, which targets the queue of its host controller.
public final class DispatchLanes: LaneSource {
    private let controllers = Mutex<[String: DispatchQueue]>([:])

    public init() {}

    public func lane(_ label: String, controller: String?) -> Lane {
        let target = controller.map { name in
            controllers.withLock { queues in
                let queue = queues[name] ?? DispatchQueue(label: "controller.\(name)", attributes: .concurrent)
                queues[name] = queue
                return queue
            }
        }
        return Lane(SerialQueue(DispatchQueue(label: label, target: target ?? .global())))
    }

    private struct SerialQueue: WorkQueue {
        let queue: DispatchQueue

        init(_ queue: DispatchQueue) { self.queue = queue }

        func add(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }

        func expectCurrent() { dispatchPrecondition(condition: .onQueue(queue)) }
    }
}
