/// Lets so many refusals of a user into the journal a minute and no more: nobody can fill it by asking for what is not to be had.
struct RefusalBrake: Sendable {
    private var windows: [String: (since: Duration, count: Int)] = [:]

    /// Of one user, a minute.
    static let limit = 20

    /// `now`: monotonic.
    mutating func lets(_ user: String, at now: Duration) -> Bool {
        var window = windows[user] ?? (now, 0)
        if now - window.since > .seconds(60) { window = (now, 0) }
        window.count += 1
        windows[user] = window
        return window.count <= Self.limit
    }
}
