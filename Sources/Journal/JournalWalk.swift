internal import BenchModel
internal import Foundation

/// One pass over a journal's events, oldest first: each is checked against the one before it, checkpoints against all before them.
struct JournalWalk {
    private(set) var result: JournalVerification
    /// One that was kept elsewhere.
    private let copy: Checkpoint?
    private let archived: JournalEvent.JournalArchived?
    /// Events that stayed when others were archived, as far as they have not come yet. That they are these says an event that comes later.
    private var staying: ArraySlice<JournalEvent.JournalArchived.Kept>
    private var expected: EventNumber = 1
    private var previous = HashChain.start
    private var tree = MerkleFrontier()

    init(path: String, against copy: Checkpoint?, archived: JournalEvent.JournalArchived?) {
        result = JournalVerification(path: path, events: 0, head: nil, fault: nil)
        self.copy = copy
        self.archived = archived
        staying = (archived?.kept ?? [])[...]
        if let copy, !copy.isSigned {
            result.fault = "the checkpoint of event \(copy.event) that was kept elsewhere bears no signature of its key"
        }
        if let archived { begin(after: archived) }
    }

    private mutating func begin(after archived: JournalEvent.JournalArchived) {
        result.archivedBefore = archived.upTo
        guard archived.isSigned, let tree = archived.tree else {
            result.fault = "the journal begins after \(archived.file), and the bench has not signed that this was archived"
            return
        }
        (expected, previous, self.tree) = (archived.upTo, archived.checkpoint.hash.bytes, tree)
        guard let copy, copy.event < archived.upTo else { return }
        if copy.event < archived.checkpoint.event {
            result.fault = "event \(copy.event) is archived: verify \(archived.file) with this checkpoint"
        } else if copy.hash != archived.checkpoint.hash {
            result.fault = unlike(copy, archived.checkpoint.hash.bytes)
        }
    }

    /// Checks the next event. Nothing more is to be added once there is a fault.
    mutating func add(_ fields: EventFields, stored: Data) throws {
        if let next = staying.popFirst() { return addStaying(fields, stored: stored, next) }
        guard fields.number == expected else {
            result.fault = "event \(expected) is missing: after \(expected - 1) comes \(fields.number)"
            return
        }
        let computed = HashChain.hash(after: previous, fields)
        guard check(fields, stored, computed) else { return }
        if fields.kind == "checkpoint" {
            let checkpoint = try JSONText.decode(fields.payload, as: JournalEvent.CheckpointMade.self).checkpoint
            result.fault = fault(in: checkpoint, fields)
            guard result.fault == nil else { return }
            result.checkpoints += 1
            result.lastCheckpoint = checkpoint
        }
        if let copy, fields.number == copy.event, copy.hash.bytes != computed {
            result.fault = unlike(copy, computed)
            return
        }
        previous = computed
        tree.append(computed)
        result.events += 1
        result.last = fields.number
        result.head = SHA256Value(bytes: computed)
        expected += 1
    }

    /// To be called after the last event.
    mutating func end() {
        guard result.fault == nil else { return }
        if let next = staying.first {
            result.fault = "event \(next.number) is missing: it stayed when others went to an archive"
        } else if let archived, result.last < archived.upTo {
            result.fault = "event \(archived.upTo) is missing, with which \(archived.file) ends"
        } else if let copy, copy.event > result.last {
            result.fault =
                "the tail is cut off: expected at least \(copy.event) events, as the bench signed on \(copy.utc), found \(result.last)"
        }
    }

    private mutating func addStaying(_ fields: EventFields, stored: Data, _ next: JournalEvent.JournalArchived.Kept) {
        guard fields.number == next.number else {
            result.fault = "event \(next.number) is missing, which stayed when others went to an archive: found \(fields.number)"
            return
        }
        let computed = HashChain.hash(after: next.previous.bytes, fields)
        guard check(fields, stored, computed), check(fields, Data(next.hash.bytes), computed) else { return }
        result.events += 1
        result.last = fields.number
    }

    private mutating func check(_ fields: EventFields, _ stored: Data, _ computed: [UInt8]) -> Bool {
        if stored.elementsEqual(computed) { return true }
        result.fault =
            "event \(fields.number) (\(fields.kind), \(fields.utc)): expected hash \(Hex.lowercase(computed)), "
            + "found \(Hex.lowercase(Array(stored)))"
        return false
    }

    private func unlike(_ copy: Checkpoint, _ found: [UInt8]) -> String {
        "event \(copy.event): expected hash \(copy.hash), as the bench signed on \(copy.utc), found \(Hex.lowercase(found))"
    }

    /// What is wrong with a checkpoint.
    private func fault(in checkpoint: Checkpoint, _ fields: EventFields) -> String? {
        let place = "checkpoint \(fields.number) (\(fields.utc))"
        guard checkpoint.isSigned else { return "\(place): its signature does not fit" }
        for other in [result.lastCheckpoint ?? archived?.checkpoint, copy].compactMap(\.self) where other.key != checkpoint.key {
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
