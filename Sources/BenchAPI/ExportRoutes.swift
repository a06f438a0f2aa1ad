internal import Bench
internal import BenchModel
internal import HTTPTypes
internal import Hummingbird
internal import Logistics
internal import NIOCore

/// Documents that are made of consignments and of the journal, streamed as they are made.
struct ExportRoutes: Sendable {
    let bench: BenchController
    let desk: ConsignmentDesk

    func add(to group: RouterGroup<BenchRequestContext>) {
        group.get("journal.jsonl") { _, _ in stream(desk.journalLines(), "application/jsonl") }
        group.get("return-record.csv") { request, _ in
            let columns = try columns(request)
            return stream(
                try await answer { () async throws(LogisticsRefusal) in try await desk.returnRecordOfAll(columns: columns) }, "text/csv")
        }
        group.get("cards.html") { request, _ in
            let operators = request.uri.queryParameters["operators"].map(String.init)?.split(separator: ",").map(String.init) ?? []
            return text(CardSheet(bench: bench.config.name, slots: bench.config.slots.map(\.slot), operators: operators).html, "text/html")
        }
        group.get("consignments/:consignment/return-record.csv") { request, context in
            let id = try PathPart.consignment(context)
            let columns = try columns(request)
            return stream(
                try await answer { () async throws(LogisticsRefusal) in try await desk.returnRecord(of: id, columns: columns) }, "text/csv")
        }
        group.get("consignments/:consignment/epcis.jsonld") { _, context in
            let id = try PathPart.consignment(context)
            return stream(
                try await answer { () async throws(LogisticsRefusal) in try await desk.epcisDocument(of: id) }, "application/ld+json")
        }
        group.get("consignments/:consignment/return-note.html") { _, context in
            let id = try PathPart.consignment(context)
            return text(try await answer { () async throws(LogisticsRefusal) in try await desk.returnNote(of: id) }, "text/html")
        }
        group.get("consignments/:consignment/packing-list.txt") { _, context in
            let id = try PathPart.consignment(context)
            return text(try await answer { () async throws(LogisticsRefusal) in try await desk.packingList(of: id) }, "text/plain")
        }
        group.get("packages/:sscc/label.svg") { _, context in
            let sscc = try PathPart.package(context)
            return text(try await answer { () async throws(LogisticsRefusal) in try await desk.label(of: sscc) }.svg, "image/svg+xml")
        }
        group.get("packages/:sscc/label.zpl") { _, context in
            let sscc = try PathPart.package(context)
            return text(try await answer { () async throws(LogisticsRefusal) in try await desk.label(of: sscc) }.zpl, "text/plain")
        }
    }

    /// `columns=NAME:FIELD,…`; `nil`, for the config's, where there is none.
    private func columns(_ request: Request) throws -> [ReturnColumn]? {
        guard let text = request.uri.queryParameters["columns"].map(String.init) else { return nil }
        return try text.split(separator: ",").map { pair in
            let parts = pair.split(separator: ":", maxSplits: 1).map(String.init)
            guard let name = parts.first, let field = ReturnField(rawValue: parts.last ?? "") else {
                let known = ReturnField.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIFailure(
                    .badRequest, "parameter-malformed", "columns: expected NAME:FIELD with a field of \(known), found '\(pair)'")
            }
            return ReturnColumn(name: name, field: field)
        }
    }

    private func stream(_ document: ExportStream, _ type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "\(type); charset=utf-8"],
            body: ResponseBody(asyncSequence: document.map { ByteBuffer(bytes: $0) }))
    }

    private func text(_ text: String, _ type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "\(type); charset=utf-8"], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
