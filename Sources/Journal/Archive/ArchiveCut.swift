internal import BenchModel
internal import Foundation
internal import GRDB

/// Where a journal is cut, and what stays of the part before.
struct ArchiveCut: Sendable {
    /// The first event that goes.
    let first: EventNumber
    /// The `checkpoint` event with which the file ends; it stays in the journal too.
    let upTo: EventNumber
    let made: JournalEvent.CheckpointMade
    let consignments: [ConsignmentID]
    let packages: Int
    let kept: [JournalEvent.JournalArchived.Kept]

    /// Of these kinds all events stay: what holds now rests on them, and they are few.
    private static let lasting =
        JournalEvent.ledgerKinds + [
            "checkpoint", "bench-started", "bench-stopped", "slot-held", "slot-released", "slot-out-of-service", "slot-returned",
            "register-imported", "journal-archived",
        ]

    /// Which events before a number stay.
    static let stays = """
        (kind IN (\(lasting.map { "'\($0)'" }.joined(separator: ", "))) OR session IN (
            SELECT id FROM sessions WHERE verdict IS NULL OR (verdict ->> '$.outcome' = 'unknown' AND settled IS NULL)))
        """

    init(before utc: String, shipped: Bool, path: String, _ database: Database) throws {
        let reader = JournalReader(database: database)
        let last = try reader.lastArchived()
        // Of consignments that are not over nothing goes; nor, on a bench that delivers, of those that are not delivered.
        let over = shipped ? "'rejected', 'received', 'shipped'" : "'rejected', 'received'"
        let open = try Row.fetchOne(
            database,
            sql: """
                SELECT c.id, c.opened, c.stage FROM consignments c LEFT JOIN captures k ON k.consignment = c.id
                WHERE c.stage NOT IN (\(over)) OR c.stage <> 'rejected' AND EXISTS (SELECT 1 FROM captures)
                    AND coalesce(k.delivered, 0) < (SELECT max(event) FROM consignment_events WHERE consignment = c.id)
                ORDER BY c.opened LIMIT 1
                """)
        let bound: EventNumber = try open?.decode(forColumn: "opened") ?? .max
        let after: EventNumber = max(last?.upTo ?? 0, try EventNumber.fetchOne(database, sql: "SELECT max(event) FROM archives") ?? 0)
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT * FROM events WHERE kind = 'checkpoint' AND number > ? AND number < ? AND utc < ? ORDER BY number DESC LIMIT 1
                """, arguments: [after, bound, utc])
        guard let row, let event = try? EventFields(row: row) else {
            let why: String
            if let open {
                let (id, stage): (String, String) = (try open.decode(forColumn: "id"), try open.decode(forColumn: "stage"))
                let last = over.contains("'\(stage)'") ? "\(stage), but not delivered to the partner's repository" : stage
                why = "consignment \(id) is \(last), and no checkpoint lies between the last archive and its opening"
            } else {
                why = "there is no checkpoint from before \(utc) since the last archive"
            }
            throw JournalError.storage(path: path, "there is nothing to archive yet: \(why)")
        }
        made = try JSONText.decode(event.payload, as: JournalEvent.CheckpointMade.self)
        upTo = event.number
        first = last?.upTo ?? 1
        consignments = try String.fetchAll(
            database, sql: "SELECT id FROM consignments WHERE opened < ? ORDER BY opened", arguments: [event.number]
        ).compactMap { ConsignmentID($0) }
        packages = try Int.fetchOne(database, sql: "SELECT count(*) FROM packages WHERE opened < ?", arguments: [event.number]) ?? 0
        kept = try Self.kept(before: event.number, last, database)
    }

    /// The events that stay, each with the hash of the one before it.
    private static func kept(
        before number: EventNumber, _ last: JournalEvent.JournalArchived?, _ database: Database
    ) throws -> [JournalEvent.JournalArchived.Kept] {
        let old = Dictionary((last?.kept ?? []).map { ($0.number, $0) }) { first, _ in first }
        let cursor = try Row.fetchCursor(
            database,
            sql: """
                SELECT number, hash, (SELECT hash FROM events b WHERE b.number = events.number - 1) AS previous
                FROM events WHERE number < ? AND \(stays) ORDER BY number
                """, arguments: [number])
        var kept: [JournalEvent.JournalArchived.Kept] = []
        while let row = try cursor.next() {
            let number: EventNumber = try row.decode(forColumn: "number")
            let hash: Data = try row.decode(forColumn: "hash")
            // One that has stayed before stands alone; the one after an archive's end has the checkpoint before it.
            let before: Data? = try row.decode(forColumn: "previous")
            let previous = old[number]?.previous ?? before.flatMap { SHA256Value(bytes: $0) } ?? start(of: number, last)
            guard let hash = SHA256Value(bytes: hash), let previous else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "event \(number) has no hash before it")
            }
            kept.append(.init(number: number, previous: previous, hash: hash))
        }
        return kept
    }

    private static func start(of number: EventNumber, _ last: JournalEvent.JournalArchived?) -> SHA256Value? {
        if let last, number == last.upTo { return last.checkpoint.hash }
        return number == 1 ? SHA256Value(bytes: HashChain.start) : nil
    }
}

extension Journal {
    /// Copies all events up to one into another journal that has none.
    func copyEvents(upTo number: EventNumber, to path: String) async throws(JournalError) {
        do {
            try await inFile { pool in
                try await pool.writeWithoutTransaction { database in
                    try database.execute(sql: "ATTACH DATABASE ? AS archive", arguments: [path])
                    defer { try? database.execute(sql: "DETACH DATABASE archive") }
                    try database.execute(
                        sql: "INSERT INTO archive.events SELECT * FROM main.events WHERE number <= ? ORDER BY number", arguments: [number])
                }
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Records that events before the cut are in a file, and removes those that do not stay: both or neither.
    func dropArchived(_ cut: ArchiveCut, file: String, hash: SHA256Value) async throws(JournalError) {
        let archived = JournalEvent.JournalArchived(
            file: file, hash: hash, upTo: cut.upTo, checkpoint: cut.made.checkpoint, frontier: cut.made.frontier, kept: cut.kept,
            consignments: cut.consignments, packages: cut.packages)
        try await append(
            JournalDraft(.journalArchived(archived)),
            then: { database in
                try database.execute(
                    sql: """
                        DROP TRIGGER events_are_not_removed;
                        DELETE FROM events WHERE number < \(cut.upTo) AND NOT coalesce(\(ArchiveCut.stays), 0);
                        \(JournalSchema.removalGuard)
                        """)
                try Projection.rebuild(database)
            })
        do { try await inFile { pool in try await pool.vacuum() } } catch { throw JournalError(error, path: path) }
    }
}
