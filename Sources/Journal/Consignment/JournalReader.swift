public import BenchModel
internal import GRDB

/// What can be asked of the journal within one moment of it: all answers are of the same state.
public struct JournalReader {
    let database: Database

    /// One consignment; `nil` where there is none of this name.
    public func consignment(_ id: ConsignmentID) throws -> ConsignmentRecord? {
        try fetchOne("SELECT * FROM consignments WHERE id = ?", [id.name]).map { try ConsignmentRecord(row: $0) }
    }

    /// All consignments, the newest first.
    public func consignments() throws -> [ConsignmentRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM consignments ORDER BY opened DESC").map { try ConsignmentRecord(row: $0) }
    }

    /// The open consignment that has to do with a unit, with what it knows of it; `nil` where none does.
    public func openCase(of unit: EUI64) throws -> (consignment: ConsignmentRecord, unit: UnitCase)? {
        let row = try fetchOne(
            """
            SELECT c.* FROM consignment_units u JOIN consignments c ON c.id = u.consignment
            WHERE u.unit = ? AND c.closed IS NULL AND c.stage <> 'rejected' ORDER BY u.announced IS NULL, c.opened DESC LIMIT 1
            """, [unit.description])
        guard let consignment = try row.map({ try ConsignmentRecord(row: $0) }),
            let found = try self.unit(unit, of: consignment)
        else { return nil }
        return (consignment, found)
    }

    /// The open consignment whose notice has a carton or a pallet of this name, and how many units are announced in it.
    public func announced(_ container: String) throws -> (consignment: ConsignmentID, units: Int)? {
        let row = try fetchOne(
            """
            SELECT c.id, count(*) AS units FROM consignments c JOIN consignment_units u ON u.consignment = c.id
            WHERE c.closed IS NULL AND c.stage <> 'rejected' AND (u.carton = ?1 OR u.pallet = ?1) GROUP BY c.id LIMIT 1
            """, [container])
        let name: String? = try row?.decode(forColumn: "id")
        guard let id = name.flatMap({ ConsignmentID($0) }) else { return nil }
        return (id, try row?.decode(forColumn: "units") ?? 0)
    }

    /// The unit whose printed identity this is, in an open consignment.
    public func unit(printedAs gpfId: EUI64) throws -> EUI64? {
        try String.fetchOne(
            try database.cachedStatement(
                sql: """
                    SELECT u.unit FROM consignment_units u JOIN consignments c ON c.id = u.consignment
                    WHERE u.gpf = ? AND c.closed IS NULL AND c.stage <> 'rejected'
                    """), arguments: [gpfId.description]
        ).flatMap { EUI64($0) }
    }

    /// What a consignment knows of a unit; `nil` where it is none of its.
    public func unit(_ unit: EUI64, of consignment: ConsignmentRecord) throws -> UnitCase? {
        let decisions = try decisions(of: consignment.consignment)
        guard let row = try fetchOne(Self.units + " AND u.unit = ?", [consignment.consignment.name, unit.description]) else { return nil }
        var found = try UnitCase(row: row, consignment.consignment)
        found.decision = decisions.covering(found)
        found.sessions = try sessions(of: unit, in: consignment)
        return found
    }

    /// Some units of a consignment in the order of their CHF IDs, from after one on.
    public func units(of consignment: ConsignmentRecord, after: EUI64?, limit: Int) throws -> [UnitCase] {
        var units: [UnitCase] = []
        try eachUnit(of: consignment, after: after, limit: limit) { units.append($0) }
        return units
    }

    /// Calls `body` with each unit of a consignment, in the order of their CHF IDs; one at a time, however many there are.
    public func eachUnit(
        of consignment: ConsignmentRecord, after: EUI64? = nil, limit: Int = -1, _ body: (UnitCase) throws -> Void
    ) throws {
        let decisions = try decisions(of: consignment.consignment)
        let cursor = try Row.fetchCursor(
            try database.makeStatement(sql: Self.units + " AND u.unit > ? ORDER BY u.unit LIMIT ?"),
            arguments: [consignment.consignment.name, after?.description ?? "", limit])
        while let row = try cursor.next() {
            var unit = try UnitCase(row: row, consignment.consignment)
            unit.decision = decisions.covering(unit)
            unit.sessions = try sessions(of: unit.chfId, in: consignment)
            try body(unit)
        }
    }

