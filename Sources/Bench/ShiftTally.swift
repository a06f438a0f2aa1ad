public import BenchModel

/// Outcomes since the daemon started, and what follows from them.
public struct ShiftTally: Sendable, Hashable {
    /// Sessions by outcome.
    public private(set) var outcomes: [Outcome: Int] = [:]
    private var firstAttempts = 0
    private var firstAttemptsCurrent = 0
    private var reflashTime: Duration = .zero
    private var reflashes = 0
    private var began: Duration?

    mutating func add(_ verdict: Verdict, isFirstAttempt: Bool, took duration: Duration, at now: Duration) {
        outcomes[verdict.outcome, default: 0] += 1
        // A unit that is refused has not been attempted.
        if isFirstAttempt, verdict.outcome != .refused {
            firstAttempts += 1
            if verdict.outcome.isCurrent { firstAttemptsCurrent += 1 }
        }
        if verdict.outcome == .reflashed {
            reflashes += 1
            reflashTime += duration
        }
        began = min(began ?? now, now - duration)
    }

    /// Share of units that were current after their first session that was not refused, 0 to 1; `nil` before the first.
    public var firstPassYield: Double? {
        firstAttempts > 0 ? Double(firstAttemptsCurrent) / Double(firstAttempts) : nil
    }

    /// Units that became or proved current, per hour since the first session began; `nil` before there is one.
    public func unitsPerHour(at now: Duration) -> Double? {
        guard let began, now > began else { return nil }
        let current = outcomes.filter { $0.key.isCurrent }.values.reduce(0, +)
        return Double(current) / (now - began).seconds * 3600
    }

    /// How long a session takes on average that writes a unit; `nil` before the first has ended.
    public var averageReflash: Duration? { reflashes > 0 ? reflashTime / reflashes : nil }
}
