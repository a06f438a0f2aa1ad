import BenchModel
import Foundation
import GRDB
import GRDBSQLite
@testable import Journal
import Testing

@Suite struct StatementTests {
    @Test func `a session leaves no statement behind: a journal of years is as quick as a new one`() async throws {
        try await withJournal { journal, _ in
            func serve(_ count: Int) async throws {
                for _ in 0..<count {
                    let session = try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1)).number
                    try await journal.append(JournalDraft(.outcome(Verdict(.reflashed)), slot: slotA1, unit: unit1, session: session))
                    try await journal.append(JournalDraft(.unitRemoved, slot: slotA1))
                }
            }
            try await serve(2)
            let before = try await journal.preparedStatements()
            try await serve(20)
            let after = try await journal.preparedStatements()
            #expect(before > 0)
            #expect(after == before)
        }
    }
}

extension Journal {
    /// Statements that SQLite keeps prepared on the connection that writes.
    fileprivate func preparedStatements() async throws -> Int {
        try await write { database in
            var count = 0
            var statement: OpaquePointer?
            while let next = sqlite3_next_stmt(database.sqliteConnection, statement) {
                count += 1
                statement = next
            }
            return count
        }
    }
}
