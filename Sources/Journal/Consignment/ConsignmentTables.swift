internal import BenchModel
internal import GRDB

/// Consignments, their units and their packages as tables, and how events change them.
///
/// A fact of a unit (held, missing, packed, …) is the number of the event that says so; it is there once, and goes when that event is
/// corrected. So a correction leaves exactly what would be there without the event.
enum ConsignmentTables {
    static let creation = """
        CREATE TABLE consignments (
            id TEXT PRIMARY KEY, opened INTEGER NOT NULL, openedAt TEXT NOT NULL, request TEXT NOT NULL, stage TEXT NOT NULL,
            closed INTEGER, counted INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE consignment_units (
            consignment TEXT NOT NULL, unit TEXT NOT NULL, gpf TEXT, carton TEXT, pallet TEXT, announced INTEGER, scanned INTEGER,
            hold INTEGER, holdReason TEXT, missing INTEGER, unproven INTEGER, unprovenReason TEXT, fault INTEGER, faultReason TEXT,
            packed INTEGER, packedIn TEXT, PRIMARY KEY (consignment, unit)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX consignment_units_by_unit ON consignment_units (unit);
        CREATE INDEX consignment_units_by_gpf ON consignment_units (gpf) WHERE gpf IS NOT NULL;
        CREATE INDEX consignment_units_by_package ON consignment_units (packedIn) WHERE packedIn IS NOT NULL;
        CREATE TABLE intake_decisions (
            event INTEGER PRIMARY KEY, consignment TEXT NOT NULL, part TEXT NOT NULL, code TEXT, text TEXT
        ) STRICT;
        CREATE INDEX intake_decisions_by_consignment ON intake_decisions (consignment);
        CREATE TABLE packages (
            sscc TEXT PRIMARY KEY, consignment TEXT NOT NULL, level TEXT NOT NULL, isFaulty INTEGER NOT NULL, opened INTEGER NOT NULL,
            closed INTEGER, pallet TEXT, stacked INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX packages_by_consignment ON packages (consignment);
        CREATE INDEX packages_by_pallet ON packages (pallet) WHERE pallet IS NOT NULL;
        CREATE TABLE consignment_events (
            consignment TEXT NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (consignment, event)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE corrections (event INTEGER PRIMARY KEY, correctedBy INTEGER NOT NULL) STRICT;
        CREATE TABLE scans (scan TEXT PRIMARY KEY, event INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE slot_bindings (slot TEXT PRIMARY KEY, unit TEXT NOT NULL, event INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE register (
            file TEXT NOT NULL, unit TEXT NOT NULL, serviceUser TEXT NOT NULL, locations TEXT NOT NULL, PRIMARY KEY (file, unit)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE register_in_use (file TEXT NOT NULL, units INTEGER NOT NULL) STRICT;
        """

    /// Empties what is made of events. The register's rows are not: they are
    /// a party's own table, of which the journal has the hash.
    static func empty(_ database: Database) throws {
        let tables = [
            "consignments", "consignment_units", "intake_decisions", "packages", "consignment_events", "corrections", "scans",
            "slot_bindings", "register_in_use", "captures", "archives", "archived_consignments",
        ]
        for table in tables { try database.execute(sql: "DELETE FROM \(table)") }
    }

    static func apply(_ event: EventFields, _ database: Database) throws {
        switch event.kind {
        case "outcome", "session-started", "session-settled":
            // The unit that was scanned into the slot has been served; or in another one, whatever the scan said. A scan since then is news.
            if event.kind == "outcome" {
                try database.run(
                    "DELETE FROM slot_bindings WHERE slot = ? OR (unit = ? AND event < ?)", [event.slot, event.unit, event.session])
            }
            if event.kind == "session-started" {
                try database.run("DELETE FROM slot_bindings WHERE unit = ? AND slot <> ?", [event.unit, event.slot])
            }
            // For what is exported of a consignment, its sessions' events are the consignment's.
            guard let unit = event.unit else { return }
            try database.run(
                """
                INSERT INTO consignment_events SELECT u.consignment, ? FROM consignment_units u JOIN consignments c ON c.id = u.consignment
                WHERE u.unit = ? AND c.closed IS NULL AND c.stage <> 'rejected'
                """, [event.number, unit])
        case "unit-removed":
            try database.run("DELETE FROM slot_bindings WHERE slot = ?", [event.slot])
        case "unit-announced", "unit-packed":
            try database.run("INSERT INTO consignment_events VALUES (?1 ->> '$.consignment', ?2)", [event.payload, event.number])
            try applyToUnit(event, database)
        default:
            guard let said = try ConsignmentEvent(kind: event.kind, payload: event.payload) else { return }
            if let consignment = said.consignment {
                try database.run("INSERT INTO consignment_events VALUES (?, ?)", [consignment.name, event.number])
            }
            try apply(said, event, database)
        }
    }

