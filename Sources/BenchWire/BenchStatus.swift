public import BenchModel

/// `GET /v1/status`: the whole bench at one moment.
public struct BenchStatus: Codable, Sendable, Hashable {
    /// The bench's name.
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
    /// What somebody must decide, the loudest first: releases that are halted, slots that are out of service.
    public var alarms: [String]

    public init(
        bench: String, version: String, journal: String, slots: [SlotStatus], strays: [Stray], outcomes: [String: Int],
        unitsPerHour: Double?, firstPassYield: Double?, secondsLeft: Double?, impediment: String?, alarms: [String] = []
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
        self.alarms = alarms
    }
}

/// `GET /v1/bench`: what the bench is, which does not change while the daemon runs.
public struct BenchDescription: Codable, Sendable, Hashable {
    /// The bench's name.
    public var bench: String
    /// The program's version.
    public var version: String
    /// The journal's file on the bench.
    public var journal: String
    /// Each slot's label and port.
    public var slots: [String: PortPath]
    /// The profiles' names, in the order in which they are tried.
    public var profiles: [String]

    public init(bench: String, version: String, journal: String, slots: [String: PortPath], profiles: [String]) {
        self.bench = bench
        self.version = version
        self.journal = journal
        self.slots = slots
        self.profiles = profiles
    }
}

/// A device that looks like one of ours where no slot is, or that fits no profile.
public struct Stray: Codable, Sendable, Hashable {
    /// The physical port, by udev's ID_PATH.
    public var port: PortPath
    /// The device node, `/dev/bus/usb/BBB/DDD`.
    public var node: String
    /// What went wrong, and what to do, in a sentence.
    public var description: String

    public init(port: PortPath, node: String, description: String) {
        self.port = port
        self.node = node
        self.description = description
    }
}

/// `GET /v1/slots/{slot}`: one slot at one moment.
public struct SlotStatus: Codable, Sendable, Hashable {
    /// The slot's label, as it is printed on the rack.
    public var slot: SlotID
    /// The physical port, by udev's ID_PATH.
    public var port: PortPath
    /// What is going on in it.
    public var state: State
    /// Whether a supervisor holds the slot.
    public var isHeld = false
    /// Whether the slot is out of service, because it failed too often.
    public var isOutOfService = false
    /// The unit's CHF ID.
    public var chfId: EUI64?
    /// The model as the unit says it, 8 hex digits (`010A030B`).
    public var model: String?
    /// The hardware version as the unit says it.
    public var hardwareVersion: HardwareVersion?
    /// The version that the unit last said it runs.
    public var installedVersion: FirmwareVersion?
    /// The version that the unit should hold.
    public var targetVersion: FirmwareVersion?
    /// The session that runs, or the last one.
    public var session: SessionID?
    /// The step of the session that runs.
    public var step: SessionStep?
    /// How far the present step has come.
    public var progress: StepProgress?
    /// Rate of the present step.
    public var bytesPerSecond: Double?
    /// Until the present step's bytes are through.
    public var secondsLeft: Double?
    /// How the last session ended.
    public var outcome: Outcome?
    /// Why it ended so; `nil` for `reflashed` and `already-current`.
    public var reason: OutcomeReason?
    /// What exactly was expected and found.
    public var detail: String?
    /// What was seen that makes the outcome true.
    public var proof: Proof?
    /// What the technician's hands should do.
    public var doNext: DoNext
    /// What stands in the way, in a sentence.
    public var message: String?

    /// What is going on in a slot.
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
    /// The unit's CHF ID.
    public var chfId: EUI64
    /// How the session ended.
    public var outcome: Outcome?
    /// Why it ended so; `nil` for `reflashed` and `already-current`.
    public var reason: OutcomeReason?
    /// The version that the unit last said it runs.
    public var installedVersion: FirmwareVersion?
    /// The distinct slots in which attempts failed since the unit was last current.
    public var failedSlots: [SlotID]
    /// All sessions, oldest first.
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
