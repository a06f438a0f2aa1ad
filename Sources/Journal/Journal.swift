public import BenchModel
internal import Foundation
internal import GRDB

/// The bench's durable, append-only record. What it has not stored has not happened.
///
/// Appends from many sessions share a transaction and thus an fsync; each caller waits until its own events are on the disk.
/// The wait is what bounds the queue: a session has at most one append under way.
public actor Journal {
    /// The journal's file.
    public nonisolated let path: String
    private let store: Store
    private let clock: any BenchClock
    private let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    private var waiting: [Append] = []
    private var isWriting = false

    private enum Store {
        case file(DatabasePool, FileLock)
        case memory(JournalMemory)

        var database: any DatabaseWriter {
            switch self {
            case .file(let pool, _): pool
            case .memory(let memory): memory.queue
            }
        }
    }

    private struct Append {
        let work: Work
        let continuation: CheckedContinuation<Result<[EventRecord], any Error>, Never>
    }

    /// What makes the events that are to be stored, from what is stored before them.
    typealias Work = @Sendable (Database) throws -> [JournalDraft]

    /// Opens the journal, and makes it where there is none. It stays locked against other daemons until it is closed.
    /// - Throws: ``JournalError``; nothing has been changed then.
    public init(path: String, clock: any BenchClock) throws(JournalError) {
        self.path = path
        self.clock = clock
        lane = DispatchLanes().lane("journal", controller: nil)
        do {
            let lock = try FileLock(path)
            var configuration = Configuration()
            configuration.label = "journal"
            configuration.busyMode = .timeout(5)
            let pool = try DatabasePool(path: path, configuration: configuration)
            try Self.migrate(pool, path: path)
            // DatabasePool lowers this to NORMAL by itself, with which a power cut may lose the last commits.
            let synchronous = try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                return try Int.fetchOne(database, sql: "PRAGMA synchronous")
            }
            guard synchronous == 2 else { throw JournalError.storage(path: path, "SQLite did not accept synchronous=FULL") }
            store = .file(pool, lock)
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// A journal that is kept in memory and works on `lane` alone, so that whoever makes the time also makes the order in which things are stored.
    public init(_ memory: JournalMemory, lane: Lane, clock: any BenchClock) throws(JournalError) {
        path = JournalMemory.path
        self.clock = clock
        self.lane = lane
        store = .memory(memory)
        do { try Self.migrate(memory.queue, path: path) } catch { throw JournalError(error, path: path) }
    }

    private static func migrate(_ database: some DatabaseWriter, path: String) throws {
        let migrator = JournalSchema.migrator
        if try database.read({ try migrator.hasBeenSuperseded($0) }) { throw JournalError.newerSchema(path: path) }
        try migrator.migrate(database)
    }

    /// Stores events in order, in one transaction, and returns them once they are on the disk.
    /// - Throws: ``JournalError``; then none of them is stored.
    @discardableResult
    public func append(_ drafts: [JournalDraft]) async throws(JournalError) -> [EventRecord] {
        do { return try await enqueue { _ in drafts } } catch { throw JournalError(error, path: path) }
    }

    /// Stores what `decide` says to, in the order in which it says it; nothing else is stored between what it has read and that.
    /// - Throws: what `decide` throws, or ``JournalError``; then nothing is stored.
    @discardableResult
    public func append(deciding decide: @escaping @Sendable (JournalReader) throws -> [JournalDraft]) async throws -> [EventRecord] {
        try await enqueue { try decide(JournalReader(database: $0)) }
    }

    /// Stores an event, and does `then` in the same transaction.
    func append(_ draft: JournalDraft, then: @escaping @Sendable (Database) throws -> Void) async throws(JournalError) {
        let utc = UTC.text(clock.utcMilliseconds)
        let monotonic = monotonic
        do {
            try await store.database.write { database in
                var tail = try Tail(database)
                _ = try tail.append(draft, utc: utc, monotonic: monotonic, database)
                try then(database)
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Works on the file itself; nothing where the journal is in memory.
    func inFile(_ body: (DatabasePool) async throws -> Void) async throws {
        if case .file(let pool, _) = store { try await body(pool) }
    }

    private nonisolated var monotonic: Int64 {
        let now = clock.now.components
        return now.seconds * 1_000_000_000 + now.attoseconds / 1_000_000_000
    }

    private func enqueue(_ work: @escaping Work) async throws -> [EventRecord] {
        let result = await withCheckedContinuation { continuation in
            waiting.append(Append(work: work, continuation: continuation))
            guard !isWriting else { return }
            isWriting = true
            Task(executorPreference: lane) { await self.write() }
        }
        return try result.get()
    }

    /// Stores one event.
    @discardableResult
    public func append(_ draft: JournalDraft) async throws(JournalError) -> EventRecord {
        let records = try await append([draft])
        return records[0]
    }

    private func write() async {
        while !waiting.isEmpty {
            let batch = waiting
            waiting = []
            let results = await stored(batch.map(\.work))
            for (append, result) in zip(batch, results) { append.continuation.resume(returning: result) }
        }
        isWriting = false
    }

    /// Milliseconds by which a clock may be set back without that meaning anything: time services do it.
    private static let clockTolerance: Int64 = 5000

    private func stored(_ works: [Work]) async -> [Result<[EventRecord], any Error>] {
        let utc = UTC.text(clock.utcMilliseconds)
        let latest = UTC.text(clock.utcMilliseconds + Self.clockTolerance)
        let monotonic = monotonic
        let body: @Sendable (Database) throws -> [Result<[EventRecord], any Error>] = { [path] database in
            var tail = try Tail(database)
            guard tail.utc <= latest else { throw JournalError.clockBehind(path: path, last: tail.utc, now: utc) }
            return try works.map { work in
                let drafts: [JournalDraft]
                // It has only read: the others' events stay.
                do { drafts = try work(database) } catch {
                    return .failure(error is DatabaseError ? JournalError(error, path: path) : error)
                }
                return .success(try drafts.map { try tail.append($0, utc: utc, monotonic: monotonic, database) })
            }
        }
        do {
            switch store {
            case .file(let pool, _): return try await pool.write(body)
            case .memory(let memory): return try await memory.write(body, clock: clock)
            }
        } catch {
            let failure = JournalError(error, path: path)
            return works.map { _ in .failure(failure) }
        }
    }

    /// Asks something of one moment of the journal.
    /// - Throws: ``JournalError``.
    public nonisolated func look<Value: Sendable>(
        _ body: @escaping @Sendable (JournalReader) throws -> Value
    ) async throws(JournalError) -> Value {
        try await read { try body(JournalReader(database: $0)) }
    }

    /// UTC now, as events have it.
    nonisolated var now: String { UTC.text(clock.utcMilliseconds) }

    /// Reads with `body` from a snapshot.
    nonisolated func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(JournalError) -> Value {
        do {
            switch store {
            case .file(let pool, _): return try await pool.read(body)
            case .memory(let memory): return try memory.read(body)
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Writes what is no event, in a transaction of its own.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(JournalError) -> Value {
        do { return try await store.database.write(body) } catch { throw JournalError(error, path: path) }
    }

    /// SQLite's `synchronous` as the writing connection has it: 2 is FULL.
    func synchronousMode() async throws -> Int? {
        try await store.database.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
    }

    /// Keeps the file from growing beyond so many pages, and returns how many that are now.
    func limitPages(to count: Int) async throws -> Int {
        try await store.database.writeWithoutTransaction { database in
            try Int.fetchOne(database, sql: "PRAGMA max_page_count = \(count)") ?? 0
        }
    }

    /// Has SQLite refuse to write as it does on a file system that is mounted for reading alone: SQLITE_READONLY.
    func allowWriting(_ isAllowed: Bool) async throws {
        try await store.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = \(isAllowed ? 0 : 1)") }
    }

    /// Folds the write-ahead log into the file and gives it up. Nothing can be stored after that.
    public func close() throws {
        guard case .file(let pool, let lock) = store else { return }
        // SQLite does this by itself only where the last connection to close may write; here that is a reader.
        _ = try pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try pool.close()
        lock.release()
    }

    /// Throws away the projected tables and makes them anew from the events.
    /// - Returns: how many events they are.
    @discardableResult
    public func rebuildProjections(progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil) async throws(JournalError) -> Int {
        do {
            switch store {
            case .file(let pool, _):
                // The tables' indexes are filled in no order: with SQLite's usual 2 MB their pages would come and go.
                try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA cache_size = -65536") }
                return try await pool.write { try Projection.rebuild($0, progress: progress) }
            case .memory(let memory): return try memory.rebuild()
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }
}

/// The journal's end, to which events are added within one transaction.
private struct Tail {
    private var number: EventNumber
    private var hash: [UInt8]
    /// When the last event was stored; empty where there is none.
    private(set) var utc: String

    init(_ database: Database) throws {
        let row = try Row.fetchOne(try database.cachedStatement(sql: "SELECT number, utc, hash FROM events ORDER BY number DESC LIMIT 1"))
        number = try row?.decode(forColumn: "number") ?? 0
        utc = try row?.decode(forColumn: "utc") ?? ""
        let bytes: Data? = try row?.decode(forColumn: "hash")
        hash = bytes.map { Array($0) } ?? HashChain.start
    }

    mutating func append(
        _ draft: JournalDraft, utc now: String, monotonic: Int64, _ database: Database
    ) throws -> EventRecord {
        number += 1
        // A clock that was set back a little does not take the record with it: numbers and times rise together.
        utc = max(utc, now)
        let isStart = if case .sessionStarted = draft.event { true } else { false }
        let fields = EventFields(
            number: number, utc: utc, monotonicNanoseconds: monotonic, slot: draft.slot?.label,
            unit: draft.unit?.description, session: isStart ? number : draft.session, kind: draft.event.kind,
            payload: try draft.event.payload())
        hash = HashChain.hash(after: hash, fields)
        let insert = try database.cachedStatement(
            sql: """
                INSERT INTO events (number, utc, monotonic, slot, unit, session, kind, payload, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(
            arguments: [
                fields.number, fields.utc, fields.monotonicNanoseconds, fields.slot, fields.unit, fields.session,
                fields.kind, fields.payload, Data(hash),
            ])
        try Projection.apply(fields, database)
        guard let value = SHA256Value(bytes: hash) else { preconditionFailure("SHA-256 has 32 bytes") }
        return EventRecord(
            number: number, utc: utc, monotonicNanoseconds: monotonic, slot: draft.slot, unit: draft.unit,
            session: fields.session, kind: fields.kind, payload: fields.payload, hash: value)
    }
}

extension JournalError {
    init(_ error: any Error, path: String) {
        switch error {
        case let error as JournalError:
            self = error
        case let error as DatabaseError:
            let message = error.message ?? "SQLite error \(error.resultCode.rawValue)"
            self =
                switch error.resultCode.primaryResultCode {
                case .SQLITE_FULL: .diskFull(path: path)
                case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN: .readOnly(path: path)
                case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt(path: path, message)
                default: .storage(path: path, message)
                }
        default:
            self = .storage(path: path, "\(error)")
        }
    }
}
