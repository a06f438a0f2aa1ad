internal import BenchModel
internal import Foundation
internal import GRDB

/// Told how far long work on a journal is: events done, and all of them.
public typealias JournalProgress = (_ done: Int, _ total: Int) -> Void

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
            try updateSlot(event, "isOutOfService = 0, serviceSince = ?", with: [event.number], database)
        case "session-started":
            // SQLite reads the payload itself, several times as fast as a decoder: a rebuild has one for each session there ever was.
            try database.cachedStatement(
                sql: """
                    INSERT INTO sessions
                    (id, slot, unit, startedAt, release, components, manifestHash, approval, checksOff, startingVersion, hardwareVersion,
                     variant)
                    SELECT ?, ?, ?, ?, said ->> '$.release', said -> '$.components', said ->> '$.manifestHash', said ->> '$.approval',
                           said -> '$.checksOff', said ->> '$.unit.installedVersion', said ->> '$.unit.hardwareVersion',
                           coalesce(said ->> '$.variant',
                                    (SELECT payload ->> '$.variant' FROM events WHERE number = said ->> '$.approval'))
                    FROM (SELECT ? AS said)
                    """
            ).execute(arguments: [event.number, event.slot, event.unit, event.utc, event.payload])
            try updateSlot(event, "lastSession = ?", with: [event.number], database)
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
        case "journal-archived": return try ArchiveTable.apply(event, database)
        default:
            if try CaptureTable.apply(event, database) { return }
        }
        try ConsignmentTables.apply(event, database)
    }

    /// Events after which it is told how far the work is.
    static let progressStep = 20_000

    /// Makes the projected tables anew from all events.
    /// - Returns: how many they are.
    @discardableResult
    static func rebuild(_ database: Database, progress: JournalProgress? = nil) throws -> Int {
        try database.execute(sql: "DELETE FROM sessions; DELETE FROM slots")
        try ConsignmentTables.empty(database)
        let total = try Int.fetchOne(database, sql: "SELECT max(number) FROM events") ?? 0
        var done = 0
        let cursor = try Row.fetchCursor(database, sql: EventFields.query)
        while let row = try cursor.next() {
            try apply(EventFields(row: row), database)
            done += 1
            if done % progressStep == 0 { progress?(done, total) }
        }
        return done
    }

    /// `change` is always the same text for the same kind: a statement is kept for each text.
    private static func updateSlot(
        _ event: EventFields, _ change: String, with values: [EventNumber] = [], _ database: Database
    ) throws {
        guard let slot = event.slot else { return }
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO slots (slot) VALUES (?)").execute(
            arguments: [slot])
        try database.cachedStatement(sql: "UPDATE slots SET \(change) WHERE slot = ?").execute(
            arguments: StatementArguments(values) + [slot])
    }
}

extension EventFields {
    /// All events in their order, with their hashes at the end; the columns are read by their places.
    static let query = "SELECT number, utc, monotonic, slot, unit, session, kind, payload, hash FROM events ORDER BY number"
    /// The hash's place in that.
    static let hashColumn = 8

    /// A row of the table with its columns in their order.
    init(row: Row) throws {
        number = try row.decode(atIndex: 0)
        utc = try row.decode(atIndex: 1)
        monotonicNanoseconds = try row.decode(atIndex: 2)
        slot = try row.decode(atIndex: 3)
        unit = try row.decode(atIndex: 4)
        session = try row.decode(atIndex: 5)
        kind = try row.decode(atIndex: 6)
        payload = try row.decode(atIndex: 7)
    }
}

extension EventRecord {
    init(row: Row) throws {
        let fields = try EventFields(row: row)
        let bytes: Data = try row.decode(atIndex: EventFields.hashColumn)
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
    /// What a row is asked for: columns are read by their places, which takes half the time that their names do.
    static let columns = """
        id, slot, unit, startedAt, release, manifestHash, checksOff, startingVersion, hardwareVersion, variant, approval, components, \
        transferBegan, endedAt, verdict, settled, settledBy, outcomeEvent
        """

    /// A row of ``columns``.
    init(row: Row) throws {
        let label: String = try row.decode(atIndex: 1)
        guard let slot = SlotID(label) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(label)' is no slot label")
        }
        func text(_ index: Int) throws -> String? { try row.decode(atIndex: index) }
        self.init(
            id: try row.decode(atIndex: 0), slot: slot, chfId: try text(2).flatMap { EUI64($0) },
            startedAt: try row.decode(atIndex: 3), release: try text(4),
            manifestHash: try text(5).flatMap { SHA256Value($0) },
            checksOff: try text(6).map { try JSONText.decode($0, as: [String].self) } ?? [],
            startingVersion: try text(7).flatMap { FirmwareVersion($0) },
            hardwareVersion: try text(8).flatMap { HardwareVersion($0) }, variant: try text(9).flatMap { Variant(rawValue: $0) },
            approval: try row.decode(atIndex: 10),
            components: try JSONText.decode(try row.decode(atIndex: 11), as: [String: SHA256Value].self),
            transferBegan: try row.decode(atIndex: 12), endedAt: try text(13),
            verdict: try text(14).map { try JSONText.decode($0, as: Verdict.self) },
            settled: try text(15).map { try JSONText.decode($0, as: Verdict.self) },
            settledBy: try row.decode(atIndex: 16), outcomeEvent: try row.decode(atIndex: 17))
    }

    /// The sessions of a query for ``columns``.
    static func all(_ query: Statement, arguments: StatementArguments = []) throws -> [SessionRecord] {
        let rows = try Row.fetchCursor(query, arguments: arguments)
        var sessions: [SessionRecord] = []
        while let row = try rows.next() { sessions.append(try SessionRecord(row: row)) }
        return sessions
    }
}
