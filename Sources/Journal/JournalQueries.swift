public import BenchModel
internal import GRDB

extension Journal {
    /// The newest events, oldest first.
    /// - Throws: ``JournalError``.
    public nonisolated func newestEvents(_ count: Int) async throws(JournalError) -> [EventRecord] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM events ORDER BY number DESC LIMIT ?", arguments: [count])
                .reversed().map { try EventRecord(row: $0) }
        }
    }

    /// Events after a number, oldest first, at most `limit`, of one unit where `unit` is given.
    public nonisolated func events(
        after number: EventNumber, limit: Int, unit: EUI64? = nil
    ) async throws(JournalError) -> [EventRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM events WHERE number > ? AND (? IS NULL OR unit = ?) ORDER BY number LIMIT ?",
                arguments: [number, unit?.description, unit?.description, limit]
            ).map { try EventRecord(row: $0) }
        }
    }

    /// Everything that the ledger of releases is made of, oldest first, with the events' numbers.
    public nonisolated func ledger() async throws(JournalError) -> [(number: EventNumber, event: JournalEvent)] {
        let kinds = JournalEvent.ledgerKinds.map { "'\($0)'" }.joined(separator: ", ")
        return try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM events WHERE kind IN (\(kinds)) ORDER BY number").compactMap { row in
                let record = try EventRecord(row: row)
                return try JournalEvent(ledger: record).map { (record.number, $0) }
            }
        }
    }

    /// The units whose sessions began under an approval, each once, and how many sessions of units without an identity did.
    public nonisolated func units(under approval: EventNumber) async throws(JournalError) -> (known: Set<EUI64>, unknown: Int) {
        try await read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT unit FROM sessions WHERE approval = ?", arguments: [approval])
            let units = try rows.map { row -> EUI64? in
                let text: String? = try row.decode(forColumn: "unit")
                return text.flatMap { EUI64($0) }
            }
            return (Set(units.compactMap(\.self)), units.count { $0 == nil })
        }
    }

    /// The newest sessions, newest first.
    public nonisolated func sessions(limit: Int) async throws(JournalError) -> [SessionRecord] {
        try await read { database in
            let query = try database.cachedStatement(sql: "SELECT \(SessionRecord.columns) FROM sessions ORDER BY id DESC LIMIT ?")
            return try SessionRecord.all(query, arguments: [limit])
        }
    }

    /// One session; `nil` when there is none of this number.
    public nonisolated func session(_ id: SessionID) async throws(JournalError) -> SessionRecord? {
        try await read { try SessionRecord.find(id, $0) }
    }

    /// Whether a session recorded something of this kind of its unit, however long ago and between whatever else.
    public nonisolated func has(_ kind: String, in session: SessionID, of unit: EUI64) async throws(JournalError) -> Bool {
        try await read { database in
            let query = "SELECT 1 FROM events WHERE unit = ? AND number > ? AND session = ? AND kind = ? LIMIT 1"
            let arguments: StatementArguments = [unit.description, session, session, kind]
            return try Row.fetchOne(try database.cachedStatement(sql: query), arguments: arguments) != nil
        }
    }

    /// Sessions that began and have no outcome.
    public nonisolated func unfinishedSessions() async throws(JournalError) -> [SessionRecord] {
        try await read { database in
            let query = "SELECT \(SessionRecord.columns) FROM sessions WHERE verdict IS NULL ORDER BY id"
            return try SessionRecord.all(try database.cachedStatement(sql: query))
        }
    }

    /// Everything known of a unit; its `sessions` are empty when the bench never saw it.
    public nonisolated func unit(_ chfId: EUI64) async throws(JournalError) -> UnitRecord {
        try await read { try UnitRecord(chfId, $0) }
    }

    /// The units whose sessions are the newest, newest first.
    public nonisolated func units(limit: Int) async throws(JournalError) -> [UnitRecord] {
        try await read { database in
            let ids = try String.fetchAll(
                database, sql: "SELECT unit FROM sessions WHERE unit IS NOT NULL GROUP BY unit ORDER BY max(id) DESC LIMIT ?",
                arguments: [limit])
            return try ids.compactMap { EUI64($0) }.map { try UnitRecord($0, database) }
        }
    }

    /// What the journal last said of each slot that it knows.
    public nonisolated func slots() async throws(JournalError) -> [SlotRecord] {
        try await read { database in
            try Row.fetchAll(try database.cachedStatement(sql: "SELECT * FROM slots")).compactMap { row in
                let label: String = try row.decode(forColumn: "slot")
                guard let slot = SlotID(label) else { return nil }
                let last: SessionID? = try row.decode(forColumn: "lastSession")
                let session = try last.flatMap { try SessionRecord.find($0, database) }
                return SlotRecord(
                    slot: slot, isHeld: try row.decode(forColumn: "isHeld"),
                    isOutOfService: try row.decode(forColumn: "isOutOfService"), serviceSince: try row.decode(forColumn: "serviceSince"),
                    isDocked: try row.decode(forColumn: "isDocked"),
                    lastSession: session)
            }
        }
    }

    /// Records as unknown every session that a stop of the bench cut off. Called once, at start.
    /// - Returns: how many there were.
    public func settleCutSessions() async throws(JournalError) -> Int {
        let cut = try await unfinishedSessions()
        guard !cut.isEmpty else { return 0 }
        try await append(
            cut.map { session in
                var verdict = Verdict(
                    .unknown, reason: .benchStopped, detail: "the bench stopped before the session had ended",
                    wrote: session.transferBegan)
                verdict.release = session.release
                verdict.manifestHash = session.manifestHash
                verdict.checksOff = session.checksOff
                return JournalDraft(.outcome(verdict), slot: session.slot, unit: session.chfId, session: session.id)
            })
        return cut.count
    }
}

extension SessionRecord {
    fileprivate static func find(_ id: SessionID, _ database: Database) throws -> SessionRecord? {
        let query = try database.cachedStatement(sql: "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?")
        return try SessionRecord.all(query, arguments: [id]).first
    }
}

extension UnitRecord {
    fileprivate init(_ chfId: EUI64, _ database: Database) throws {
        let query = try database.cachedStatement(sql: "SELECT \(SessionRecord.columns) FROM sessions WHERE unit = ? ORDER BY id")
        self.init(chfId: chfId, sessions: try SessionRecord.all(query, arguments: [chfId.description]))
    }
}
