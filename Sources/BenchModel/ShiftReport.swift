/// What a slot's time went to.
public enum SlotUse: String, Hashable, Sendable, Codable, CaseIterable {
    /// A unit's first session.
    case flashing
    /// Nothing to do for the bench: the slot is empty, or what is in it is settled.
    case awaitingHands = "awaiting-hands"
    /// A session that has not got its share of the host yet.
    case awaitingGrant = "awaiting-grant"
    /// A session of a unit whose last one went wrong.
    case retry
    /// Held by a supervisor, or taken out because units failed there.
    case outOfService = "out-of-service"
    /// The daemon did not run.
    case benchDown = "bench-down"
}

/// `GET /v1/reports/shift`: what became of the slots' hours and of the units, between two moments.
public struct ShiftReport: Hashable, Sendable, Codable {
    /// UTC with milliseconds; what happened then counts.
    public var from: String
    /// UTC with milliseconds; what happened then does not count.
    public var to: String
    /// In the order of labels.
    public var slots: [Slot]
    /// Units whose last outcome in this time is `reflashed`.
    public var reflashed: Int
    /// Units whose last outcome in this time is `already-current`.
    public var alreadyCurrent: Int
    /// Units whose last outcome in this time is another one, by outcome and reason (`failed: transfer-failed`).
    public var lost: [String: Int]
    /// From an outcome to the next docking in the same slot.
    public var handling: Handling

    /// One slot's milliseconds. They add up to the report's time.
    public struct Slot: Hashable, Sendable, Codable {
        /// The slot's label.
        public var slot: SlotID
        /// Milliseconds of each use; those of which there are none are missing.
        public var milliseconds: [String: Int64]
        public init(slot: SlotID, milliseconds: [String: Int64]) {
            self.slot = slot
            self.milliseconds = milliseconds
        }
    }

    /// How long hands took.
    public struct Handling: Hashable, Sendable, Codable {
        /// How often a unit was docked where another had been settled.
        public var count: Int
        /// Seconds; `nil` where there was none.
        public var median: Double?
        /// Seconds that nine of ten do not exceed.
        public var ninthDecile: Double?
        public init(_ seconds: [Double]) {
            let sorted = seconds.sorted()
            count = sorted.count
            median = sorted.isEmpty ? nil : sorted[sorted.count / 2]
            ninthDecile = sorted.isEmpty ? nil : sorted[min(sorted.count - 1, sorted.count * 9 / 10)]
        }
    }

    public init(
        from: String, to: String, slots: [Slot], reflashed: Int, alreadyCurrent: Int, lost: [String: Int], handling: Handling
    ) {
        self.from = from
        self.to = to
        self.slots = slots
        self.reflashed = reflashed
        self.alreadyCurrent = alreadyCurrent
        self.lost = lost
        self.handling = handling
    }

    /// Units that were settled: current, refused or failed, not those that are unknown or swapped.
    public var settled: Int {
        reflashed + alreadyCurrent
            + lost.filter { !$0.key.hasPrefix(Outcome.unknown.rawValue) && !$0.key.hasPrefix(Outcome.swapped.rawValue) }.values.reduce(0, +)
    }

    /// Milliseconds of a use in all slots.
    public func milliseconds(_ use: SlotUse) -> Int64 { slots.map { $0.milliseconds[use.rawValue] ?? 0 }.reduce(0, +) }
}
