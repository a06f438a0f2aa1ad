/// The journal's number of an event: 1 for the first, rising by 1.
public typealias EventNumber = Int64

/// A session is named by the number of the event that began it.
public typealias SessionID = EventNumber

/// One stored event, as the API and exports give it.
public struct EventRecord: Hashable, Sendable, Codable {
    /// The event's number: 1 for the first, rising by 1.
    public var number: EventNumber
    /// UTC with milliseconds, `2026-11-23T16:36:11.123Z`.
    public var utc: String
    /// Monotonic nanoseconds since the daemon's start.
    public var monotonicNanoseconds: Int64
    /// The slot that it happened in.
    public var slot: SlotID?
    /// The Communications Hub that is meant.
    public var unit: EUI64?
    /// The session's number.
    public var session: SessionID?
    /// What it is, one of the stable words.
    public var kind: String
    /// JSON, with sorted keys.
    public var payload: String
    /// SHA-256 of the previous event's hash and this event's canonical bytes.
    public var hash: SHA256Value

    public init(
        number: EventNumber, utc: String, monotonicNanoseconds: Int64, slot: SlotID?, unit: EUI64?,
        session: SessionID?, kind: String, payload: String, hash: SHA256Value
    ) {
        self.number = number
        self.utc = utc
        self.monotonicNanoseconds = monotonicNanoseconds
        self.slot = slot
        self.unit = unit
        self.session = session
        self.kind = kind
        self.payload = payload
        self.hash = hash
    }
}

/// One session as the journal's events tell it.
public struct SessionRecord: Hashable, Sendable, Codable {
    /// The number of the `session-started` event.
    public var id: SessionID
    /// The slot that it happened in.
    public var slot: SlotID
    /// The unit's CHF ID.
    public var chfId: EUI64?
    /// UTC with milliseconds.
    public var startedAt: String
    /// The release's name; `nil` where there was no target.
    public var release: String?
    /// SHA-256 of the release's manifest.
    public var manifestHash: SHA256Value?
    /// Checks that were left out.
    public var checksOff: [String]
    /// What the unit said that it ran when the session began.
    public var startingVersion: FirmwareVersion?
    /// The unit's hardware version, as it said it.
    public var hardwareVersion: HardwareVersion?
    /// Which Communications Hub it was; `nil` of a unit that never came, and in records from before it was said that have no
    /// approval.
    public var variant: Variant?
    /// The number of the event by which the release was approved.
    public var approval: EventNumber?
    /// SHA-256 of each component that the unit should hold; empty where there was no target.
    public var components: [String: SHA256Value]
    /// Whether a transfer to the unit's flash was begun.
    public var transferBegan: Bool
    /// UTC with milliseconds; `nil` while it runs.
    public var endedAt: String?
    /// `nil` while the session runs.
    public var verdict: Verdict?
    /// What a later readback showed of a session that had ended as `unknown`.
    public var settled: Verdict?
    /// The session whose readback settled this one.
    public var settledBy: SessionID?
    /// The number of the event by which it ended.
    public var outcomeEvent: EventNumber?

    public init(
        id: SessionID, slot: SlotID, chfId: EUI64?, startedAt: String, release: String?, manifestHash: SHA256Value? = nil,
        checksOff: [String] = [], startingVersion: FirmwareVersion? = nil, hardwareVersion: HardwareVersion? = nil,
        variant: Variant? = nil, approval: EventNumber? = nil, components: [String: SHA256Value] = [:],
        transferBegan: Bool = false, endedAt: String? = nil, verdict: Verdict? = nil,
        settled: Verdict? = nil, settledBy: SessionID? = nil, outcomeEvent: EventNumber? = nil
    ) {
        self.outcomeEvent = outcomeEvent
        self.id = id
        self.slot = slot
        self.chfId = chfId
        self.startedAt = startedAt
        self.release = release
        self.manifestHash = manifestHash
        self.checksOff = checksOff
        self.startingVersion = startingVersion
        self.hardwareVersion = hardwareVersion
        self.variant = variant
        self.approval = approval
        self.components = components
        self.transferBegan = transferBegan
        self.endedAt = endedAt
        self.verdict = verdict
        self.settled = settled
        self.settledBy = settledBy
    }

