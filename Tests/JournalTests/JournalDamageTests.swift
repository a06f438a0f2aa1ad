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
