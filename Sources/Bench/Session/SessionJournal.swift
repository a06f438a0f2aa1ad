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
        while true {
            do throws(JournalError) {
                let records = try await journal.append(drafts)
                board.setImpediment(nil)
                return records[records.count - 1]
            } catch {
                logger.error("not recorded", metadata: ["kind": "\(event.kind)", "error": "\(error)"])
                board.setImpediment("flashing waits: \(error)")
            }
            try await clock.sleep(for: Self.pause)
        }
    }
}
