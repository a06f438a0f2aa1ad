public import BenchModel

// What is recorded with each event of a consignment. The keys are stable: records are made from them years later.

extension ConsignmentEvent {
    /// Payload of what needs no more than a text: `return-accepted`, `return-rejected`, `unit-admitted`, `load-taken-in`, `hold-lifted`,
    /// `unit-missing`, `unit-returned-unproven` and `consignment-received`.
    public struct Note: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Why, or by whom.
        public var text: String?
        /// Who says so.
        public var by: Operator
        public init(_ consignment: ConsignmentID, text: String?, by: Operator) {
            self.consignment = consignment
            self.text = text
            self.by = by
        }
    }

    /// Payload of `return-requested`.
    public struct ReturnRequested: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Why its units come.
        public var kind: ConsignmentKind
        /// Whose units they are.
        public var serviceUser: Party
        /// Where they go back to.
        public var returnTo: String
        /// The Service User's own reference.
        public var reference: String?
        /// How they will be packed.
        public var load: LoadUnit
        /// So many units.
        public var units: Int?
        /// Who recorded it.
        public var by: Operator
        public init(
            consignment: ConsignmentID, kind: ConsignmentKind, serviceUser: Party, returnTo: String, reference: String?, load: LoadUnit,
            units: Int?, by: Operator
        ) {
            self.consignment = consignment
            self.kind = kind
            self.serviceUser = serviceUser
            self.returnTo = returnTo
            self.reference = reference
            self.load = load
            self.units = units
            self.by = by
        }
    }

    /// Payload of `notice-imported`.
    public struct NoticeImported: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// SHA-256 of the file.
        public var file: SHA256Value
        /// Units in it.
        public var units: Int
        /// Cartons in it.
        public var cartons: Int
        /// Pallets in it.
        public var pallets: Int
        /// Who brought it.
        public var by: Operator
        public init(consignment: ConsignmentID, file: SHA256Value, units: Int, cartons: Int, pallets: Int, by: Operator) {
            self.consignment = consignment
            self.file = file
            self.units = units
            self.cartons = cartons
            self.pallets = pallets
            self.by = by
        }
    }

    /// Payload of `unit-announced`.
    public struct UnitAnnounced: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// The identity that is printed on the unit, where that is another than its CHF ID.
        public var gpfId: EUI64?
        /// The carton in which it comes.
        public var carton: String?
        /// The pallet on which it comes.
        public var pallet: String?
        public init(consignment: ConsignmentID, gpfId: EUI64?, carton: String?, pallet: String?) {
            self.consignment = consignment
            self.gpfId = gpfId
            self.carton = carton
            self.pallet = pallet
        }
    }

    /// Payload of `load-delivered`.
    public struct LoadDelivered: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Units that were counted.
        public var counted: Int?
        /// Who brought it.
        public var carrier: String?
        /// Who took it.
        public var by: Operator
        public init(consignment: ConsignmentID, counted: Int?, carrier: String?, by: Operator) {
            self.consignment = consignment
            self.counted = counted
            self.carrier = carrier
            self.by = by
        }
    }

    /// Payload of `intake-decided`.
    public struct IntakeDecided: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// What was decided.
        public var decision: IntakeDecision
        /// Who decided it; the register's answers are recorded for whoever asked for them.
        public var by: Operator
        public init(consignment: ConsignmentID, decision: IntakeDecision, by: Operator) {
            self.consignment = consignment
            self.decision = decision
            self.by = by
        }
    }

    /// Payload of `scanned`.
    public struct Scanned: Codable, Sendable {
        /// The consignment; `nil` where no open one has to do with it.
        public var consignment: ConsignmentID?
        /// The scanner's own number of the scan: it is recorded once, however often it is sent.
        public var scan: String
        /// What was read.
        public var code: String
        /// The scanning place.
        public var station: String
        /// Who scanned, by the card that was scanned before; `nil` where none was.
        public var operatorCard: String?
        /// What it was answered with, one of ``ScanVerdict``'s words.
        public var verdict: String
        /// The same in a sentence.
        public var message: String
        /// The carton that is being filled.
        public var carton: SSCC?
        /// Who sent it.
        public var by: Operator
        public init(
            consignment: ConsignmentID?, scan: String, code: String, station: String, operatorCard: String?, verdict: String,
            message: String, carton: SSCC?, by: Operator
        ) {
            self.message = message
            self.carton = carton
            self.consignment = consignment
            self.scan = scan
            self.code = code
            self.station = station
            self.operatorCard = operatorCard
            self.verdict = verdict
            self.by = by
        }
    }

    /// Payload of `unit-bound`: the unit was scanned into the event's slot.
    public struct UnitBound: Codable, Sendable {
        /// The consignment; `nil` where none expects the unit.
        public var consignment: ConsignmentID?
        /// Who scanned it.
        public var by: Operator
        public init(consignment: ConsignmentID?, by: Operator) {
            self.consignment = consignment
            self.by = by
        }
    }

    /// Payload of `unit-held`.
    public struct UnitHeld: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Why.
        public var reason: HoldReason
        /// More about it.
        public var text: String?
        /// Who says so; `nil` where the bench itself does.
        public var by: Operator?
        public init(consignment: ConsignmentID, reason: HoldReason, text: String?, by: Operator?) {
            self.consignment = consignment
            self.reason = reason
            self.text = text
            self.by = by
        }
    }

    /// Payload of `fault-confirmed`.
    public struct FaultConfirmed: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Why it leaves by the fault-return process.
        public var reason: FaultReason
        /// More about it.
        public var text: String?
        /// Who confirmed it.
        public var by: Operator
        public init(consignment: ConsignmentID, reason: FaultReason, text: String?, by: Operator) {
            self.consignment = consignment
            self.reason = reason
            self.text = text
            self.by = by
        }
    }

    /// Payload of `package-opened`.
    public struct PackageOpened: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// What it is called.
        public var sscc: SSCC
        /// `carton` or `pallet`.
        public var level: LoadUnit
        /// Whether it holds units of the fault-return process.
        public var isFaulty: Bool
        /// Who packs.
        public var by: Operator
        public init(consignment: ConsignmentID, sscc: SSCC, level: LoadUnit, isFaulty: Bool, by: Operator) {
            self.consignment = consignment
            self.sscc = sscc
            self.level = level
            self.isFaulty = isFaulty
            self.by = by
        }
    }

    /// Payload of `package-closed` and `unit-packed`.
    public struct Package: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// The carton or pallet.
        public var sscc: SSCC
        /// Who packs.
        public var by: Operator
        public init(consignment: ConsignmentID, sscc: SSCC, by: Operator) {
            self.consignment = consignment
            self.sscc = sscc
            self.by = by
        }
    }

    /// Payload of `carton-stacked`.
    public struct CartonStacked: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// The carton.
        public var carton: SSCC
        /// The pallet.
        public var pallet: SSCC
        /// Who packs.
        public var by: Operator
        public init(consignment: ConsignmentID, carton: SSCC, pallet: SSCC, by: Operator) {
            self.consignment = consignment
            self.carton = carton
            self.pallet = pallet
            self.by = by
        }
    }

    /// Payload of `consignment-closed`.
    public struct ConsignmentClosed: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Units in each state.
        public var states: [String: Int]
        /// Units that came unexpected.
        public var unexpected: Int
        /// Faulty units without a confirmed fault reason; `nil` in records from before this was said here.
        public var withoutFaultReason: Int?
        /// Who closed it.
        public var by: Operator
        public init(consignment: ConsignmentID, states: [String: Int], unexpected: Int, withoutFaultReason: Int, by: Operator) {
            self.withoutFaultReason = withoutFaultReason
            self.consignment = consignment
            self.states = states
            self.unexpected = unexpected
            self.by = by
        }
    }

    /// Payload of `consignment-shipped`.
    public struct ConsignmentShipped: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// Who takes it.
        public var carrier: String?
        /// The carrier's reference, or the despatch advice's.
        public var reference: String?
        /// Who sent it off.
        public var by: Operator
        public init(consignment: ConsignmentID, carrier: String?, reference: String?, by: Operator) {
            self.consignment = consignment
            self.carrier = carrier
            self.reference = reference
            self.by = by
        }
    }

    /// Payload of `event-corrected`.
    public struct EventCorrected: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// The number of the event that does not count.
        public var event: EventNumber
        /// Why.
        public var reason: String
        /// Who says so.
        public var by: Operator
        public init(consignment: ConsignmentID, event: EventNumber, reason: String, by: Operator) {
            self.consignment = consignment
            self.event = event
            self.reason = reason
            self.by = by
        }
    }

    /// Payload of `register-imported`.
    public struct RegisterImported: Codable, Sendable {
        /// SHA-256 of the file.
        public var file: SHA256Value
        /// Units in it.
        public var units: Int
        /// Who brought it.
        public var by: Operator
        public init(file: SHA256Value, units: Int, by: Operator) {
            self.file = file
            self.units = units
            self.by = by
        }
    }
}
