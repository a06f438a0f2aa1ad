/// How a bench takes loads in, packs and returns them.
public struct LogisticsConfig: Sendable, Equatable {
    /// By which SSCCs are made.
    public var companyPrefix: GS1CompanyPrefix
    /// Where the bench is; in EPCIS events read point, location and holder.
    public var location: GLN
    /// The URI below which the bench's own words, places and documents are named; ends with `/`.
    public var namespace: String
    /// SSCCs' extension digit, 0 to 9.
    public var ssccExtension: Int
    /// The serial reference of the first SSCC that this journal gives out.
    public var ssccFrom: Int
    /// Units in a carton.
    public var cartonCapacity: Int
    /// Cartons on a pallet.
    public var palletCapacity: Int
    /// The least that a return request may bring.
    public var minimumLoad: LoadUnit
    /// Whether units that no open consignment expects are held at docking.
    public var expectedOnly: Bool
    /// Where the EPCIS events of closed consignments are delivered; `nil` for nowhere.
    public var capture: CaptureTarget?
    /// The columns of the return record, in their order.
    public var returnColumns: [ReturnColumn]

    public init(
        companyPrefix: GS1CompanyPrefix, location: GLN, namespace: String, ssccExtension: Int = 0, ssccFrom: Int = 1,
        cartonCapacity: Int = 20, palletCapacity: Int = 40, minimumLoad: LoadUnit = .unit, expectedOnly: Bool = true,
        capture: CaptureTarget? = nil, returnColumns: [ReturnColumn] = ReturnColumn.all
    ) {
        self.capture = capture
        self.returnColumns = returnColumns
        self.companyPrefix = companyPrefix
        self.location = location
        self.namespace = namespace
        self.ssccExtension = ssccExtension
        self.ssccFrom = ssccFrom
        self.cartonCapacity = cartonCapacity
        self.palletCapacity = palletCapacity
        self.minimumLoad = minimumLoad
        self.expectedOnly = expectedOnly
    }
}

/// A carton or a pallet that the bench packs.
public struct PackageRecord: Hashable, Sendable, Codable {
    /// What it is called.
    public var sscc: SSCC
    /// Of which consignment.
    public var consignment: ConsignmentID
    /// `carton` or `pallet`.
    public var level: LoadUnit
    /// Whether it holds units of the fault-return process.
    public var isFaulty: Bool
    /// The number of the event that opened it.
    public var opened: EventNumber
    /// The number of the event that closed it.
    public var closed: EventNumber?
    /// The pallet that a carton stands on.
    public var pallet: Fact<SSCC>?
    /// Units in a carton, cartons on a pallet.
    public var count: Int

    public init(
        sscc: SSCC, consignment: ConsignmentID, level: LoadUnit, isFaulty: Bool, opened: EventNumber, closed: EventNumber?,
        pallet: Fact<SSCC>?, count: Int
    ) {
        self.sscc = sscc
        self.consignment = consignment
        self.level = level
        self.isFaulty = isFaulty
        self.opened = opened
        self.closed = closed
        self.pallet = pallet
        self.count = count
    }
}
