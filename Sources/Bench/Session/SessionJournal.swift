internal import BenchModel
internal import Journal
internal import Logging

/// A session's pen: writes its events, and waits where the journal can't take them. What is not stored has not happened, so
/// the session does not go on either.
struct SessionJournal: Sendable {
    let journal: Journal
    let board: Board
    let slot: SlotID
    let clock: any BenchClock
    let logger: Logger
    var unit: EUI64?
    var session: SessionID?

    /// The pause between two tries to store what could not be stored.
    private static let pause = Duration.seconds(2)

    /// Stores an event, in one with what was noted before it, however long that takes.
    /// - Throws: `CancellationError` when the session is cancelled while nothing can be stored.
    @discardableResult
    func record(_ event: JournalEvent, after notes: [JournalEvent] = []) async throws -> EventRecord {
        let drafts = (notes + [event]).map { JournalDraft($0, slot: slot, unit: unit, session: session) }
        let records = try await persist(event.kind) { () async throws(JournalError) in try await journal.append(drafts) }
        return records[records.count - 1]
    }

    /// Stores a whole session that has nothing between its beginning and its end, where that is still true in the end: each try asks `isThere`,
    /// and in its transaction `isTrue`.
    /// - Returns: whether it did.
    /// - Throws: as ``record(_:after:)``.
    func record(
        _ started: JournalEvent.SessionStarted, _ verdict: Verdict, unless isThere: () async -> Bool,
        where isTrue: @escaping @Sendable (JournalReader) throws -> Bool
    ) async throws -> Bool {
        let records = try await persist("outcome") { [slot, unit] () async throws in
            if await isThere() { return nil }
            return try await journal.append { journal in
                guard try isTrue(journal) else { return [] }
                let session = try journal.nextNumber()
                return [
                    JournalDraft(.sessionStarted(started), slot: slot, unit: unit),
                    JournalDraft(.outcome(verdict), slot: slot, unit: unit, session: session),
                ]
            }
        }
        return !records.isEmpty
    }

    /// `store`: `nil` where it did not come to a try.
    private func persist(_ kind: String, _ store: () async throws -> [EventRecord]?) async throws -> [EventRecord] {
        while true {
            do {
                guard let records = try await store() else { return [] }
                board.setImpediment(nil)
                return records
            } catch {
                logger.error("not recorded", metadata: ["kind": "\(kind)", "error": "\(error)"])
                board.setImpediment("flashing waits: \(error)")
            }
            try await clock.sleep(for: Self.pause)
        }
    }
}
