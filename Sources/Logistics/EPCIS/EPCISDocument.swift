public import BenchModel
internal import Journal

extension ConsignmentDesk {
    /// Events that are read at once.
    private static let eventPage = 500

    /// A consignment as an EPCIS 2.0 document, JSON-LD. Of a consignment of which nothing changes any more it is always the same bytes.
    public func epcisDocument(of id: ConsignmentID) async throws(LogisticsRefusal) -> ExportStream {
        let consignment = try await look { try $0.existing(id) }
        let names = EPCISNames(config: config)
        let last = try await look { reader in try reader.lastEvent(of: id)?.utc ?? consignment.openedAt }
        return ExportStream(from: EPCISState(story: EPCISStory(consignment, names))) { state throws(LogisticsRefusal) in
            guard !state.isOver else { return nil }
            do {
                let head = state.last == 0 ? try EPCISDocument.head(createdAt: last, names) : ""
                let records = try await events(of: id, after: state.last)
                var pieces: [String] = []
                for record in records { pieces += try state.story.tell(record).map { try JSONValue.object($0.fields).json } }
                state.isOver = records.isEmpty
                state.last = records.last?.number ?? state.last
                let separator = state.hasEvents && !pieces.isEmpty ? ",\n" : ""
                state.hasEvents = state.hasEvents || !pieces.isEmpty
                return head + separator + pieces.joined(separator: ",\n") + (records.isEmpty ? EPCISDocument.tail : "")
            } catch {
                throw LogisticsRefusal(error)
            }
        }
    }

    private func events(of id: ConsignmentID, after: EventNumber) async throws(LogisticsRefusal) -> [EventRecord] {
        try await look { reader in try reader.events(of: id, after: after, limit: Self.eventPage) }
    }
}

private struct EPCISState: Sendable {
    var story: EPCISStory
    var last: EventNumber = 0
    var hasEvents = false
    var isOver = false
}

/// What stands around the events of a document (EPCIS 2.0, §10.1).
enum EPCISDocument {
    /// GS1's own context, in which the words of EPCIS and CBV are defined.
    private static let context = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

    static func head(createdAt utc: String, _ names: EPCISNames) throws -> String {
        let context = JSONValue.list([.text(context), .object(["reflash": .text(names.vocabulary)])])
        return """
            {"@context":\(try context.json),"type":"EPCISDocument","schemaVersion":"2.0",\
            "creationDate":"\(utc)","epcisBody":{"eventList":[

            """
    }

    static let tail = "\n]}}\n"
}
