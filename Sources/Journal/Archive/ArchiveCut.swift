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
    let rule: Rule

    /// Which events before a number stay.
    struct Rule: Sendable {
        /// As a condition on `events`, with the arguments below.
        let stays: String
        /// The consignments of which everything stays: not over, or not over before the cut, or not delivered.
        let staying: String
        let arguments: StatementArguments
    }

    init(before utc: String, shipped: Bool, path: String, _ database: Database) throws {
        let reader = JournalReader(database: database)
        let last = try reader.lastArchived()
        let after = max(last?.upTo ?? 0, try EventNumber.fetchOne(database, sql: "SELECT max(event) FROM archives") ?? 0)
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM events WHERE kind = 'checkpoint' AND number > ? AND utc < ? ORDER BY number DESC LIMIT 1",
            arguments: [after, utc])
        guard let row else {
            throw JournalError.storage(
                path: path, "there is nothing to archive yet: there is no checkpoint from before \(utc) since the last archive")
        }
        let event = try EventRecord(row: row)
        made = try JSONText.decode(event.payload, as: JournalEvent.CheckpointMade.self)
        upTo = event.number
        first = last?.upTo ?? 1
        rule = Rule(cut: event.number, shipped: shipped, delivers: try Self.delivers(database))
        consignments = try String.fetchAll(
            database, sql: "SELECT id FROM consignments WHERE opened < :cut AND id NOT IN (\(rule.staying)) ORDER BY opened",
            arguments: rule.arguments
        ).compactMap { ConsignmentID($0) }
        packages =
            try Int.fetchOne(
                database,
                sql: """
                    SELECT count(*) FROM packages WHERE consignment IN (
                        SELECT id FROM consignments WHERE opened < :cut AND id NOT IN (\(rule.staying)))
                    """, arguments: rule.arguments) ?? 0
        kept = try Self.kept(rule, last, database)
    }

    /// Whether the bench, as it last ran, delivers to a partner.
    private static func delivers(_ database: Database) throws -> Bool {
        let started = try String.fetchOne(
            database, sql: "SELECT payload FROM events WHERE kind = 'bench-started' ORDER BY number DESC LIMIT 1")
        let said = try started.flatMap { try JSONText.decode($0, as: JournalEvent.BenchStarted.self).delivers }
        return try said ?? Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM captures)") ?? false
    }

    /// The events that stay, each with the hash of the one before it.
    private static func kept(
        _ rule: Rule, _ last: JournalEvent.JournalArchived?, _ database: Database
    ) throws -> [JournalEvent.JournalArchived.Kept] {
        let old = Dictionary((last?.kept ?? []).map { ($0.number, $0) }) { first, _ in first }
        let cursor = try Row.fetchCursor(
            database,
            sql: """
                SELECT number, hash, (SELECT hash FROM events b WHERE b.number = events.number - 1) AS previous
                FROM events WHERE number < :cut AND \(rule.stays) ORDER BY number
                """, arguments: rule.arguments)
        var kept: [JournalEvent.JournalArchived.Kept] = []
        while let row = try cursor.next() {
            let number: EventNumber = try row.decode(forColumn: "number")
            let hash: Data = try row.decode(forColumn: "hash")
            // One that has stayed before stands alone; the one after an archive's end has the checkpoint before it.
            let before: Data? = try row.decode(forColumn: "previous")
            let previous = old[number]?.previous ?? start(of: number, last) ?? before.flatMap { SHA256Value(bytes: $0) }
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

extension ArchiveCut.Rule {
    /// Of these kinds all events stay: what holds now rests on them, and they are few.
    private static let lasting =
        JournalEvent.ledgerKinds + [
            "checkpoint", "bench-started", "bench-stopped", "slot-held", "slot-released", "slot-out-of-service", "slot-returned",
            "register-imported", "journal-archived",
        ]

    init(cut: EventNumber, shipped: Bool, delivers: Bool) {
        let over = shipped ? "'rejected', 'received', 'shipped'" : "'rejected', 'received'"
        let newest = "(SELECT max(event) FROM consignment_events WHERE consignment = c.id)"
        staying = """
            SELECT c.id FROM consignments c LEFT JOIN captures k ON k.consignment = c.id
            WHERE c.opened < :cut AND (c.stage NOT IN (\(over)) OR \(newest) > :cut
                OR (:delivers AND c.stage <> 'rejected' AND coalesce(k.delivered, 0) < \(newest)))
            """
        // Sessions that have not ended by then, or of which a readback may still say how they ended; those that count against a trial; and those
        // of units of consignments that stay. With each the session that settled it, and so on.
        let sessions = """
            SELECT id FROM sessions s WHERE verdict IS NULL OR outcomeEvent > :cut
                OR (verdict ->> '$.outcome' = 'unknown' AND settled IS NULL AND NOT EXISTS (
                    SELECT 1 FROM sessions l WHERE l.unit = s.unit AND l.id > s.id
                        AND l.verdict ->> '$.outcome' IN ('reflashed', 'already-current')))
                OR approval IN (SELECT number FROM events WHERE kind = 'release-approved' AND payload ->> '$.first' IS NOT NULL)
                OR unit IN (SELECT unit FROM consignment_units WHERE consignment IN (\(staying)))
            """
        stays = """
            (kind IN (\(Self.lasting.map { "'\($0)'" }.joined(separator: ", ")))
                OR number IN (SELECT event FROM consignment_events WHERE consignment IN (\(staying)))
                OR (kind IN ('capture-requested', 'capture-delivered') AND payload ->> '$.consignment' IN (\(staying)))
                OR coalesce(session, 0) IN (
                    WITH RECURSIVE staying (id) AS (
                        \(sessions)
                        UNION SELECT settledBy FROM sessions JOIN staying USING (id) WHERE settledBy IS NOT NULL)
                    SELECT id FROM staying))
            """
        arguments = ["cut": cut, "delivers": delivers]
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
    func dropArchived(_ cut: ArchiveCut, file: String, hash: SHA256Value, key: BenchKey) async throws(JournalError) {
        var archived = JournalEvent.JournalArchived(
            file: file, hash: hash, upTo: cut.upTo, checkpoint: cut.made.checkpoint, frontier: cut.made.frontier, kept: cut.kept,
            consignments: cut.consignments, packages: cut.packages)
        do { archived.signature = try key.signature(over: archived.signedBytes) } catch { throw JournalError(error, path: path) }
        try await append(
            JournalDraft(.journalArchived(archived)),
            then: { database in
                try database.execute(sql: "DROP TRIGGER events_are_not_removed")
                try database.execute(
                    sql: "DELETE FROM events WHERE number < :cut AND NOT \(cut.rule.stays)", arguments: cut.rule.arguments)
                try database.execute(sql: JournalSchema.removalGuard)
                try Projection.rebuild(database)
            })
    }

    /// Gives the room of what was removed back to the disk.
    func shrink() async throws(JournalError) {
        do { try await inFile { pool in try await pool.vacuum() } } catch { throw JournalError(error, path: path) }
    }
}
