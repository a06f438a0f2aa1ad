public import BenchModel
internal import GRDB

extension JournalEvent {
    /// Payload of `journal-archived`: events before a checkpoint are in a file of their own, and no more in the journal, but for some.
    public struct JournalArchived: Codable, Sendable {
        /// The file's name.
        public var file: String
        /// SHA-256 of the file.
        public var hash: SHA256Value
        /// The `checkpoint` event with which the file ends; the journal goes on from it.
        public var upTo: EventNumber
        /// What that event vouches for: the event before it.
        public var checkpoint: Checkpoint
        /// The tree's right edge there: roots of whole subtrees, the largest first, lower-case hex.
        var frontier: [String]
        /// Events before it that stay, because what holds now rests on them.
        var kept: [Kept]
        /// Consignments that are in the file as they ended.
        public var consignments: [ConsignmentID]
        /// Cartons and pallets that were opened before it: their numbers are not given out again.
        public var packages: Int
        /// Ed25519 by the checkpoint's key over ``signedBytes``, 64 bytes, lower-case hex: that these events were archived, and which of them
        /// stay, the bench itself says.
        var signature = ""

        /// An event that stays: with the hash before it, it can be checked alone.
        struct Kept: Codable, Sendable, Hashable {
            var number: EventNumber
            var previous: SHA256Value
            var hash: SHA256Value
        }
    }
}

/// What is archived, as tables.
enum ArchiveTable {
    static let creation = """
        CREATE TABLE archives (event INTEGER PRIMARY KEY, upTo INTEGER NOT NULL, file TEXT NOT NULL, packages INTEGER NOT NULL) STRICT;
        CREATE TABLE archived_consignments (id TEXT PRIMARY KEY, event INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX events_of_archives ON events (number) WHERE kind = 'journal-archived';
        """

    static func apply(_ event: EventFields, _ database: Database) throws {
        let archived = try JSONText.decode(event.payload, as: JournalEvent.JournalArchived.self)
        try database.cachedStatement(sql: "INSERT INTO archives VALUES (?, ?, ?, ?)").execute(
            arguments: [event.number, archived.upTo, archived.file, archived.packages])
        let insert = try database.cachedStatement(sql: "INSERT OR REPLACE INTO archived_consignments VALUES (?, ?)")
        for id in archived.consignments { try insert.execute(arguments: [id.name, event.number]) }
    }
}

extension JournalReader {
    /// The archive with a consignment, as its file was called; `nil` where none has it.
    public func archive(of consignment: ConsignmentID) throws -> String? {
        try String.fetchOne(
            try database.cachedStatement(
                sql: "SELECT a.file FROM archived_consignments c JOIN archives a ON a.event = c.event WHERE c.id = ?"),
            arguments: [consignment.name])
    }

    /// The event from which on the journal has all events; `nil` where nothing was ever archived.
    public func archivedBefore() throws -> EventNumber? {
        try EventNumber.fetchOne(try database.cachedStatement(sql: "SELECT max(upTo) FROM archives"))
    }

    /// What the newest archive has left; `nil` where nothing was ever archived.
    func lastArchived() throws -> JournalEvent.JournalArchived? {
        let row = try Row.fetchOne(
            try database.cachedStatement(sql: "SELECT * FROM events WHERE kind = 'journal-archived' ORDER BY number DESC LIMIT 1"))
        return try row.map { try JSONText.decode(EventFields(row: $0).payload, as: JournalEvent.JournalArchived.self) }
    }
}

extension JournalEvent.JournalArchived {
    /// What is signed: these lines, UTF-8, each ended by LF, and a line for each event that stays and each consignment.
    var signedBytes: [UInt8] {
        let head = "reflash archive 1\n\(file)\n\(hash)\n\(upTo)\n\(checkpoint.signature)\n\(packages)\n"
        let lines = kept.map { "\($0.number) \($0.previous) \($0.hash)\n" } + consignments.map { "\($0.name)\n" }
        return Array((head + lines.joined()).utf8)
    }

    /// Whether the bench that made the checkpoint made this too.
    var isSigned: Bool { checkpoint.isSigned && BenchKey.isSignature(signature, by: checkpoint.key, over: signedBytes) }

    /// The tree before the event with which the file ends; `nil` unless it is what the checkpoint vouches for.
    var tree: MerkleFrontier? {
        let roots = frontier.compactMap { Hex.bytes($0) }
        guard checkpoint.event == upTo - 1, let tree = MerkleFrontier(size: UInt64(checkpoint.event), roots: roots),
            tree.root == checkpoint.tree.bytes
        else { return nil }
        return tree
    }
}
