internal import CTimer
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// The bench's time, passed in so that tests run on a virtual clock.
public protocol BenchClock: Sendable {
    /// Time since an arbitrary fixed moment; it never goes back.
    var now: Duration { get }
    /// Wall-clock time, milliseconds since 1970-01-01T00:00:00Z. It may jump.
    var utcMilliseconds: Int64 { get }
    /// Returns once `now` has reached `deadline`.
    /// - Throws: `CancellationError` when the task is cancelled first.
    func sleep(until deadline: Duration) async throws
}

extension BenchClock {
    /// Returns once `duration` has passed. Throws as ``sleep(until:)``.
    public func sleep(for duration: Duration) async throws {
        try await sleep(until: now + duration)
    }
}

/// The host's clocks.
public struct SystemClock: BenchClock {
    private static let origin = ContinuousClock.now

    public init() {}

    public var now: Duration { Self.origin.duration(to: .now) }

    public var utcMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    public func sleep(until deadline: Duration) async throws {
        try Task.checkCancellation()
        while case let left = deadline - now, left > .zero { try await Sleeper().sleep(for: left) }
    }

    /// A task that waits for a countdown to run out, or for its own cancellation.
    private final class Sleeper: Sendable {
        private let state = Mutex(State.awake)

        private enum State {
            case awake
            case asleep(CheckedContinuation<Void, any Error>, Countdown)
            case ended
        }

        func sleep(for duration: Duration) async throws {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let isCancelled = state.withLock { state in
                        guard case .awake = state else { return true }
                        state = .asleep(continuation, Countdown(duration) { [self] in wake()?.resume() })
                        return false
                    }
                    if isCancelled { continuation.resume(throwing: CancellationError()) }
                }
            } onCancel: {
                wake()?.resume(throwing: CancellationError())
            }
        }

        private func wake() -> CheckedContinuation<Void, any Error>? {
            state.withLock { state in
                defer { state = .ended }
                guard case .asleep(let continuation, let countdown) = state else { return nil }
                countdown.cancel()
                return continuation
            }
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// Seconds as a floating-point number, for rates and display.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