    /// Whether it ended so that it may end so again: failed, or unknown for another reason than a stop of the bench.
    public var wentWrong: Bool {
        guard let verdict else { return false }
        return verdict.outcome == .failed || (verdict.outcome == .unknown && verdict.reason != .benchStopped)
    }

    /// Whether only a readback can tell what the unit holds: not after a session that was lost before it had anything to write.
    public var isUnsettled: Bool { verdict?.outcome == .unknown && settled == nil && !components.isEmpty }
}

/// Everything the bench knows about one unit, oldest session first.
public struct UnitRecord: Hashable, Sendable, Codable {
    /// The unit's CHF ID.
    public var chfId: EUI64
    /// All sessions, oldest first.
    public var sessions: [SessionRecord]

    public init(chfId: EUI64, sessions: [SessionRecord]) {
        self.chfId = chfId
        self.sessions = sessions
    }

    /// The outcome of the last session that has ended.
    public var standing: Verdict? { sessions.last { $0.verdict != nil }?.verdict }

    /// The distinct slots in which attempts failed since the unit was last current, without those in which it never was, and those in which the
    /// host was in the way.
    public var failedSlots: [SlotID] {
        let failed = sinceCurrent.compactMap { session in
            session.verdict.flatMap { $0.outcome == .failed && $0.reason != .noContact && $0.isHosts != true ? session.slot : nil }
        }
        return Set(failed).sorted()
    }

    /// The distinct slots in which so many sessions went wrong one after the other since the unit was last current.
    public func slots(ofRuns length: Int) -> Set<SlotID> {
        var slots: Set<SlotID> = []
        var run: (slot: SlotID, length: Int)?
        for session in sinceCurrent where session.verdict != nil {
            guard session.wentWrong else {
                run = nil
                continue
            }
            run = run?.slot == session.slot ? (session.slot, (run?.length ?? 0) + 1) : (session.slot, 1)
            if let run, run.length >= length { slots.insert(run.slot) }
        }
        return slots
    }

    /// The last session that only a readback can settle, if the unit has one. A session before the unit was last proven
    /// current is past: it may stay unsettled, but nothing hangs on it.
    public var openQuestion: SessionRecord? { sinceCurrent.last { $0.isUnsettled } }

    /// What the unit last said that it runs, when a session began or ended.
    public var lastVersion: FirmwareVersion? {
        sessions.reversed().lazy.compactMap { $0.verdict?.installedVersion ?? $0.startingVersion }.first
    }

    private var sinceCurrent: ArraySlice<SessionRecord> {
        let start = sessions.lastIndex { $0.verdict?.outcome.isCurrent == true }.map { $0 + 1 } ?? 0
        return sessions[start...]
    }
}

/// What the journal last said of a slot.
public struct SlotRecord: Hashable, Sendable {
    /// The slot that it happened in.
    public var slot: SlotID
    /// Whether a supervisor holds it.
    public var isHeld: Bool
    /// Whether it is out of service, because it failed too often.
    public var isOutOfService: Bool
    /// The number of the event by which it was last returned to service; `nil` where it never was.
    public var serviceSince: EventNumber?
    /// Whether a unit was in it.
    public var isDocked: Bool
    /// The last session in it since a unit was docked there.
    public var lastSession: SessionRecord?

    public init(
        slot: SlotID, isHeld: Bool, isOutOfService: Bool = false, serviceSince: EventNumber? = nil, isDocked: Bool,
        lastSession: SessionRecord?
    ) {
        self.slot = slot
        self.isHeld = isHeld
        self.isOutOfService = isOutOfService
        self.serviceSince = serviceSince
        self.isDocked = isDocked
        self.lastSession = lastSession
    }
}
