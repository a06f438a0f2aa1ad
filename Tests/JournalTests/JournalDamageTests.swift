import BenchModel
import Foundation
import GRDB
@testable import Journal
import Testing

@Suite struct JournalDamageTests {
    /// A journal with five events, changed by `sql` behind the program's back.
    private func damaged(_ sql: String) async throws -> JournalVerification {
        var result: JournalVerification?
        try await withJournal { journal, path in
            for _ in 0..<5 { try await journal.append(JournalDraft(.held, slot: slotA1)) }
            try await journal.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { database in
                try database.execute(sql: "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed")
                try database.execute(sql: sql)
            }
            try queue.close()
            result = try JournalVerifier.verify(path)
        }
        return try #require(result)
    }

    @Test(arguments: [
        ("UPDATE events SET slot = 'A2' WHERE number = 3", "event 3 (slot-held"),
        ("UPDATE events SET payload = '{ }' WHERE number = 3", "event 3 (slot-held"),
        ("UPDATE events SET utc = '2020-01-01T00:00:00.000Z' WHERE number = 2", "event 2 (slot-held"),
        ("UPDATE events SET slot = NULL WHERE number = 1", "event 1 (slot-held"),
        ("DELETE FROM events WHERE number = 2", "event 2 is missing: after 1 comes 3"),
        ("UPDATE events SET hash = x'00' WHERE number = 5", "event 5 (slot-held"),
        (
            "UPDATE events SET number = CASE number WHEN 2 THEN 103 ELSE 102 END WHERE number IN (2, 3); UPDATE events SET number = number - 100 WHERE number > 100",
            "event 2 (slot-held"
        ),
        (
            "UPDATE events SET number = number + 100 WHERE number > 2; UPDATE events SET number = number - 99 WHERE number > 100; "
                + "INSERT INTO events SELECT 3, utc, monotonic, slot, unit, session, kind, payload, hash FROM events WHERE number = 2",
            "event 3 (slot-held"
        ),
        (
            "INSERT INTO events SELECT 6, utc, monotonic, slot, unit, session, kind, payload, hash FROM events WHERE number = 5",
            "event 6 (slot-held"
        ),
    ])
    func `a journal that was tampered with names the first event that does not fit`(sql: String, fault: String) async throws {
        let verification = try await damaged(sql)
        #expect(verification.fault?.hasPrefix(fault) == true, "\(verification.fault ?? "none")")
    }

    @Test func `events can't be changed or removed through the open database`() async throws {
        try await withJournal { journal, path in
            try await journal.append(JournalDraft(.held, slot: slotA1))
            let queue = try DatabaseQueue(path: path)
            await #expect(throws: DatabaseError.self) { try await queue.write { try $0.execute(sql: "UPDATE events SET slot = 'A2'") } }
            await #expect(throws: DatabaseError.self) { try await queue.write { try $0.execute(sql: "DELETE FROM events") } }
        }
    }

    @Test func `a journal of a newer version is refused and stays as it is`() async throws {
        try await withJournal { journal, path in
            try await journal.append(JournalDraft(.held, slot: slotA1))
            try await journal.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')") }
            try queue.close()
            let error = #expect(throws: JournalError.self) { try Journal(path: path, clock: SystemClock()) }
            #expect(error?.code == "journal-newer-schema")
            #expect(error?.description.contains("was written by a newer version") == true)
            #expect(throws: JournalError.self) { try JournalVerifier.verify(path) }
        }
    }

    @Test func `a second daemon is refused`() async throws {
        try await withJournal { _, path in
            let error = #expect(throws: JournalError.self) { try Journal(path: path, clock: SystemClock()) }
            #expect(error?.description == "\(path) is in use by another reflashd")
        }
    }

    @Test func `a file that is no journal is refused`() async throws {
        try await withJournal { _, path in
            let other = path + ".txt"
            try Data("this is no database, but long enough to be looked at: \(String(repeating: "x", count: 2000))".utf8)
                .write(to: URL(filePath: other))
            #expect(throws: JournalError.self) { try JournalVerifier.verify(other) }
            let error = #expect(throws: JournalError.self) { try Journal(path: other, clock: SystemClock()) }
            #expect(error?.code == "journal-corrupt")
            #expect(throws: JournalError.self) { try JournalVerifier.verify(path + ".none") }
        }
    }

