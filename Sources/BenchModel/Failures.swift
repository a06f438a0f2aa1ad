/// How often something failed beside how often that was to be expected.
public struct FailureCount: Hashable, Sendable, Codable {
    /// Sessions that say something about it.
    public var attempts: Int
    /// Those of them that went wrong.
    public var failures: Int
    /// Distinct units that failed.
    public var failedUnits: Int
    /// Distinct slots in which units failed.
    public var failedSlots: Int
    /// Share of attempts that fail elsewhere on the bench, 0 to 1, within bounds.
    public var expectedRate: Double
    /// Page's cumulative sum, natural logarithms, as it was after the last attempt.
    public var evidence: Double

    /// ln 50,000. A sum of log-likelihood ratios that never falls below zero takes, on the average, at least e to the power of its limit attempts
    /// to reach it where nothing is wrong (Lorden 1971): here one false alarm in 50,000 sessions.
    public static let limit = 10.819778284410283

    public init(attempts: Int, failures: Int, failedUnits: Int, failedSlots: Int, expectedRate: Double, evidence: Double) {
        self.attempts = attempts
        self.failures = failures
        self.failedUnits = failedUnits
        self.failedSlots = failedSlots
        self.expectedRate = expectedRate
        self.evidence = evidence
    }

    /// Whether chance explains it no longer.
    public var isOutOfLine: Bool { evidence > Self.limit }

    /// `5 of 6 sessions went wrong, of 5 units; 5 % do elsewhere`
    public var sentence: String {
        "\(failures) of \(attempts) sessions went wrong, of \(failedUnits) units; \(Int((expectedRate * 100).rounded())) % do elsewhere"
    }
}

/// An approval that the bench itself has ended, because the release fails too often.
public struct ReleaseHalt: Hashable, Sendable, Codable {
    /// The release's name.
    public var release: String
    /// SHA-256 of its manifest.
    public var manifestHash: SHA256Value
    /// For which Communications Hubs it was approved.
    public var variant: Variant
    /// The hardware version of the units that failed; `nil` where they do not say it.
    public var hardwareVersion: HardwareVersion?
    /// The approval under which they failed: a newer one stands. `nil` in records from before it was said here, and where there was none.
    public var approval: EventNumber?
    /// What was counted.
    public var count: FailureCount

    public init(
        release: String, manifestHash: SHA256Value, variant: Variant, hardwareVersion: HardwareVersion?, approval: EventNumber? = nil,
        count: FailureCount
    ) {
        self.approval = approval
        self.release = release
        self.manifestHash = manifestHash
        self.variant = variant
        self.hardwareVersion = hardwareVersion
        self.count = count
    }

    /// What happened and what to do.
    public var sentence: String {
        let hardware = hardwareVersion.map { " on hardware \($0)" } ?? ""
        return "\(release) (\(variant)) is halted\(hardware): \(count.sentence), in \(count.failedSlots) slots. "
            + "No unit gets it until a supervisor approves it again or another release"
    }
}

/// `GET /v1/failures`: what fails, and whether it is the slot, the unit or the release.
public struct FailureReport: Hashable, Sendable, Codable {
    /// Slots in which something was tried, the worst first.
    public var slots: [Slot]
    /// Releases on each variant and hardware version, the worst first.
    public var releases: [Release]
    /// Units that failed in two slots or more since they were last current.
    public var units: [Unit]

    /// One slot.
    public struct Slot: Hashable, Sendable, Codable {
        /// The slot's label.
        public var slot: SlotID
        /// Since it was last returned to service.
        public var count: FailureCount
        /// Whether it is out of service.
        public var isOutOfService: Bool
        public init(slot: SlotID, count: FailureCount, isOutOfService: Bool) {
            self.slot = slot
            self.count = count
            self.isOutOfService = isOutOfService
        }
    }

    /// One release on units of one variant and hardware version, under one approval.
    public struct Release: Hashable, Sendable, Codable {
        /// The release's name.
        public var release: String
        /// The units' variant; `nil` where it was not recorded.
        public var variant: Variant?
        /// The units' hardware version.
        public var hardwareVersion: HardwareVersion?
        /// What was counted under the newest approval.
        public var count: FailureCount
        public init(release: String, variant: Variant?, hardwareVersion: HardwareVersion?, count: FailureCount) {
            self.release = release
            self.variant = variant
            self.hardwareVersion = hardwareVersion
            self.count = count
        }
    }

    /// One unit.
    public struct Unit: Hashable, Sendable, Codable {
        /// The unit's CHF ID.
        public var chfId: EUI64
        /// Where it failed.
        public var failedSlots: [SlotID]
        public init(chfId: EUI64, failedSlots: [SlotID]) {
            self.chfId = chfId
            self.failedSlots = failedSlots
        }
    }

    public init(slots: [Slot], releases: [Release], units: [Unit]) {
        self.slots = slots
        self.releases = releases
        self.units = units
    }
}