    /// What there is for each unit: SQLite reads the payload itself, several times as fast as a decoder.
    private static func applyToUnit(_ event: EventFields, _ database: Database) throws {
        if event.kind == "unit-announced" {
            try database.run(
                """
                INSERT INTO consignment_units (consignment, unit, announced, gpf, carton, pallet)
                VALUES (?1 ->> '$.consignment', ?2, ?3, ?1 ->> '$.gpfId', ?1 ->> '$.carton', ?1 ->> '$.pallet')
                ON CONFLICT DO UPDATE SET announced = excluded.announced, gpf = excluded.gpf, carton = excluded.carton, pallet = excluded.pallet
                """, [event.payload, event.unit, event.number])
        } else {
            try database.run(
                """
                UPDATE consignment_units SET packed = ?3, packedIn = ?1 ->> '$.sscc' WHERE consignment = ?1 ->> '$.consignment' AND unit = ?2
                """, [event.payload, event.unit, event.number])
        }
    }

    private static func apply(_ said: ConsignmentEvent, _ event: EventFields, _ database: Database) throws {
        let number = event.number
        switch said {
        case .returnRequested(let request):
            try database.run(
                "INSERT INTO consignments (id, opened, openedAt, request, stage) VALUES (?, ?, ?, ?, 'requested')",
                [request.consignment.name, number, event.utc, event.payload])
        case .returnAccepted(let note): try stage(.accepted, note.consignment, database)
        case .returnRejected(let note): try stage(.rejected, note.consignment, database)
        case .loadTakenIn(let note): try stage(.takenIn, note.consignment, database)
        case .consignmentShipped(let shipped): try stage(.shipped, shipped.consignment, database)
        case .consignmentReceived(let note): try stage(.received, note.consignment, database)
        case .loadDelivered(let delivered):
            try stage(.delivered, delivered.consignment, database)
            try database.run("UPDATE consignments SET counted = ? WHERE id = ?", [delivered.counted, delivered.consignment.name])
        case .consignmentClosed(let closed):
            try stage(.closed, closed.consignment, database)
            try database.run("UPDATE consignments SET closed = ? WHERE id = ?", [number, closed.consignment.name])
        // The last two are read by SQLite.
        case .noticeImported, .unitAnnounced, .unitPacked: break
        case .registerImported(let register):
            try database.run("DELETE FROM register_in_use", [])
            try database.run("INSERT INTO register_in_use VALUES (?, ?)", [register.file.description, register.units])
        case .unitAdmitted(let note): try set("announced = ?", [number], note.consignment, event, database)
        case .intakeDecided(let decided):
            if case .unit = decided.decision.part { try addUnit(decided.consignment, event, database) }
            try database.run(
                "INSERT INTO intake_decisions (event, consignment, part, code, text) VALUES (?, ?, ?, ?, ?)",
                [
                    number, decided.consignment.name, decided.decision.part.description, decided.decision.code?.rawValue,
                    decided.decision.text,
                ])
        case .scanned(let scan):
            try database.run("INSERT INTO scans VALUES (?, ?)", [scan.scan, number])
            guard let consignment = scan.consignment, event.unit != nil else { return }
            try addUnit(consignment, event, database)
            try set("scanned = coalesce(scanned, ?)", [number], consignment, event, database)
        case .unitBound:
            // A unit is in one place.
            try database.run("DELETE FROM slot_bindings WHERE unit = ?", [event.unit])
            try database.run("INSERT OR REPLACE INTO slot_bindings VALUES (?, ?, ?)", [event.slot, event.unit, number])
        case .unitHeld(let held):
            try addUnit(held.consignment, event, database)
            try set("hold = ?, holdReason = ?", [number, held.reason.rawValue], held.consignment, event, database)
        case .holdLifted(let note): try set("hold = NULL, holdReason = NULL", [], note.consignment, event, database)
        case .unitMissing(let note): try set("missing = ?", [number], note.consignment, event, database)
        case .unitReturnedUnproven(let note):
            try set("unproven = ?, unprovenReason = ?", [number, note.text], note.consignment, event, database)
        case .faultConfirmed(let fault):
            try set("fault = ?, faultReason = ?", [number, fault.reason.rawValue], fault.consignment, event, database)
        case .packageOpened(let package):
            try database.run(
                "INSERT INTO packages (sscc, consignment, level, isFaulty, opened) VALUES (?, ?, ?, ?, ?)",
                [package.sscc.digits, package.consignment.name, package.level.rawValue, package.isFaulty, number])
        case .packageClosed(let package):
            try database.run("UPDATE packages SET closed = ? WHERE sscc = ?", [number, package.sscc.digits])
        case .cartonStacked(let stacked):
            try database.run(
                "UPDATE packages SET pallet = ?, stacked = ? WHERE sscc = ?", [stacked.pallet.digits, number, stacked.carton.digits])
        case .eventCorrected(let corrected): try undo(corrected, by: number, database)
        }
    }

