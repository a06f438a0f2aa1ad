/// A failure capsule in a list.
public struct CapsuleSummary: Hashable, Sendable, Codable {
    /// The session's number in the journal.
    public var session: SessionID
    /// The slot that it happened in.
    public var slot: SlotID
    /// The unit's CHF ID, as far as it was known.
    public var chfId: EUI64?
    /// UTC with milliseconds.
    public var startedAt: String
    /// How it ended.
    public var outcome: Outcome
    /// Why it ended so.
    public var reason: OutcomeReason?
    /// Exchanges that it holds.
    public var exchanges: Int
    /// Exchanges that were too many to be kept.
    public var elided: Int

    public init(
        session: SessionID, slot: SlotID, chfId: EUI64?, startedAt: String, outcome: Outcome, reason: OutcomeReason?, exchanges: Int,
        elided: Int
    ) {
        self.session = session
        self.slot = slot
        self.chfId = chfId
        self.startedAt = startedAt
        self.outcome = outcome
        self.reason = reason
        self.exchanges = exchanges
        self.elided = elided
    }
}
