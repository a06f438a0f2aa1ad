import BenchModel
import Foundation
import GRDB
@testable import Journal
import Testing

@Suite struct CheckpointTests {
    /// A journal with checkpoints after three and after six other events, closed; and the second of them.
    private func withCheckpoints(_ body: (_ path: String, _ kept: Checkpoint) async throws -> Void) async throws {
        try await withJournal { journal, path in
            let key = try BenchKey(path: path + ".key")
            for _ in 0..<3 { try await journal.append(JournalDraft(.held, slot: slotA1, unit: unit1)) }
            try await journal.makeCheckpoint(bench: "rack-a", key: key, why: "asked")
            for _ in 0..<3 { try await journal.append(JournalDraft(.held, slot: slotA1, unit: unit1)) }
            let kept = try #require(try await journal.makeCheckpoint(bench: "rack-a", key: key, why: "asked"))
            try await journal.append(JournalDraft(.held, slot: slotA1, unit: unit1))
            try await journal.close()
            try await body(path, kept)
        }
    }

    private func change(_ path: String, _ sql: String, rehashFrom first: EventNumber? = nil) async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.write { database in
            try database.execute(sql: "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed")
            try database.execute(sql: sql)
            // As somebody does it who knows how the chain is made.
            guard let first else { return }
            var previous =
                try Data.fetchOne(database, sql: "SELECT hash FROM events WHERE number = ?", arguments: [first - 1])
                .map { Array($0) } ?? HashChain.start
            for row in try Row.fetchAll(database, sql: "SELECT * FROM events WHERE number >= ? ORDER BY number", arguments: [first]) {
                let fields = try EventFields(row: row)
                previous = HashChain.hash(after: previous, fields)
                try database.execute(sql: "UPDATE events SET hash = ? WHERE number = ?", arguments: [Data(previous), fields.number])
            }
        }
        try queue.close()
    }

    @Test func `an intact journal says how many checkpoints it has, and fits the one that was kept elsewhere`() async throws {
        try await withCheckpoints { path, kept in
            let result = try JournalVerifier.verify(path, against: kept)
            #expect(result.fault == nil)
            #expect(result.events == 9)
            #expect(result.checkpoints == 2)
            #expect(result.lastCheckpoint == kept)
            #expect(kept.event == 7)
            let mode = try FileManager.default.attributesOfItem(atPath: path + ".key")[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test(arguments: [
        ("UPDATE events SET slot = 'A2' WHERE number = 2", 2, "checkpoint 4 ("),
        (
            "DELETE FROM events WHERE number = 7; UPDATE events SET number = 7 WHERE number = 8; UPDATE events SET number = 8 WHERE number = 9",
            7,
            "checkpoint 7 ("
        ),
        (
            "DELETE FROM events WHERE number = 9; DELETE FROM events WHERE number = 8; DELETE FROM events WHERE number = 7", 7,
            "the tail is cut off: expected at least 7 events"
        ),
        ("DELETE FROM events WHERE kind = 'checkpoint'; UPDATE events SET number = number - 1 WHERE number > 3", 4, "event 7 is missing"),
        ("UPDATE events SET slot = 'A2' WHERE number = 6", 6, "event 7: expected hash"),
    ])
    func `somebody who makes the chain anew after what was changed is found out by the checkpoints`(
        sql: String, first: EventNumber, fault: String
    ) async throws {
        try await withCheckpoints { path, kept in
            try await change(path, sql, rehashFrom: first)
            let result = try JournalVerifier.verify(path, against: kept)
            #expect(result.fault?.hasPrefix(fault) == true, "\(result.fault ?? "none")")
        }
    }

    @Test func `a bench key that was replaced shows`() async throws {
        try await withCheckpoints { path, kept in
            try FileManager.default.removeItem(atPath: path + ".key")
            let journal = try Journal(path: path, clock: SystemClock())
            try await journal.makeCheckpoint(bench: "rack-a", key: try BenchKey(path: path + ".key"), why: "asked")
            try await journal.close()
            let result = try JournalVerifier.verify(path, against: kept)
            #expect(result.fault?.hasPrefix("checkpoint 10 (") == true)
            #expect(result.fault?.hasSuffix("the bench's key was replaced") == true)
        }
    }

    @Test func `a checkpoint that somebody else has written is none`() async throws {
        try await withCheckpoints { path, kept in
            var forged = kept
            forged.event = 2
            let result = try JournalVerifier.verify(path, against: forged)
            #expect(
                result.fault
                    == "the checkpoint of event 2 that was kept elsewhere bears no signature of its key")
        }
    }

    @Test func `where nothing was stored since, the checkpoint before is given again`() async throws {
        try await withJournal { journal, path in
            let key = try BenchKey(path: path + ".key")
            #expect(try await journal.makeCheckpoint(bench: "b", key: key, why: "asked") == nil)
            try await journal.append(JournalDraft(.held, slot: slotA1))
            let first = try await journal.makeCheckpoint(bench: "b", key: key, why: "asked")
            #expect(first?.event == 1)
            #expect(try await journal.makeCheckpoint(bench: "b", key: key, why: "asked") == first)
            #expect(try await journal.events(after: 0, limit: 10).count == 2)
        }
    }

    @Test func `checkpoints go to a second place, and again where one is missing there`() async throws {
        try await withJournal { journal, path in
            let copies = path + ".copies"
            let checkpointer = Checkpointer(
                journal, key: try BenchKey(path: path + ".key"), bench: "rack a", place: CheckpointFolder(copies), clock: SystemClock())
            try await journal.append(JournalDraft(.held, slot: slotA1))
            try await checkpointer.keepUp()
            let file = "\(copies)/rack_a-1.checkpoint.json"
            let copy = try JSONDecoder().decode(Checkpoint.self, from: Data(contentsOf: URL(filePath: file)))
            #expect(try await journal.lastCheckpoint() == copy)
            try FileManager.default.removeItem(atPath: file)
            try await checkpointer.keepUp()
            #expect(FileManager.default.fileExists(atPath: file))
            #expect(try await journal.events(after: 0, limit: 10).count == 2)
        }
    }

    @Test func `each event is proven with the checkpoint alone, and a changed one is not`() async throws {
        try await withCheckpoints { path, kept in
            for number in EventNumber(1)...7 {
                let proof = try JournalProof.of(number, in: path)
                #expect(proof.fault(key: kept.key) == nil, "event \(number)")
                var changed = proof
                changed.event.payload = "{ }"
                #expect(changed.fault(key: nil) == "event \(number) is not in what the bench has signed: it, or the proof, was changed")
                var moved = proof
                moved.event.number += 1
                #expect(moved.fault(key: nil) != nil)
            }
            let other = String(repeating: "0", count: 64)
            #expect(
                try JournalProof.of(1, in: path).fault(key: other) == "expected a checkpoint signed by \(other), found one by \(kept.key)")
            let error = #expect(throws: JournalError.self) { try JournalProof.of(9, in: path) }
            #expect(
                error?.description.hasSuffix("no checkpoint vouches for event 9 yet: 'reflashctl journal checkpoint' makes one") == true)
        }
    }
}