    /// How the units of a consignment add up. Of a closed one that was recorded when it was closed, and nothing has changed since but what is
    /// packed: on a bench of years most are closed, and none of their units is looked at.
    public func reconciliation(of consignment: ConsignmentRecord) throws -> Reconciliation {
        guard let closed = try consignment.closed.flatMap({ try event($0) }),
            case .consignmentClosed(let said)? = try ConsignmentEvent(closed), let withoutFaultReason = said.withoutFaultReason,
            // What became of such a unit may still be found out.
            said.states[UnitState.returnedUnproven.rawValue] == nil
        else { return try countedReconciliation(of: consignment) }
        var sum = Reconciliation(consignment.consignment)
        for (state, count) in said.states { if let state = UnitState(rawValue: state) { sum.states[state] = count } }
        (sum.unexpected, sum.withoutFaultReason) = (said.unexpected, withoutFaultReason)
        let packed = "SELECT count(*) FROM consignment_units WHERE consignment = ? AND packed IS NOT NULL"
        sum.packed = try Int.fetchOne(try database.cachedStatement(sql: packed), arguments: [consignment.consignment.name]) ?? 0
        return sum
    }

    /// The same, from each unit.
    public func countedReconciliation(of consignment: ConsignmentRecord) throws -> Reconciliation {
        var sum = Reconciliation(consignment.consignment)
        try eachUnit(of: consignment) { sum.add($0) }
        return sum
    }

    private static let units = "SELECT * FROM consignment_units u WHERE u.consignment = ?"

    private func sessions(of unit: EUI64, in consignment: ConsignmentRecord) throws -> [SessionRecord] {
        let query = "SELECT \(SessionRecord.columns) FROM sessions WHERE unit = ? AND id > ? AND id < ? ORDER BY id"
        let arguments: StatementArguments = [unit.description, consignment.opened, consignment.closed ?? .max]
        return try SessionRecord.all(try database.cachedStatement(sql: query), arguments: arguments)
    }

    private func decisions(of consignment: ConsignmentID) throws -> [Fact<IntakeDecision>] {
        let query = try database.cachedStatement(sql: "SELECT * FROM intake_decisions WHERE consignment = ? ORDER BY event")
        return try Row.fetchAll(query, arguments: [consignment.name]).map { row in
            let (part, code): (String, String?) = (try row.decode(forColumn: "part"), try row.decode(forColumn: "code"))
            let decision = IntakeDecision(
                part: LoadPart(part) ?? .load, code: code.map { IntakeCode(rawValue: $0) ?? .other },
                text: try row.decode(forColumn: "text"))
            return Fact(event: try row.decode(forColumn: "event"), value: decision)
        }
    }

    // MARK: Packages

    /// One carton or pallet of the bench's own.
    public func package(_ sscc: SSCC) throws -> PackageRecord? {
        try fetchOne("SELECT * FROM packages WHERE sscc = ?", [sscc.digits]).map { try PackageRecord(row: $0, self) }
    }

    /// The pallet that a carton stands on.
    public func pallet(under carton: SSCC) throws -> SSCC? {
        try String.fetchOne(
            try database.cachedStatement(sql: "SELECT pallet FROM packages WHERE sscc = ?"), arguments: [carton.digits]
        ).flatMap { SSCC($0) }
    }

    /// A consignment's cartons and pallets, in the order in which they were opened.
    public func packages(of consignment: ConsignmentID) throws -> [PackageRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM packages WHERE consignment = ? ORDER BY opened", arguments: [consignment.name])
            .map { try PackageRecord(row: $0, self) }
    }

    /// The units in a carton, in the order in which they were packed.
    public func units(in carton: SSCC) throws -> [EUI64] {
        try String.fetchAll(
            database, sql: "SELECT unit FROM consignment_units WHERE packedIn = ? ORDER BY packed", arguments: [carton.digits]
        ).compactMap { EUI64($0) }
    }

    /// The cartons on a pallet, in the order in which they were put there.
    public func cartons(on pallet: SSCC) throws -> [SSCC] {
        try String.fetchAll(database, sql: "SELECT sscc FROM packages WHERE pallet = ? ORDER BY stacked", arguments: [pallet.digits])
            .compactMap { SSCC($0) }
    }

