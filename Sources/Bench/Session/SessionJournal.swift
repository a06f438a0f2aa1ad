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

    /// Stores an event, however long that takes.
    /// - Throws: `CancellationError` when the session is cancelled while nothing can be stored.
    @discardableResult
    func record(_ event: JournalEvent) async throws -> EventRecord {
        let draft = JournalDraft(event, slot: slot, unit: unit, session: session)
        while true {
            do throws(JournalError) {
                let record = try await journal.append(draft)
                board.setImpediment(nil)
                return record
            } catch {
                logger.error("not recorded", metadata: ["kind": "\(event.kind)", "error": "\(error)"])
                board.setImpediment("flashing waits: \(error)")
            }
            try await clock.sleep(for: Self.pause)
        }
    }
}
