internal import CTimer
internal import Dispatch
internal import Synchronization

/// Something that is to be done after a time, unless it is cancelled before.
///
/// One thread and one timer of the kernel's for all of them: to begin one costs a call of the kernel only where none runs out earlier, and to
/// cancel one costs none. Dispatch wakes one thread to set a timer, and another to hand on that it has run out.
public struct Countdown: Sendable {
    /// When it runs out, nanoseconds of the timer's clock.
    fileprivate let end: Int64
    fileprivate let number: UInt64

    fileprivate init(end: Int64, number: UInt64) {
        self.end = end
        self.number = number
    }

    /// Calls `whenOver` once `duration` has passed, in which the time counts that the machine was asleep. It is called on the thread of all
    /// countdowns, which it must not hold up.
    public init(_ duration: Duration, whenOver: @escaping @Sendable () -> Void) {
        self = Countdowns.all.begin(duration, whenOver)
    }

    /// - Returns: whether it was still to run out; `false` where it has, or is being told so.
    @discardableResult public func cancel() -> Bool { Countdowns.all.remove(self) }
}

/// Those that have not run out.
private final class Countdowns: Sendable {
    static let all = Countdowns()

    private let timer = reflash_timer_create()
    private let state = Mutex(State())

    private struct State {
        /// The earliest first.
        var entries: [Entry] = []
        var last: UInt64 = 0
        /// When the timer runs out. It may be before the first entry does, where another was cancelled.
        var armed: Int64?

        func index(of countdown: Countdown) -> Int {
            var (low, high) = (0, entries.count)
            while low < high {
                let middle = (low + high) / 2
                let other = entries[middle].countdown
                if (other.end, other.number) < (countdown.end, countdown.number) { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    private struct Entry {
        let countdown: Countdown
        let whenOver: @Sendable () -> Void
    }

    private init() {
        precondition(timer >= 0, "timerfd_create: the system has no descriptors left")
        DispatchQueue(label: "countdowns").async { @Sendable [self] in run() }
    }

    func begin(_ duration: Duration, _ whenOver: @escaping @Sendable () -> Void) -> Countdown {
        let end = reflash_timer_now() + Self.nanoseconds(duration)
        return state.withLock { state in
            state.last += 1
            let countdown = Countdown(end: end, number: state.last)
            state.entries.insert(Entry(countdown: countdown, whenOver: whenOver), at: state.index(of: countdown))
            arm(&state)
            return countdown
        }
    }

    func remove(_ countdown: Countdown) -> Bool {
        state.withLock { state in
            let index = state.index(of: countdown)
            guard index < state.entries.count, state.entries[index].countdown.number == countdown.number else { return false }
            state.entries.remove(at: index)
            return true
        }
    }

    private func arm(_ state: inout State) {
        guard let first = state.entries.first?.countdown.end, first < state.armed ?? .max else { return }
        state.armed = first
        reflash_timer_set(timer, first)
    }

    private func run() {
        while true {
            reflash_timer_wait(timer)
            let over = state.withLock { state in
                state.armed = nil
                let now = reflash_timer_now()
                let over = state.entries.prefix { $0.countdown.end <= now }
                state.entries.removeFirst(over.count)
                arm(&state)
                return over
            }
            for entry in over { entry.whenOver() }
        }
    }

    /// Rounded up, to one at least.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 1 }
        // Two hundred years are enough.
        return min(seconds, 6_000_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000 + 1
    }
}
