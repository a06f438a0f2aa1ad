internal import BenchModel
internal import Foundation
internal import Journal

extension ConsignmentDesk {
    /// The journal as JSON Lines, with its hashes: an event a line, oldest first, keys sorted.
    public func journalLines() -> ExportStream { JournalLines.stream(journal) }
}

/// The journal as JSON Lines.
enum JournalLines {
    /// Events that are read at once.
    private static let page = 1000

    static func stream(_ journal: Journal) -> ExportStream {
        ExportStream(from: EventNumber(0)) { last throws(LogisticsRefusal) in
            let events: [EventRecord]
            do throws(JournalError) { events = try await journal.events(after: last, limit: page) } catch { throw LogisticsRefusal(error) }
            guard let newest = events.last else { return nil }
            last = newest.number
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            do {
                return try events.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }.joined()
            } catch {
                throw LogisticsRefusal(.journal, "\(error)")
            }
        }
    }
}
