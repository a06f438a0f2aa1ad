internal import Dispatch
internal import Synchronization

extension DispatchQueue {
    /// Runs `body`, which may block in the kernel, on this queue and waits for it without holding a thread.
    func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let gate = Gate()
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            async { @Sendable in
                let result = Result(catching: body)
                gate.pass()
                continuation.resume(returning: result)
            }
        }
        gate.pass()
        return try result.get()
    }

    /// A continuation that is resumed before anybody waits for it hands its value over unseen by the thread sanitizer, which then takes the
    /// first use of what was made on the queue for a race. It sees this lock.
    private final class Gate: Sendable {
        private let lock = Mutex(())
        func pass() { lock.withLock { _ in } }
    }
}