    @Test func `a full disk stores nothing, says so, and goes on when there is room`() async throws {
        try await withJournal { journal, path in
            try await journal.append(JournalDraft(.held, slot: slotA1))
            // SQLite's own limit, which fails as a full disk does: SQLITE_FULL.
            let pages = try await journal.limitPages(to: 1)
            var failure: JournalError?
            for _ in 0..<200 where failure == nil {
                do throws(JournalError) {
                    try await journal.append(JournalDraft(.held, slot: slotA1))
                } catch {
                    failure = error
                }
            }
            #expect(failure?.code == "journal-disk-full")
            let stored = try JournalVerifier.verify(path)
            #expect(stored.isIntact)
            _ = try await journal.limitPages(to: pages + 1000)
            let next = try await journal.append(JournalDraft(.held, slot: slotA1))
            #expect(next.number == EventNumber(stored.events + 1))
        }
    }
}

/// Pages of the file that are not what was written.
@Suite struct DamagedPageTests {
    private static let pageBytes = 4096

    /// A journal of some hundred events, closed; then `body` with its file and a copy of it.
    private func withClosed(_ body: (String, Data) async throws -> Void) async throws {
        try await withJournal { journal, path in
            for _ in 0..<300 { try await journal.append(JournalDraft(.held, slot: slotA1)) }
            try await journal.close()
            try await body(path, try Data(contentsOf: URL(filePath: path)))
        }
    }

    @Test(arguments: UInt64(1)...12) func `no damage is read as if it were whole`(seed: UInt64) async throws {
        try await withClosed { path, whole in
            var damaged = whole
            let page = Int(seed) * (whole.count / Self.pageBytes - 1) / 12
            for index in 0..<Self.pageBytes where index % 3 == 0 { damaged[page * Self.pageBytes + index] ^= 0x5A }
            try damaged.write(to: URL(filePath: path))
            // Either it can't be read, or the first event that does not fit is named, or the damage is in no event.
            do throws(JournalError) {
                let found = try JournalVerifier.verify(path)
                #expect(!found.isIntact || found.events == 300)
            } catch {
                #expect(["journal-corrupt", "journal-storage"].contains(error.code), "page \(page): \(error)")
            }
        }
    }

    @Test func `a journal whose end can't be read stores nothing, says so, and goes on when a copy is in its place`() async throws {
        try await withClosed { path, whole in
            var damaged = whole
            for index in Self.pageBytes..<damaged.count { damaged[index] = 0xFF }
            try damaged.write(to: URL(filePath: path))
            let error = await #expect(throws: JournalError.self) {
                let journal = try Journal(path: path, clock: SystemClock())
                try await journal.append(JournalDraft(.held, slot: slotA1))
            }
            #expect(error?.code == "journal-corrupt")
            #expect(error?.description.hasSuffix("restore it from a copy, or start another journal") == true)
            for file in [path + "-wal", path + "-shm"] { try? FileManager.default.removeItem(atPath: file) }
            try whole.write(to: URL(filePath: path))
            let journal = try Journal(path: path, clock: SystemClock())
            let next = try await journal.append(JournalDraft(.held, slot: slotA1))
            #expect(next.number == 301)
            try await journal.close()
            #expect(try JournalVerifier.verify(path).isIntact)
        }
    }

    @Test func `a journal that may not be written is refused, and said to be so`() async throws {
        try await withJournal { journal, path in
            try await journal.append(JournalDraft(.held, slot: slotA1))
            // As a file system that was mounted anew for reading alone makes it.
            try await journal.allowWriting(false)
            let error = await #expect(throws: JournalError.self) { try await journal.append(JournalDraft(.held, slot: slotA1)) }
            #expect(error?.code == "journal-read-only")
            try await journal.allowWriting(true)
            let next = try await journal.append(JournalDraft(.held, slot: slotA1))
            #expect(next.number == 2)
        }
    }
}
