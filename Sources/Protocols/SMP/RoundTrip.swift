/// How long to wait for an answer, from how long answers took (RFC 6298, with the line's own time measured along).
struct RoundTrip: Sendable {
    private var smoothed: Duration?
    private var variation = Duration.zero
    private var backoff = 1

    /// The least that is waited: servers erase a flash sector between two answers. A request that is sent again too early costs
    /// its own length of line and no more.
    static let floor = Duration.milliseconds(100)
    /// Waited for while no answer has come yet.
    let initial: Duration
    /// The line is the unit's alone: nobody else's load grows less by waiting longer, only a busy unit wants it.
    private static let backoffLimit = 4

    init(initial: Duration) { self.initial = initial }

    mutating func measured(_ time: Duration) {
        if let old = smoothed {
            let difference = time > old ? time - old : old - time
            variation = (variation * 3 + difference) / 4
            smoothed = (old * 7 + time) / 8
        } else {
            smoothed = time
            variation = time / 2
        }
        backoff = 1
    }

    /// No answer came in time: the next one may take twice as long.
    mutating func expired() { backoff = min(backoff * 2, Self.backoffLimit) }

    /// How long to wait for the next answer, at most `bound`.
    func timeout(bound: Duration) -> Duration {
        let estimate = smoothed.map { max(Self.floor, $0 + max(variation * 4, .milliseconds(10))) } ?? initial
        return min(estimate * backoff, bound)
    }
}
