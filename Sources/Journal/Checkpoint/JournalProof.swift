public import BenchModel
internal import Foundation
internal import GRDB

/// Shows that one event is in a journal that a bench has vouched for, without the other events.
public struct JournalProof: Hashable, Sendable, Codable {
    /// The event as it was stored.
    public var event: ProvenEvent
    /// The hash of the event before; 32 zero bytes before the first.
    public var previous: SHA256Value
    /// The way from the event's hash to the checkpoint's tree (RFC 9162 §2.1.3).
    public var path: [SHA256Value]
    /// What the bench has signed.
    public var checkpoint: Checkpoint

    /// An event's fields, as the hash is made of them.
    public struct ProvenEvent: Hashable, Sendable, Codable {
        /// 1 for the first.
        public var number: EventNumber
        /// UTC with milliseconds.
        public var utc: String
        /// Monotonic nanoseconds since the daemon's start.
        public var monotonicNanoseconds: Int64
        /// The slot's label.
        public var slot: String?
        /// The unit's CHF ID.
        public var unit: String?
        /// The session's number.
        public var session: Int64?
        /// What it is.
        public var kind: String
        /// JSON.
        public var payload: String
    }

    /// Why it proves nothing; `nil` where it does. `key`: the bench's public key as it is known from elsewhere.
    public func fault(key: String?) -> String? {
        guard checkpoint.isSigned else { return "the checkpoint's signature does not fit" }
        if let key, key.lowercased() != checkpoint.key {
            return "expected a checkpoint signed by \(key.lowercased()), found one by \(checkpoint.key)"
        }
        guard event.number >= 1, event.number <= checkpoint.event else { return "the checkpoint does not reach to event \(event.number)" }
        let hash = HashChain.hash(after: previous.bytes, EventFields(event))
        guard
            MerkleTree.verifies(
                MerkleTree.leaf(hash), at: UInt64(event.number - 1), of: UInt64(checkpoint.event), path: path.map(\.bytes),
                root: checkpoint.tree.bytes)
        else { return "event \(event.number) is not in what the bench has signed: it, or the proof, was changed" }
        return nil
    }

    /// Makes the proof of an event of a journal, without a daemon and without writing.
    /// - Throws: ``JournalError``, also where no checkpoint reaches to the event.
    public static func of(_ number: EventNumber, in path: String) throws(JournalError) -> JournalProof {
        try JournalVerifier.reading(path) { database in
            let reader = JournalReader(database: database)
            let archived = try reader.lastArchived()
            if let archived, number < archived.upTo {
                throw JournalError.storage(
                    path: path,
                    "event \(number) is archived: 'reflashctl journal prove \(archived.file) --event \(number)', or an older archive")
            }
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM events WHERE number = ?", arguments: [number]) else {
                throw JournalError.storage(path: path, "there is no event \(number)")
            }
            let next = try Row.fetchOne(
                database, sql: "SELECT * FROM events WHERE kind = 'checkpoint' AND number > ? ORDER BY number LIMIT 1", arguments: [number])
            guard let checkpoint = try next.flatMap({ try JournalEvent.checkpoint(of: try EventRecord(row: $0)) }) else {
                throw JournalError.storage(
                    path: path, "no checkpoint vouches for event \(number) yet: 'reflashctl journal checkpoint' makes one")
            }
            var walk = MerklePathWalk(to: UInt64(number - 1), after: archived?.tree ?? MerkleFrontier())
            var previous = archived?.checkpoint.hash.bytes ?? HashChain.start
            var place = archived?.checkpoint.event ?? 0
            try reader.eachHash(after: place, upTo: checkpoint.event) { hash in
                place += 1
                if place == number - 1 { previous = hash }
                walk.append(hash)
            }
            guard let before = SHA256Value(bytes: previous) else { throw JournalError.corrupt(path: path, "a hash has not 32 bytes") }
            return JournalProof(
                event: ProvenEvent(try EventFields(row: row)), previous: before,
                path: walk.finish().compactMap { SHA256Value(bytes: $0) }, checkpoint: checkpoint)
        }
    }

    /// The event on which a unit's last outcome rests.
    /// - Throws: ``JournalError``, also where the unit has none.
    public static func outcome(of unit: EUI64, in path: String) throws(JournalError) -> EventNumber {
        try JournalVerifier.reading(path) { database in
            let number = try EventNumber.fetchOne(
                database, sql: "SELECT max(number) FROM events WHERE unit = ? AND kind = 'outcome'", arguments: [unit.description])
            guard let number else { throw JournalError.storage(path: path, "\(unit) has no outcome") }
            return number
        }
    }
}

extension JournalProof.ProvenEvent {
    fileprivate init(_ fields: EventFields) {
        self.init(
            number: fields.number, utc: fields.utc, monotonicNanoseconds: fields.monotonicNanoseconds, slot: fields.slot, unit: fields.unit,
            session: fields.session, kind: fields.kind, payload: fields.payload)
    }
}

extension EventFields {
    fileprivate init(_ event: JournalProof.ProvenEvent) {
        self.init(
            number: event.number, utc: event.utc, monotonicNanoseconds: event.monotonicNanoseconds, slot: event.slot, unit: event.unit,
            session: event.session, kind: event.kind, payload: event.payload)
    }
}
