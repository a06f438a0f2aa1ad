public import BenchModel

/// A consignment as the API gives it.
public struct ConsignmentStatus: Codable, Sendable, Hashable {
    /// The consignment.
    public var consignment: ConsignmentRecord
    /// How its units add up.
    public var reconciliation: Reconciliation
    /// Its cartons and pallets.
    public var packages: [PackageRecord]

    public init(consignment: ConsignmentRecord, reconciliation: Reconciliation, packages: [PackageRecord]) {
        self.consignment = consignment
        self.reconciliation = reconciliation
        self.packages = packages
    }
}

/// A unit of a consignment as the API gives it.
public struct ConsignmentUnit: Codable, Sendable, Hashable {
    /// Everything on which its state rests.
    public var unit: UnitCase
    /// What became of it.
    public var state: UnitState
    /// The fault reason that its failure speaks for, for a person to confirm.
    public var proposedFault: FaultReason?

    public init(_ unit: UnitCase) {
        self.unit = unit
        state = unit.state
        proposedFault = unit.proposedFault
    }
}

/// How far a consignment is delivered to the partner's capture endpoint, as the API gives it.
public struct DeliveryStatus: Codable, Sendable, Hashable {
    /// How far it is.
    public var state: CaptureState
    /// What stands in the way; `nil` where nothing is known to.
    public var problem: CaptureProblem?

    public init(_ state: CaptureState, problem: CaptureProblem?) {
        self.state = state
        self.problem = problem
    }
}

/// A line of a table that can't be taken in.
public struct TableProblem: Codable, Sendable, Hashable {
    /// Counted from 1.
    public var line: Int
    /// What was expected and what was found.
    public var problem: String

    public init(line: Int, problem: String) {
        self.line = line
        self.problem = problem
    }
}

/// What a table would do, or has done.
public struct TableAnswer: Codable, Sendable, Hashable {
    /// Whether it was only looked at.
    public var dryRun: Bool
    /// Units in it.
    public var units: Int
    /// Cartons in it.
    public var cartons: Int
    /// Pallets in it.
    public var pallets: Int
    /// Every line that is wrong; empty where all of it is well. Where it is not, nothing was taken in.
    public var problems: [TableProblem]

    public init(dryRun: Bool, units: Int, cartons: Int = 0, pallets: Int = 0, problems: [TableProblem]) {
        self.dryRun = dryRun
        self.units = units
        self.cartons = cartons
        self.pallets = pallets
        self.problems = problems
    }
}

/// The body of `POST /v1/consignments`.
public struct ConsignmentRequest: Codable, Sendable, Hashable {
    /// Its name.
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

    public init(
        consignment: ConsignmentID, kind: ConsignmentKind, serviceUser: Party, returnTo: String, reference: String?, load: LoadUnit,
        units: Int?
    ) {
        self.consignment = consignment
        self.kind = kind
        self.serviceUser = serviceUser
        self.returnTo = returnTo
        self.reference = reference
        self.load = load
        self.units = units
    }
}

/// The body of `POST /v1/consignments/{consignment}/{order}`; each order takes of it what it needs.
public struct ConsignmentOrder: Codable, Sendable, Hashable {
    /// Why, or more about it.
    public var text: String?
    /// The unit that is meant.
    public var unit: EUI64?
    /// The part of the load that is meant.
    public var part: LoadPart?
    /// Why a part is rejected; `nil` where it is accepted.
    public var code: IntakeCode?
    /// Why a unit leaves by the fault-return process.
    public var fault: FaultReason?
    /// The event that is to be corrected.
    public var event: EventNumber?
    /// Units that were counted.
    public var counted: Int?
    /// Who brings or takes it.
    public var carrier: String?
    /// The carrier's reference.
    public var reference: String?

    public init() {}
}

/// The body of `POST /v1/consignments/{consignment}/packages`.
public struct PackageOrder: Codable, Sendable, Hashable {
    /// `carton` or `pallet`.
    public var level: LoadUnit
    /// Whether it is for units of the fault-return process.
    public var isFaulty: Bool

    public init(level: LoadUnit, isFaulty: Bool) {
        self.level = level
        self.isFaulty = isFaulty
    }
}

/// The body of `POST /v1/packages/{sscc}/{order}`: what is put into it.
public struct PackingOrder: Codable, Sendable, Hashable {
    /// A unit for a carton.
    public var unit: EUI64?
    /// A carton for a pallet.
    public var carton: SSCC?

    public init(unit: EUI64? = nil, carton: SSCC? = nil) {
        self.unit = unit
        self.carton = carton
    }
}

/// A carton or a pallet with what is in it.
public struct PackageContents: Codable, Sendable, Hashable {
    /// The carton or pallet.
    public var package: PackageRecord
    /// The units in a carton.
    public var units: [EUI64]
    /// The cartons on a pallet.
    public var cartons: [SSCC]

    public init(package: PackageRecord, units: [EUI64], cartons: [SSCC]) {
        self.package = package
        self.units = units
        self.cartons = cartons
    }
}
