/// What the technician's hands should do at a slot now.
public enum DoNext: String, Hashable, Sendable, Codable, CaseIterable {
    /// The bench is at work on this slot.
    case wait
    /// Settled: take the unit out.
    case remove
    /// Plug a unit in: the slot is free.
    case dock
    /// Plug the same unit in again: only a readback can settle it.
    case dockAgain = "dock again"
    /// The unit failed here; try it in another slot before it is called faulty.
    case moveToAnotherSlot = "move to another slot"
    /// Set the unit aside for a supervisor's decision.
    case hold

    /// Leave the slot empty: it fails too often.
    case outOfService = "out of service"

    /// Whether hands are needed for the bench to get on.
    public var needsHands: Bool { self != .wait && self != .dock && self != .outOfService }

    /// The rule. `failedSlots` are the distinct slots in which the unit's attempts failed: two make it a hold, never a third try.
    public init(after verdict: Verdict, failedSlots: Int, unitPresent: Bool) {
        switch verdict.outcome {
        case .reflashed, .alreadyCurrent: self = unitPresent ? .remove : .dock
        case .refused, .swapped: self = .hold
        case .failed: self = failedSlots >= 2 ? .hold : .moveToAnotherSlot
        case .unknown: self = .dockAgain
        }
    }
}