    /// What an event has set goes with it.
    private static func undo(_ corrected: ConsignmentEvent.EventCorrected, by number: EventNumber, _ database: Database) throws {
        try database.run("INSERT INTO corrections VALUES (?, ?)", [corrected.event, number])
        try database.run("DELETE FROM intake_decisions WHERE event = ?", [corrected.event])
        try database.run("DELETE FROM slot_bindings WHERE event = ?", [corrected.event])
        try database.run("UPDATE packages SET closed = NULL WHERE closed = ?", [corrected.event])
        try database.run("UPDATE packages SET pallet = NULL, stacked = NULL WHERE stacked = ?", [corrected.event])
        let unit = try String.fetchOne(database, sql: "SELECT unit FROM events WHERE number = ?", arguments: [corrected.event])
        guard let unit else { return }
        for (fact, others) in facts {
            let also = others.map { ", \($0) = NULL" } ?? ""
            try database.run(
                "UPDATE consignment_units SET \(fact) = NULL\(also) WHERE consignment = ? AND unit = ? AND \(fact) = ?",
                [corrected.consignment.name, unit, corrected.event])
        }
    }

    /// The columns that hold an event's number, each with the one that holds what it says.
    private static let facts: [(String, String?)] = [
        ("announced", nil), ("scanned", nil), ("hold", "holdReason"), ("missing", nil), ("unproven", "unprovenReason"),
        ("fault", "faultReason"), ("packed", "packedIn"),
    ]

    private static func stage(_ stage: ConsignmentStage, _ consignment: ConsignmentID, _ database: Database) throws {
        try database.run("UPDATE consignments SET stage = ? WHERE id = ?", [stage.rawValue, consignment.name])
    }

    private static func addUnit(_ consignment: ConsignmentID, _ event: EventFields, _ database: Database) throws {
        try database.run("INSERT OR IGNORE INTO consignment_units (consignment, unit) VALUES (?, ?)", [consignment.name, event.unit])
    }

    private static func set(
        _ change: String, _ values: [(any DatabaseValueConvertible)?], _ consignment: ConsignmentID, _ event: EventFields,
        _ database: Database
    ) throws {
        try database.run(
            "UPDATE consignment_units SET \(change) WHERE consignment = ? AND unit = ?", values + [consignment.name, event.unit])
    }
}

extension Database {
    /// Executes one statement, which is prepared once.
    fileprivate func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
        try cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }
}
