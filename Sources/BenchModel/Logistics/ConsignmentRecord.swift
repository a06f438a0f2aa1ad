/// A consignment as the journal's events tell it.
public struct ConsignmentRecord: Hashable, Sendable, Codable {
    /// Its name.
    public var consignment: ConsignmentID
    /// Why its units come.
    public var kind: ConsignmentKind
    /// Whose units they are: the Service User (Supplier), or the Communication Service Provider whose stock it is.
    public var serviceUser: Party
    /// Where they go back to.
    public var returnTo: String
    /// The Service User's own reference for the return.
    public var reference: String?
    /// Units that the request speaks of.
    public var units: Int?
    /// How far it is.
    public var stage: ConsignmentStage
    /// The number of the event that opened it.
    public var opened: EventNumber
    /// UTC with milliseconds.
    public var openedAt: String
    /// The number of the event that closed it; sessions from then on are another consignment's.
    public var closed: EventNumber?
    /// Units that were counted when the load arrived.
    public var counted: Int?

    public init(
        consignment: ConsignmentID, kind: ConsignmentKind, serviceUser: Party, returnTo: String, reference: String?, units: Int?,
        stage: ConsignmentStage, opened: EventNumber, openedAt: String, closed: EventNumber? = nil, counted: Int? = nil
    ) {
        self.consignment = consignment
        self.kind = kind
        self.serviceUser = serviceUser
        self.returnTo = returnTo
        self.reference = reference
        self.units = units
        self.stage = stage
        self.opened = opened
        self.openedAt = openedAt
        self.closed = closed
        self.counted = counted
    }

    /// Whether units of it may be scanned, flashed and packed.
    public var isOpen: Bool { stage < .closed && stage != .rejected }
}

/// Something that was decided or done, and the event that says so.
public struct Fact<Value: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    /// The number of the event.
    public var event: EventNumber
    /// What it says.
    public var value: Value

    public init(event: EventNumber, value: Value) {
        self.event = event
        self.value = value
    }
}

/// What was decided of a load or a part of it.
public struct IntakeDecision: Hashable, Sendable, Codable {
    /// Which part.
    public var part: LoadPart
    /// Why it is rejected; `nil` where it is accepted.
    public var code: IntakeCode?
    /// More about it.
    public var text: String?

    public init(part: LoadPart, code: IntakeCode? = nil, text: String? = nil) {
        self.part = part
        self.code = code
        self.text = text
    }
}

/// One unit of a consignment: everything on which its state rests.
public struct UnitCase: Hashable, Sendable, Codable {
    /// The consignment.
    public var consignment: ConsignmentID
    /// The unit's CHF ID.
    public var chfId: EUI64
    /// The identity that is printed on it, where that is another.
    public var gpfId: EUI64?
    /// The carton in which it came.
    public var carton: String?
    /// The pallet on which it came.
    public var pallet: String?
    /// The event by which it is expected; `nil` for a unit that came unexpected.
    public var announced: EventNumber?
    /// The event of its first scan.
    public var scanned: EventNumber?
    /// What the most precise decision says of it.
    public var decision: Fact<IntakeDecision>?
    /// Why it is held.
    public var hold: Fact<HoldReason>?
    /// Somebody has declared it missing.
    public var missing: EventNumber?
    /// Why a supervisor lets it go with unknown content.
    public var unproven: Fact<String>?
    /// Why it leaves by the fault-return process.
    public var fault: Fact<FaultReason>?
    /// The carton that it was packed into.
    public var packed: Fact<SSCC>?
    /// Its sessions for this consignment, oldest first.
    public var sessions: [SessionRecord]

    public init(consignment: ConsignmentID, chfId: EUI64, announced: EventNumber? = nil, sessions: [SessionRecord] = []) {
        self.consignment = consignment
        self.chfId = chfId
        self.announced = announced
        self.sessions = sessions
    }

    private var record: UnitRecord { UnitRecord(chfId: chfId, sessions: sessions) }

    /// What became of it.
    public var state: UnitState {
        if missing != nil { return .missing }
        if decision?.value.code != nil { return .rejected }
        if hold != nil { return .held }
        guard announced != nil else { return .held }
        if let last = sessions.last, last.verdict == nil { return .inProgress }
        let record = record
        if record.openQuestion != nil { return unproven == nil ? .unknown : .returnedUnproven }
        guard let standing else { return .awaiting }
        switch standing.outcome {
        case .reflashed: return .reflashed
        case .alreadyCurrent: return .alreadyCurrent
        case .refused: return .refused
        case .failed: return .failed
        case .unknown: return unproven == nil ? .unknown : .returnedUnproven
        case .swapped: return .swapped
        }
    }

