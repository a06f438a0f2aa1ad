import ArgumentParser
import BenchModel
import Foundation
import GRDB
import Journal

/// How many durable events a second many sessions can record, beside rows of the same size that SQLite alone stores: as many in a transaction,
/// with the same `synchronous`, in the same run and folder.
struct AppendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "append", abstract: "Measure how fast events are stored durably.")

    @Option(help: "Sessions that record at the same time, each one event after the other.") var sessions = 64
    @Option(help: "Events of each session.") var events = 1000
    @Argument(help: "A folder on the disk that is measured.") var folder: String

    func run() async throws {
        let name = "\(folder)/journal-load-\(ProcessInfo.processInfo.processIdentifier)"
        defer { for file in [name, name + "-wal", name + "-shm", name + ".lock"] { try? FileManager.default.removeItem(atPath: file) } }
        let (ours, bytes) = try await journal(name)
        for file in [name, name + "-wal", name + "-shm"] { try? FileManager.default.removeItem(atPath: file) }
        let plain = try sqlite(name, payload: String(repeating: "x", count: bytes))
        print(
            "bench: journal-append-\(sessions) ours=\(Int(ours)) peer=\(Int(plain)) ratio=\((ours / plain * 100).rounded() / 100) unit=events/s"
        )
    }

    private func journal(_ path: String) async throws -> (rate: Double, bytes: Int) {
        let journal = try Journal(path: path, clock: SystemClock())
        let transfer = JournalEvent.Transfer(component: "application", lengthBytes: 1_048_576, attempt: 1)
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for session in 0..<sessions {
                group.addTask {
                    let unit = EUI64(rawValue: 0x00DB_1234_0000_0000 + UInt64(session))
                    let slot = SlotID("A\(session < 9 ? "0" : "")\(session + 1)")
                    for _ in 0..<events {
                        try await journal.append(JournalDraft(.transferStarted(transfer), slot: slot, unit: unit, session: 1))
                    }
                }
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - start).seconds
        let first = try await journal.events(after: 0, limit: 1)
        try await journal.close()
        return (Double(sessions * events) / seconds, first[0].payload.utf8.count)
    }

    /// Rows with the columns and indexes of events, without hashes and projections.
    private func sqlite(_ path: String, payload: String) throws -> Double {
        let pool = try DatabasePool(path: path)
        try pool.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE events (
                        number INTEGER PRIMARY KEY, utc TEXT NOT NULL, monotonic INTEGER NOT NULL, slot TEXT, unit TEXT,
                        session INTEGER, kind TEXT NOT NULL, payload TEXT NOT NULL, hash BLOB NOT NULL
                    ) STRICT;
                    CREATE INDEX events_by_unit ON events (unit) WHERE unit IS NOT NULL;
                    CREATE INDEX events_by_slot ON events (slot, number) WHERE slot IS NOT NULL;
                    """)
        }
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let hash = Data(repeating: 0xA5, count: 32)
        let start = ContinuousClock.now
        for transaction in 0..<events {
            try pool.write { database in
                let insert = try database.cachedStatement(
                    sql:
                        "INSERT INTO events (number, utc, monotonic, slot, unit, session, kind, payload, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                )
                for session in 0..<sessions {
                    try insert.execute(
                        arguments: [
                            transaction * sessions + session + 1, "2026-01-01T00:00:00.000Z", 1_000_000_000, "A01",
                            "00-DB-12-34-00-00-00-01",
                            1, "transfer-started", payload, hash,
                        ])
                }
            }
        }
        let seconds = (ContinuousClock.now - start).seconds
        try pool.close()
        return Double(sessions * events) / seconds
    }
}