    /// Cartons and pallets that were ever opened, of all consignments.
    public func packageCount() throws -> Int {
        let sum = "SELECT (SELECT count(*) FROM packages) + (SELECT coalesce(sum(packages), 0) FROM archives)"
        return try Int.fetchOne(try database.cachedStatement(sql: sum)) ?? 0
    }

    fileprivate func count(in package: SSCC, _ level: LoadUnit) throws -> Int {
        let query =
            level == .carton
            ? "SELECT count(*) FROM consignment_units WHERE packedIn = ?" : "SELECT count(*) FROM packages WHERE pallet = ?"
        return try Int.fetchOne(try database.cachedStatement(sql: query), arguments: [package.digits]) ?? 0
    }

    // MARK: Scans, slots and the register

    /// The event of a scan that was recorded.
    public func scan(_ id: String) throws -> EventRecord? {
        try fetchOne("SELECT e.* FROM scans s JOIN events e ON e.number = s.event WHERE s.scan = ?", [id]).map { try EventRecord(row: $0) }
    }

    /// The number that the next event gets, of those that are stored in this transaction.
    public func nextNumber() throws -> EventNumber { try (EventNumber.fetchOne(database, sql: "SELECT MAX(number) FROM events") ?? 0) + 1 }

    /// Whether a session runs in a slot.
    public func runsSession(in slot: SlotID) throws -> Bool {
        try fetchOne("SELECT 1 FROM sessions WHERE verdict IS NULL AND slot = ?", [slot.label]) != nil
    }

    /// The unit that was scanned into a slot and has not been seen there since.
    public func binding(of slot: SlotID) throws -> Fact<EUI64>? {
        guard let row = try fetchOne("SELECT * FROM slot_bindings WHERE slot = ?", [slot.label]) else { return nil }
        let text: String = try row.decode(forColumn: "unit")
        let event: EventNumber = try row.decode(forColumn: "event")
        return EUI64(text).map { Fact(event: event, value: $0) }
    }

    /// The unit whose session was the last one in a slot since a unit was docked there; `nil` where the slot is empty or that is not known.
    public func unit(in slot: SlotID) throws -> EUI64? {
        let query = """
            SELECT s.unit FROM slots p JOIN sessions s ON s.id = p.lastSession WHERE p.slot = ? AND p.isDocked = 1 AND s.unit IS NOT NULL
            """
        return try String.fetchOne(try database.cachedStatement(sql: query), arguments: [slot.label]).flatMap { EUI64($0) }
    }

    /// The units that were scanned into slots and have not been served there.
    public func bindings() throws -> [(slot: SlotID, unit: EUI64)] {
        try Row.fetchAll(database, sql: "SELECT * FROM slot_bindings ORDER BY slot").compactMap { row in
            let (slot, unit): (String, String) = (try row.decode(forColumn: "slot"), try row.decode(forColumn: "unit"))
            return SlotID(slot).flatMap { slot in EUI64(unit).map { (slot, $0) } }
        }
    }

    /// What the register says of a unit: whose it is and where that party takes deliveries; `nil` where it is not in it.
    public func registered(_ unit: EUI64) throws -> (serviceUser: String, locations: [String])? {
        let row = try fetchOne("SELECT r.* FROM register_in_use u JOIN register r ON r.file = u.file WHERE r.unit = ?", [unit.description])
        guard let row else { return nil }
        let locations: String = try row.decode(forColumn: "locations")
        return (try row.decode(forColumn: "serviceUser"), try JSONText.decode(locations, as: [String].self))
    }

    /// Whether there is a register at all.
    public func hasRegister() throws -> Bool {
        try Bool.fetchOne(try database.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM register_in_use)")) ?? false
    }

    // MARK: Events

    /// One event.
    public func event(_ number: EventNumber) throws -> EventRecord? {
        try fetchOne("SELECT * FROM events WHERE number = ?", [number]).map { try EventRecord(row: $0) }
    }

    /// The event by which an event was corrected; `nil` where it counts.
    public func correction(of number: EventNumber) throws -> EventNumber? {
        try EventNumber.fetchOne(
            try database.cachedStatement(sql: "SELECT correctedBy FROM corrections WHERE event = ?"), arguments: [number])
    }

    /// Some events of a consignment, oldest first, from after one on.
    public func events(of consignment: ConsignmentID, after number: EventNumber, limit: Int) throws -> [EventRecord] {
        let query = try database.cachedStatement(
            sql: """
                SELECT e.* FROM consignment_events c JOIN events e ON e.number = c.event
                WHERE c.consignment = ? AND c.event > ? ORDER BY c.event LIMIT ?
                """)
        return try Row.fetchAll(query, arguments: [consignment.name, number, limit]).map { try EventRecord(row: $0) }
    }

