public import BenchModel
internal import Foundation
internal import GRDB

/// What an offline check of a journal found.
public struct JournalVerification: Hashable, Sendable, Codable {
    /// The file.
    public var path: String
    /// Events that fit, counted from the first.
    public var events: Int
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
        _ database: Database, path: String, against kept: Checkpoint?, _ progress: JournalProgress?
    ) throws -> JournalVerification {
        var result = JournalVerification(path: path, events: 0, head: nil, fault: nil)
        if let kept, !kept.isSigned {
            result.fault = "the checkpoint of event \(kept.event) that was kept elsewhere bears no signature of its key"
            return result
        }
        var previous = HashChain.start
        var tree = MerkleFrontier()
        let cursor = try Row.fetchCursor(database, sql: EventFields.query)
        let total = try Int.fetchOne(database, sql: "SELECT max(number) FROM events") ?? 0
        while let row = try cursor.next() {
            let fields = try EventFields(row: row)
            let expected = EventNumber(result.events + 1)
            guard fields.number == expected else {
                result.fault = "event \(expected) is missing: after \(expected - 1) comes \(fields.number)"
                return result
            }
            let stored: Data = try row.decode(atIndex: EventFields.hashColumn)
            let computed = HashChain.hash(after: previous, fields)
            guard Array(stored) == computed else {
                result.fault =
                    "event \(fields.number) (\(fields.kind), \(fields.utc)): expected hash \(Hex.lowercase(computed)), "
                    + "found \(Hex.lowercase(stored))"
                return result
            }
            if fields.kind == "checkpoint" {
                result.fault = try fault(in: fields, tree, previous: previous, result.lastCheckpoint ?? kept)
                guard result.fault == nil else { return result }
                result.checkpoints += 1
                result.lastCheckpoint = try JSONText.decode(fields.payload, as: JournalEvent.CheckpointMade.self).checkpoint
            }
            if let kept, fields.number == kept.event, kept.hash.bytes != computed {
                result.fault =
                    "event \(kept.event): expected hash \(kept.hash), as the bench signed on \(kept.utc), found \(Hex.lowercase(computed))"
                return result
            }
            previous = computed
            tree.append(computed)
            result.events += 1
            result.head = SHA256Value(bytes: computed)
            if result.events % Projection.progressStep == 0 { progress?(result.events, total) }
        }
        if let kept, kept.event > result.events {
            result.fault =
                "the tail is cut off: expected at least \(kept.event) events, as the bench signed on \(kept.utc), found \(result.events)"
        }
        return result
    }

    /// What is wrong with a checkpoint. `other`: one that it has to fit: the one before, or one that was kept elsewhere.
    private static func fault(
        in fields: EventFields, _ tree: MerkleFrontier, previous: [UInt8], _ other: Checkpoint?
    ) throws -> String? {
        let checkpoint = try JSONText.decode(fields.payload, as: JournalEvent.CheckpointMade.self).checkpoint
        let place = "checkpoint \(fields.number) (\(fields.utc))"
        guard checkpoint.isSigned else { return "\(place): its signature does not fit" }
        if let other, other.key != checkpoint.key {
            return "\(place): expected it to be signed by \(other.key), as before, found \(checkpoint.key): the bench's key was replaced"
        }
        guard checkpoint.event == fields.number - 1, checkpoint.hash.bytes == previous else {
            return "\(place): it vouches for event \(checkpoint.event), \(checkpoint.hash), which is not the one before it"
        }
        guard checkpoint.tree.bytes == tree.root else {
            return "\(place): expected the tree \(Hex.lowercase(tree.root)), found \(checkpoint.tree)"
        }
        return nil
    }
}
