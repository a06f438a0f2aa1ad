public import BenchModel
internal import GRDB
internal import Synchronization

/// What a journal in memory is kept in: it outlives the bench that wrote it, as a disk does, and the bench's power can be cut at any store.
public final class JournalMemory: Sendable {
    /// What errors call it.
    static let path = "(memory)"

    let queue: DatabaseQueue
    private let state: Mutex<State>
    private let stored: @Sendable ([EventRecord]) -> Void

    private struct State {
        var isCut = false
        var storesLeft: Int?
        var keepsLast = false
        var onCut: @Sendable () -> Void = {}
        var latency: @Sendable () -> Duration
        var trouble: JournalError?
        var storesBeforeTrouble = 0
    }

    /// `latency`: how long a store takes. `stored`: told of the events of each store, in the moment in which it is on the disk.
    /// - Throws: where SQLite can't make a database.
    public init(
        latency: @escaping @Sendable () -> Duration = { .zero }, stored: @escaping @Sendable ([EventRecord]) -> Void = { _ in }
    ) throws {
        var configuration = Configuration()
        configuration.label = "journal.memory"
        queue = try DatabaseQueue(configuration: configuration)
        state = Mutex(State(latency: latency))
        self.stored = stored
    }

    /// Cuts the bench's power at a store, counted from 1 and from now: nothing is stored or read any more until ``restorePower()``.
    /// `keepsLast`: whether that store is on the disk; the bench does not hear of it either way. `onCut` is called in that moment.
    public func cutPower(atStore store: Int, keepsLast: Bool, onCut: @escaping @Sendable () -> Void) {
        state.withLock { state in (state.storesLeft, state.keepsLast, state.onCut) = (store, keepsLast, onCut) }
    }

    /// Makes every store fail with `trouble` from the one after so many on, as a disk does that is full or damaged; `nil` for none.
    public func refuseStores(with trouble: JournalError?, after stores: Int = 0) {
        state.withLock { state in (state.trouble, state.storesBeforeTrouble) = (trouble, stores) }
    }

    public func restorePower() { state.withLock { state in (state.isCut, state.storesLeft) = (false, nil) } }

    /// All of it as a file, for whoever verifies files.
    public func write(to path: String) throws {
        let file = try DatabaseQueue(path: path)
        try queue.backup(to: file)
        try file.close()
    }

    typealias Stored = [Result<[EventRecord], any Error>]

    func write(_ body: (Database) throws -> Stored, clock: any BenchClock) async throws -> Stored {
        let latency = state.withLock { $0.latency() }
        if latency > .zero { try? await clock.sleep(for: latency) }
        return try writeNow(body)
    }

    private func writeNow(_ body: (Database) throws -> Stored) throws -> Stored {
        try expectPower()
        try expectRoom()
        let (isLast, keeps, onCut) = state.withLock { state in
            state.storesLeft? -= 1
            if state.storesLeft == 0 { state.isCut = true }
            return (state.isCut, state.keepsLast, state.onCut)
        }
        var records: Stored = []
        if !isLast || keeps {
            records = try queue.write(body)
            stored(records.flatMap { (try? $0.get()) ?? [] })
        }
        guard !isLast else {
            onCut()
            throw JournalError.storage(path: Self.path, "the power is cut")
        }
        return records
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try expectPower()
        // The one connection there is does one thing at a time. GRDB's own `read` would forbid it to write and allow it again, and at each of
        // these SQLite forgets what it has made of every statement.
        return try queue.unsafeRead(body)
    }

    func rebuild() throws -> Int { try queue.write { try Projection.rebuild($0) } }

    private func expectRoom() throws {
        let trouble: JournalError? = state.withLock { state in
            guard state.trouble != nil, state.storesBeforeTrouble > 0 else { return state.trouble }
            state.storesBeforeTrouble -= 1
            return nil
        }
        if let trouble { throw trouble }
    }

    private func expectPower() throws {
        if state.withLock({ $0.isCut }) { throw JournalError.storage(path: Self.path, "the power is cut") }
    }
}
