public import Dispatch

/// A serial Dispatch queue that is an executor: what runs on a lane runs one thing at a time, and on no thread of its own.
///
/// Each slot has a lane, which targets the queue of its host controller. Sendable because a `DispatchQueue` is.
public final class Lane: SerialExecutor, TaskExecutor {
    /// The serial queue itself.
    public let queue: DispatchQueue

    /// `target` is the queue of the host controller; `nil` for a lane of its own.
    public init(_ label: String, target: DispatchQueue? = nil) {
        queue = DispatchQueue(label: label, target: target ?? .global())
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { @Sendable [self] in
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    public func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
