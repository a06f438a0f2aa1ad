internal import BenchModel
internal import Foundation
internal import GRDB

/// How an event changes the projected tables. Applied in the transaction that stores the event, and again by a rebuild.
enum Projection {
    static func apply(_ event: EventFields, _ database: Database) throws {
        switch event.kind {
        case "unit-docked":
            try updateSlot(event, "isDocked = 1, lastSession = NULL", database)
        case "unit-removed":
            try updateSlot(event, "isDocked = 0, lastSession = NULL", database)
        case "slot-held":
            try updateSlot(event, "isHeld = 1", database)
        case "slot-released":
            try updateSlot(event, "isHeld = 0", database)
        case "slot-out-of-service":
            try updateSlot(event, "isOutOfService = 1", database)
        case "slot-returned":
            try updateSlot(event, "isOutOfService = 0, serviceSince = \(event.number)", database)
        case "session-started":
            let started = try JSONText.decode(event.payload, as: JournalEvent.SessionStarted.self)
            try database.cachedStatement(
                sql: """
                    INSERT INTO sessions
                    (id, slot, unit, startedAt, release, components, manifestHash, approval, checksOff, startingVersion, hardwareVersion)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(
                arguments: [
                    event.number, event.slot, event.unit, event.utc, started.release, try JSONText.encode(started.components),
                    started.manifestHash?.description, started.approval, try JSONText.encode(started.checksOff),
                    started.unit.installedVersion?.description, started.unit.hardwareVersion?.description,
                ])
            try updateSlot(event, "lastSession = \(event.number)", database)
        case "transfer-started":
            try database.cachedStatement(sql: "UPDATE sessions SET transferBegan = 1 WHERE id = ?").execute(
                arguments: [event.session])
        case "outcome":
            try database.cachedStatement(
                sql: "UPDATE sessions SET endedAt = ?, verdict = ?, unit = coalesce(unit, ?), outcomeEvent = ? WHERE id = ?"
            ).execute(arguments: [event.utc, event.payload, event.unit, event.number, event.session])
        case "session-settled":
            let settled = try JSONText.decode(event.payload, as: JournalEvent.SessionSettled.self)
            try database.cachedStatement(sql: "UPDATE sessions SET settled = ?, settledBy = ? WHERE id = ?").execute(
                arguments: [try JSONText.encode(settled.verdict), event.session, settled.session])
        default:
            break
        }
        try ConsignmentTables.apply(event, database)
    }

    /// Makes the projected tables anew from all events.
    static func rebuild(_ database: Database) throws {
        try database.execute(sql: "DELETE FROM sessions; DELETE FROM slots")
        try ConsignmentTables.empty(database)
        let cursor = try Row.fetchCursor(database, sql: "SELECT * FROM events ORDER BY number")
        while let row = try cursor.next() { try apply(EventFields(row: row), database) }
    }

    private static func updateSlot(_ event: EventFields, _ change: String, _ database: Database) throws {
        guard let slot = event.slot else { return }
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO slots (slot) VALUES (?)").execute(
            arguments: [slot])
        try database.cachedStatement(sql: "UPDATE slots SET \(change) WHERE slot = ?").execute(
            arguments: [slot])
    }
}

extension EventFields {
    init(row: Row) throws {
        number = try row.decode(forColumn: "number")
        utc = try row.decode(forColumn: "utc")
        monotonicNanoseconds = try row.decode(forColumn: "monotonic")
        slot = try row.decode(forColumn: "slot")
        unit = try row.decode(forColumn: "unit")
        session = try row.decode(forColumn: "session")
        kind = try row.decode(forColumn: "kind")
        payload = try row.decode(forColumn: "payload")
    }
}

extension EventRecord {
    init(row: Row) throws {
        let fields = try EventFields(row: row)
        let bytes: Data = try row.decode(forColumn: "hash")
        guard let hash = SHA256Value(bytes: bytes) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "event \(fields.number) has no hash of 32 bytes")
        }
        self.init(
            number: fields.number, utc: fields.utc, monotonicNanoseconds: fields.monotonicNanoseconds,
            slot: fields.slot.flatMap { SlotID($0) }, unit: fields.unit.flatMap { EUI64($0) },
            session: fields.session, kind: fields.kind, payload: fields.payload, hash: hash)
    }
}

extension SessionRecord {
    init(row: Row) throws {
        let slot: String = try row.decode(forColumn: "slot")
        guard let slot = SlotID(slot) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(slot)' is no slot label")
        }
        let unit: String? = try row.decode(forColumn: "unit")
        let verdict: String? = try row.decode(forColumn: "verdict")
        let settled: String? = try row.decode(forColumn: "settled")
        let manifestHash: String? = try row.decode(forColumn: "manifestHash")
        let checksOff: String? = try row.decode(forColumn: "checksOff")
        let startingVersion: String? = try row.decode(forColumn: "startingVersion")
        let hardware: String? = try row.decode(forColumn: "hardwareVersion")
        self.init(
            id: try row.decode(forColumn: "id"), slot: slot, chfId: unit.flatMap { EUI64($0) },
            startedAt: try row.decode(forColumn: "startedAt"), release: try row.decode(forColumn: "release"),
            manifestHash: manifestHash.flatMap { SHA256Value($0) },
            checksOff: try checksOff.map { try JSONText.decode($0, as: [String].self) } ?? [],
            startingVersion: startingVersion.flatMap { FirmwareVersion($0) },
            hardwareVersion: hardware.flatMap { HardwareVersion($0) }, approval: try row.decode(forColumn: "approval"),
            components: try JSONText.decode(try row.decode(forColumn: "components"), as: [String: SHA256Value].self),
            transferBegan: try row.decode(forColumn: "transferBegan"), endedAt: try row.decode(forColumn: "endedAt"),
            verdict: try verdict.map { try JSONText.decode($0, as: Verdict.self) },
            settled: try settled.map { try JSONText.decode($0, as: Verdict.self) },
            settledBy: try row.decode(forColumn: "settledBy"), outcomeEvent: try row.decode(forColumn: "outcomeEvent"))
    }
}
