public import BenchModel
internal import GRDB

extension Journal {
    /// What became of the slots' time and of the units from one moment until before another. `from`, `to`: UTC, ISO 8601.
    /// - Throws: ``JournalError``; `nil` is returned for times that can't be read or are in the wrong order.
    public nonisolated func shift(from: String, to: String) async throws(JournalError) -> ShiftReport? {
        guard let begin = UTC.milliseconds(from), let end = UTC.milliseconds(to), begin < end else { return nil }
        return try await read { [path] database in
            if let archived = try JournalReader(database: database).lastArchived(), UTC.text(begin) < archived.checkpoint.utc {
                throw JournalError.storage(path: path, "events before \(archived.checkpoint.utc) are in the archive \(archived.file)")
            }
            let first = try Self.firstEvent(notBefore: UTC.text(begin), database)
            let last = try Self.firstEvent(notBefore: UTC.text(end), database)
            var accounts = ShiftAccounts(from: begin, to: end, before: try Self.state(before: first, database)) { unit in
                try Self.lastVerdict(of: unit, before: first, database)
            }
            let events = try Row.fetchCursor(
                database, sql: "SELECT * FROM events WHERE number >= ? AND number < ? ORDER BY number", arguments: [first, last])
            while let row = try events.next() { try accounts.add(EventFields(row: row)) }
            if let next = try Row.fetchOne(database, sql: "SELECT * FROM events WHERE number = ?", arguments: [last]) {
                try accounts.noticeRestart(EventFields(row: next))
            }
            return accounts.report()
        }
    }

    /// The first event at or after a time, by halving: numbers and times rise together. One above the last where there is none.
    private static func firstEvent(notBefore utc: String, _ database: Database) throws -> EventNumber {
        let start = try JournalReader(database: database).lastArchived()?.upTo ?? 1
        var (low, high) = (start, try Int64.fetchOne(database, sql: "SELECT max(number) FROM events") ?? 0)
        high += 1
        while low < high {
            let middle = (low + high) / 2
            let time = try String.fetchOne(database, sql: "SELECT utc FROM events WHERE number = ?", arguments: [middle]) ?? utc
            if time < utc { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func lastVerdict(of unit: String, before number: EventNumber, _ database: Database) throws -> Verdict? {
        try String.fetchOne(
            database, sql: "SELECT payload FROM events WHERE unit = ? AND number < ? AND kind = 'outcome' ORDER BY number DESC LIMIT 1",
            arguments: [unit, number]
        ).map { try JSONText.decode($0, as: Verdict.self) }
    }

    /// How the bench and each of its slots were just before an event.
    private static func state(before number: EventNumber, _ database: Database) throws -> BenchStateBefore {
        var state = BenchStateBefore()
        guard let last = try Row.fetchOne(database, sql: "SELECT * FROM events WHERE number = ?", arguments: [number - 1]) else {
            return state
        }
        let event = try EventFields(row: last)
        state.lastEvent = UTC.milliseconds(event.utc).map { ($0, event.monotonicNanoseconds) }
        func latest(_ kinds: String, _ slot: SlotID? = nil) throws -> EventFields? {
            let place = slot == nil ? "" : "slot = ? AND "
            let arguments: StatementArguments = slot.map { [$0.label, number] } ?? [number]
            return try Row.fetchOne(
                database, sql: "SELECT * FROM events WHERE \(place)number < ? AND kind IN (\(kinds)) ORDER BY number DESC LIMIT 1",
                arguments: arguments
            ).map { try EventFields(row: $0) }
        }
        state.isDown = try latest("'bench-started', 'bench-stopped'")?.kind != "bench-started"
        guard let started = try latest("'bench-started'") else { return state }
        for label in try JSONText.decode(started.payload, as: JournalEvent.BenchStarted.self).slots.keys {
            guard let slot = SlotID(label) else { continue }
            var own = SlotStateBefore()
            own.isHeld = try latest("'slot-held', 'slot-released'", slot)?.kind == "slot-held"
            own.isOutOfService = try latest("'slot-out-of-service', 'slot-returned'", slot)?.kind == "slot-out-of-service"
            if !state.isDown, let session = try latest("'session-started', 'outcome'", slot), session.kind == "session-started" {
                own.session =
                    try session.unit.flatMap { try lastVerdict(of: $0, before: session.number, database) }?.callsForRetry ?? false
                own.awaitsGrant =
                    try latest("'session-started', 'grant-awaited', 'grant-waited'", slot)?.kind == "grant-awaited"
            }
            state.slots[slot] = own
        }
        return state
    }
}
