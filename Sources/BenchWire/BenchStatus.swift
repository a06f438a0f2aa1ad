public import BenchModel

/// `GET /v1/status`: the whole bench at one moment.
public struct BenchStatus: Codable, Sendable, Hashable {
    public var bench: String
    /// The program's version.
    public var version: String
    /// The journal's file on the bench.
    public var journal: String
    /// In the order of labels.
    public var slots: [SlotStatus]
    /// Devices of ours that are in no slot.
    public var strays: [Stray]
    /// Sessions by outcome since the daemon started.
    public var outcomes: [String: Int]
    /// Units that became or proved current, per hour.
    public var unitsPerHour: Double?
    /// Share of units that were current after their first session, 0 to 1.
    public var firstPassYield: Double?
    /// Seconds until the sessions that run now should have ended.
    public var secondsLeft: Double?
    /// What keeps the whole bench from flashing.
    public var impediment: String?

    public init(
        bench: String, version: String, journal: String, slots: [SlotStatus], strays: [Stray], outcomes: [String: Int],
        unitsPerHour: Double?, firstPassYield: Double?, secondsLeft: Double?, impediment: String?
    ) {
        self.bench = bench
        self.version = version
        self.journal = journal
        self.slots = slots
        self.strays = strays
        self.outcomes = outcomes
        self.unitsPerHour = unitsPerHour
        self.firstPassYield = firstPassYield
        self.secondsLeft = secondsLeft
        self.impediment = impediment
    }
}

/// A device that looks like one of ours where no slot is, or that fits no profile.
public struct Stray: Codable, Sendable, Hashable {
    public var port: PortPath
    public var node: String
    public var description: String

    public init(port: PortPath, node: String, description: String) {
        self.port = port
        self.node = node
        self.description = description
    }
}

/// `GET /v1/slots/{slot}`: one slot at one moment.
public struct SlotStatus: Codable, Sendable, Hashable {
    public var slot: SlotID
    public var port: PortPath
    public var state: State
    public var chfId: EUI64?
    public var model: String?
    public var hardwareVersion: HardwareVersion?
    public var installedVersion: FirmwareVersion?
    public var targetVersion: FirmwareVersion?
    public var session: SessionID?
    /// The step of the session that runs.
    public var step: SessionStep?
    public var progress: StepProgress?
    public var bytesPerSecond: Double?
    public var secondsLeft: Double?
    /// How the last session ended.
    public var outcome: Outcome?
    public var reason: OutcomeReason?
    public var detail: String?
    public var proof: Proof?
    public var doNext: DoNext
    public var message: String?

    public enum State: String, Codable, Sendable, Hashable {
        /// Nothing is in it.
        case empty
        /// A unit is in it and no session runs.
        case docked
        /// A session runs.
        case running
    }

    public init(slot: SlotID, port: PortPath, state: State, doNext: DoNext) {
        self.slot = slot
        self.port = port
        self.state = state
        self.doNext = doNext
    }
}

/// `GET /v1/units/{chfId}`: one unit with all its sessions.
public struct UnitStatus: Codable, Sendable, Hashable {
    public var chfId: EUI64
    public var outcome: Outcome?
    public var reason: OutcomeReason?
    public var installedVersion: FirmwareVersion?
    public var failedSlots: [SlotID]
    public var sessions: [SessionRecord]

    public init(_ record: UnitRecord) {
        chfId = record.chfId
        outcome = record.standing?.outcome
        reason = record.standing?.reason
        installedVersion = record.standing?.installedVersion
        failedSlots = record.failedSlots
        sessions = record.sessions
    }
}

/// The body of every answer that is no success.
public struct APIErrorBody: Codable, Sendable, Hashable, Error {
    /// Stable text for scripts.
    public var code: String
    /// What is wrong and what to do, for people.
    public var message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}