    /// The session on which its state rests, as far as it has ended.
    public var standingSession: SessionRecord? { sessions.last { $0.verdict != nil } }

    /// How that session ended, or what a later readback showed of it.
    public var standing: Verdict? { standingSession.flatMap { $0.settled ?? $0.verdict } }

    /// The fault reason that its failure speaks for, for a person to confirm; `nil` before it has failed in two slots.
    public var proposedFault: FaultReason? {
        guard isFaulty, let reason = standing?.reason else { return nil }
        switch reason {
        // Nothing came from it where others are heard.
        case .noContact, .identificationFailed: return .damagedConnector
        default: return .manufacturing
        }
    }

    /// The distinct slots in which it failed since it was last current: in two of them, it is faulty.
    public var isFaulty: Bool { state == .failed && record.failedSlots.count > 1 }
}

/// How the units of a consignment add up.
public struct Reconciliation: Hashable, Sendable, Codable {
    /// The consignment.
    public var consignment: ConsignmentID
    /// Units that it expects, each in exactly one state; states without a unit are left out.
    public var states: [UnitState: Int]
    /// Units that came and that it does not expect.
    public var unexpected: Int
    /// Of those, the ones of which nothing was decided.
    public var undecided: Int
    /// Units in cartons.
    public var packed: Int
    /// Faulty units without a confirmed fault reason.
    public var withoutFaultReason: Int

    public init(_ consignment: ConsignmentID) {
        self.consignment = consignment
        (states, unexpected, undecided, packed, withoutFaultReason) = ([:], 0, 0, 0, 0)
    }

    /// Counts one unit.
    public mutating func add(_ unit: UnitCase) {
        let state = unit.state
        if unit.packed != nil { packed += 1 }
        guard unit.announced != nil else {
            unexpected += 1
            if state.isOpen { undecided += 1 }
            return
        }
        states[state, default: 0] += 1
        if unit.isFaulty, unit.fault == nil { withoutFaultReason += 1 }
    }

    /// Units that it expects.
    public var expected: Int { states.values.reduce(0, +) }

    /// What must be settled before it can be closed, a sentence for each; empty where it balances.
    public var openPoints: [String] {
        var points = UnitState.allCases.filter(\.isOpen).compactMap { state in
            states[state].map { "\($0) \($0 == 1 ? "unit is" : "units are") \(state.rawValue): \(state.remedy)" }
        }
        if undecided > 0 {
            points.append(
                "\(undecided) unexpected \(undecided == 1 ? "unit is" : "units are") undecided: 'consignment admit' or 'consignment intake --reject'"
            )
        }
        return points
    }

    /// Whether it can be closed.
    public var balances: Bool { openPoints.isEmpty }
}

extension Reconciliation {
    private enum CodingKeys: String, CodingKey {
        case consignment, states, unexpected, undecided, packed, withoutFaultReason, expected, balances, openPoints
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try values.decode(ConsignmentID.self, forKey: .consignment))
        let named = try values.decode([String: Int].self, forKey: .states)
        states = Dictionary(named.compactMap { name, count in UnitState(rawValue: name).map { ($0, count) } }) { first, _ in first }
        unexpected = try values.decode(Int.self, forKey: .unexpected)
        undecided = try values.decode(Int.self, forKey: .undecided)
        packed = try values.decode(Int.self, forKey: .packed)
        withoutFaultReason = try values.decode(Int.self, forKey: .withoutFaultReason)
    }

    /// With the sums and what is missing, for whoever reads it.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(consignment, forKey: .consignment)
        try values.encode(Dictionary(states.map { ($0.key.rawValue, $0.value) }) { first, _ in first }, forKey: .states)
        try values.encode(unexpected, forKey: .unexpected)
        try values.encode(undecided, forKey: .undecided)
        try values.encode(packed, forKey: .packed)
        try values.encode(withoutFaultReason, forKey: .withoutFaultReason)
        try values.encode(expected, forKey: .expected)
        try values.encode(balances, forKey: .balances)
        try values.encode(openPoints, forKey: .openPoints)
    }
}

extension UnitState {
    /// What a person does about a unit that keeps a consignment from being closed.
    var remedy: String {
        switch self {
        case .awaiting: "dock them, or declare them missing ('consignment missing')"
        case .inProgress: "wait for their sessions to end"
        case .held: "look at them ('consignment show --units held') and lift the hold ('consignment lift')"
        case .unknown: "dock them again, or let them go unproven ('consignment unproven')"
        case .swapped: "dock both units again"
        default: ""
        }
    }
}
