internal import BenchModel
internal import Foundation
internal import GRDB

extension Journal {
    /// Vouches for all events that are stored so far: signs the head, and stores that as an event.
    /// - Returns: the checkpoint; the one before where nothing was stored since.
    /// - Throws: ``JournalError``.
    @discardableResult
    public func makeCheckpoint(bench: String, key: BenchKey, why: String) async throws(JournalError) -> Checkpoint? {
        let utc = now
        do {
            try await append(deciding: { reader in
                var frontier = try reader.frontier()
                let before = frontier.size
                try reader.eachHash(after: EventNumber(before)) { frontier.append($0) }
                // Only the last checkpoint's own event has come since.
                guard frontier.size > before + (before > 0 ? 1 : 0), let head = try reader.lastEvent() else { return [] }
                guard let tree = SHA256Value(bytes: frontier.root) else { return [] }
                var checkpoint = Checkpoint(
                    bench: bench, event: head.number, hash: head.hash, tree: tree, utc: utc, key: "", signature: "")
                try key.sign(&checkpoint)
                let roots = frontier.roots.map { Hex.lowercase($0) }
                return [JournalDraft(.checkpoint(.init(checkpoint: checkpoint, why: why, frontier: roots)))]
            })
        } catch {
            throw JournalError(error, path: path)
        }
        return try await lastCheckpoint()
    }

    /// The newest checkpoint; `nil` where there is none.
    public nonisolated func lastCheckpoint() async throws(JournalError) -> Checkpoint? {
        try await look { reader in try reader.lastCheckpointEvent().flatMap { try JournalEvent.checkpoint(of: $0) } }
    }

    /// Whether a consignment was closed since the last checkpoint, or that is older than this.
    public nonisolated func needsCheckpoint(since utc: String) async throws(JournalError) -> Bool {
        try await look { reader in
            let last = try reader.lastCheckpointEvent()
            guard let newest = try reader.lastEvent(), newest.number > last?.number ?? 0 else { return false }
            return try last.map { $0.utc < utc } ?? true || reader.hasClosed(after: last?.number ?? 0)
        }
    }
}

extension JournalReader {
    /// The newest event of all.
    func lastEvent() throws -> EventRecord? {
        try Row.fetchOne(try database.cachedStatement(sql: "SELECT * FROM events ORDER BY number DESC LIMIT 1"))
            .map { try EventRecord(row: $0) }
    }

    func lastCheckpointEvent() throws -> EventRecord? {
        try Row.fetchOne(
            try database.cachedStatement(sql: "SELECT * FROM events WHERE kind = 'checkpoint' ORDER BY number DESC LIMIT 1")
        ).map { try EventRecord(row: $0) }
    }

    func hasClosed(after number: EventNumber) throws -> Bool {
        try Bool.fetchOne(
            try database.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM consignments WHERE closed > ?)"), arguments: [number]) ?? false
    }

    /// The tree's right edge as the last checkpoint had it.
    func frontier() throws -> MerkleFrontier {
        guard let event = try lastCheckpointEvent() else { return MerkleFrontier() }
        let made = try JSONText.decode(event.payload, as: JournalEvent.CheckpointMade.self)
        let roots = made.frontier.compactMap { Hex.bytes($0) }
        guard let frontier = MerkleFrontier(size: UInt64(made.checkpoint.event), roots: roots) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT, message: "checkpoint \(event.number) has no tree of \(made.checkpoint.event) events")
        }
        return frontier
    }

    /// Calls `body` with each event's hash after a number, oldest first.
    func eachHash(after number: EventNumber, upTo last: EventNumber = .max, _ body: ([UInt8]) throws -> Void) throws {
        let cursor = try Row.fetchCursor(
            database, sql: "SELECT hash FROM events WHERE number > ? AND number <= ? ORDER BY number", arguments: [number, last])
        while let row = try cursor.next() {
            let hash: Data = try row.decode(forColumn: "hash")
            try body(Array(hash))
        }
    }
}
