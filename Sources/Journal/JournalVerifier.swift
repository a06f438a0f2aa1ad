public import BenchModel
internal import Foundation
internal import GRDB

/// What an offline check of a journal found.
public struct JournalVerification: Hashable, Sendable, Codable {
    /// The file.
    public var path: String
    /// Events that fit.
    public var events: Int
    /// The number of the last event that fits; 0 in an empty journal.
    public var last: EventNumber = 0
    /// The event from which on the journal has all events: those before are archived, but for some that stayed; `nil` where none is.
    public var archivedBefore: EventNumber?
    /// The hash of the last event that fits; `nil` in an empty journal.
    public var head: SHA256Value?
    /// Checkpoints whose signature, hash and tree fit.
    public var checkpoints = 0
    /// The last of them.
    public var lastCheckpoint: Checkpoint?
    /// The first event that does not fit, and how.
    public var fault: String?

    /// Whether the whole chain holds.
    public var isIntact: Bool { fault == nil }
}

/// Re-computes a journal's hash chain from its first event on, with its checkpoints, without a daemon and without writing.
public enum JournalVerifier {
    /// `checkpoint`: one that was kept elsewhere. Only with it a tail that was cut off, or a journal that was made anew from its beginning, shows.
    /// - Throws: ``JournalError`` when the file can't be read as a journal at all.
    public static func verify(
        _ path: String, against checkpoint: Checkpoint? = nil, progress: JournalProgress? = nil
    ) throws(JournalError) -> JournalVerification {
        try reading(path) { try walk($0, path: path, against: checkpoint, progress) }
    }

    /// Opens a journal's file for reading alone.
    static func reading<Value>(_ path: String, _ body: (Database) throws -> Value) throws(JournalError) -> Value {
        do {
            guard FileManager.default.fileExists(atPath: path) else {
                throw JournalError.storage(path: path, "there is no such file")
            }
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try queue.read { database in
                if try JournalSchema.migrator.hasBeenSuperseded(database) { throw JournalError.newerSchema(path: path) }
                guard try database.tableExists("events") else {
                    throw JournalError.storage(path: path, "this is no journal: it has no table 'events'")
                }
                return try body(database)
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    private static func walk(
        _ database: Database, path: String, against copy: Checkpoint?, _ progress: JournalProgress?
    ) throws -> JournalVerification {
        var walk = JournalWalk(path: path, against: copy, archived: try JournalReader(database: database).lastArchived())
        let total = try Int.fetchOne(database, sql: "SELECT max(number) FROM events") ?? 0
        let cursor = try Row.fetchCursor(database, sql: EventFields.query)
        while walk.result.isIntact, let row = try cursor.next() {
            try walk.add(EventFields(row: row), stored: try row.decode(atIndex: EventFields.hashColumn))
            if walk.result.events % Projection.progressStep == 0 { progress?(walk.result.events, total) }
        }
        walk.end()
        return walk.result
    }
}
