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
    /// The first event that does not fit, and how.
    public var fault: String?

    /// Whether the whole chain holds.
    public var isIntact: Bool { fault == nil }
}

/// Re-computes a journal's hash chain from its first event on, without a daemon and without writing.
public enum JournalVerifier {
    /// - Throws: ``JournalError`` when the file can't be read as a journal at all.
    public static func verify(_ path: String) throws(JournalError) -> JournalVerification {
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
                return try walk(database, path: path)
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    private static func walk(_ database: Database, path: String) throws -> JournalVerification {
        var result = JournalVerification(path: path, events: 0, head: nil, fault: nil)
        var previous = HashChain.start
        let cursor = try Row.fetchCursor(database, sql: "SELECT * FROM events ORDER BY number")
        while let row = try cursor.next() {
            let fields = try EventFields(row: row)
            let expected = EventNumber(result.events + 1)
            guard fields.number == expected else {
                result.fault = "event \(expected) is missing: after \(expected - 1) comes \(fields.number)"
                return result
            }
            let stored: Data = try row.decode(forColumn: "hash")
            let computed = HashChain.hash(after: previous, fields)
            guard Array(stored) == computed else {
                result.fault =
                    "event \(fields.number) (\(fields.kind), \(fields.utc)): expected hash \(Hex.lowercase(computed)), "
                    + "found \(Hex.lowercase(stored))"
                return result
            }
            previous = computed
            result.events += 1
            result.head = SHA256Value(bytes: computed)
        }
        return result
    }
}