@Suite struct MerkleTreeTests {
    /// RFC 9162 §2.1.1, read as it is written.
    private func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        guard leaves.count > 1 else { return leaves.first.map { MerkleTree.leaf($0) } ?? MerkleTree.empty }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        let middle = leaves.startIndex + half
        return MerkleTree.node(root(leaves[..<middle]), root(leaves[middle...]))
    }

    @Test(arguments: 0...40)
    func `the edge's root is the tree's, and every leaf has a path to it`(count: Int) {
        let leaves = (0..<count).map { [UInt8](repeating: UInt8($0), count: 32) }
        var frontier = MerkleFrontier()
        for leaf in leaves { frontier.append(leaf) }
        #expect(frontier.root == root(leaves[...]))
        #expect(MerkleFrontier(size: frontier.size, roots: frontier.roots) == frontier)
        for index in 0..<count {
            var walk = MerklePathWalk(to: UInt64(index))
            for leaf in leaves { walk.append(leaf) }
            let path = walk.finish()
            let leaf = MerkleTree.leaf(leaves[index])
            #expect(MerkleTree.verifies(leaf, at: UInt64(index), of: UInt64(count), path: path, root: frontier.root))
            #expect(!MerkleTree.verifies(MerkleTree.leaf([1]), at: UInt64(index), of: UInt64(count), path: path, root: frontier.root))
            #expect(!MerkleTree.verifies(leaf, at: UInt64(index) + 1, of: UInt64(count), path: path, root: frontier.root))
        }
    }

    /// RFC 6962's test vectors, as Certificate Transparency's implementations share them.
    @Test func `the empty tree and a first leaf have the roots that others compute`() {
        #expect(Hex.lowercase(MerkleTree.empty) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var frontier = MerkleFrontier()
        frontier.append([])
        #expect(Hex.lowercase(frontier.root) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
        frontier.append([0])
        #expect(Hex.lowercase(frontier.root) == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")
    }
}