    /// The newest event of a consignment.
    public func lastEvent(of consignment: ConsignmentID) throws -> EventRecord? {
        try fetchOne(
            """
            SELECT e.* FROM consignment_events c JOIN events e ON e.number = c.event WHERE c.consignment = ? ORDER BY c.event DESC LIMIT 1
            """, [consignment.name]
        ).map { try EventRecord(row: $0) }
    }

    private func fetchOne(_ sql: String, _ arguments: StatementArguments) throws -> Row? {
        try Row.fetchOne(try database.cachedStatement(sql: sql), arguments: arguments)
    }
}

extension [Fact<IntakeDecision>] {
    /// The decision that says the most of a unit: of the most precise ones the last.
    fileprivate func covering(_ unit: UnitCase) -> Fact<IntakeDecision>? {
        self.filter { fact in
            switch fact.value.part {
            case .load: true
            case .pallet(let name): unit.pallet == name
            case .carton(let name): unit.carton == name
            case .unit(let id): unit.chfId == id
            }
        }
        .max { ($0.value.part.precision, $0.event) < ($1.value.part.precision, $1.event) }
    }
}

extension ConsignmentRecord {
    fileprivate init(row: Row) throws {
        let payload: String = try row.decode(forColumn: "request")
        let request = try JSONText.decode(payload, as: ConsignmentEvent.ReturnRequested.self)
        let stage: String = try row.decode(forColumn: "stage")
        self.init(
            consignment: request.consignment, kind: request.kind, serviceUser: request.serviceUser, returnTo: request.returnTo,
            reference: request.reference, units: request.units, stage: ConsignmentStage(rawValue: stage) ?? .requested,
            opened: try row.decode(forColumn: "opened"), openedAt: try row.decode(forColumn: "openedAt"),
            closed: try row.decode(forColumn: "closed"), counted: try row.decode(forColumn: "counted"))
    }
}

extension UnitCase {
    fileprivate init(row: Row, _ consignment: ConsignmentID) throws {
        let unit: String = try row.decode(forColumn: "unit")
        guard let chfId = EUI64(unit) else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(unit)' is no CHF ID") }
        self.init(consignment: consignment, chfId: chfId, announced: try row.decode(forColumn: "announced"))
        let gpf: String? = try row.decode(forColumn: "gpf")
        gpfId = gpf.flatMap { EUI64($0) }
        carton = try row.decode(forColumn: "carton")
        pallet = try row.decode(forColumn: "pallet")
        scanned = try row.decode(forColumn: "scanned")
        hold = try row.fact("hold", "holdReason") { HoldReason(rawValue: $0) }
        missing = try row.decode(forColumn: "missing")
        unproven = try row.fact("unproven", "unprovenReason") { $0 }
        fault = try row.fact("fault", "faultReason") { FaultReason(rawValue: $0) }
        packed = try row.fact("packed", "packedIn") { SSCC($0) }
    }
}

extension Row {
    fileprivate func fact<Value>(_ event: String, _ value: String, _ read: (String) -> Value?) throws -> Fact<Value>? {
        let number: EventNumber? = try decode(forColumn: event)
        let text: String? = try decode(forColumn: value)
        guard let number, let value = text.flatMap(read) else { return nil }
        return Fact(event: number, value: value)
    }
}

extension PackageRecord {
    fileprivate init(row: Row, _ reader: JournalReader) throws {
        let digits: String = try row.decode(forColumn: "sscc")
        let name: String = try row.decode(forColumn: "consignment")
        guard let sscc = SSCC(digits), let consignment = ConsignmentID(name) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(digits)' of '\(name)' is no package")
        }
        let level: String = try row.decode(forColumn: "level")
        let kind: LoadUnit = level == LoadUnit.pallet.rawValue ? .pallet : .carton
        self.init(
            sscc: sscc, consignment: consignment, level: kind, isFaulty: try row.decode(forColumn: "isFaulty"),
            opened: try row.decode(forColumn: "opened"), closed: try row.decode(forColumn: "closed"),
            pallet: try row.fact("stacked", "pallet") { SSCC($0) }, count: try reader.count(in: sscc, kind))
    }
}
