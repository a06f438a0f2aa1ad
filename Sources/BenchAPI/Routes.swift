internal import Bench
internal import BenchModel
internal import BenchWire
internal import Delivery
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Journal
internal import Logistics
internal import NIOCore
internal import Releases

/// The API: reads projections, and takes orders to slots. JSON in both directions.
struct Routes: Sendable {
    let bench: BenchController
    let desk: ReleaseDesk
    /// `nil` on a bench that has nothing to do with consignments.
    let consignments: ConsignmentDesk?
    let checkpointer: Checkpointer
    let outbox: CaptureOutbox?
    private let gate: RoleGate

    init(
        bench: BenchController, desk: ReleaseDesk, consignments: ConsignmentDesk?, checkpointer: Checkpointer, outbox: CaptureOutbox?
    ) {
        self.checkpointer = checkpointer
        self.outbox = outbox
        self.bench = bench
        self.desk = desk
        self.consignments = consignments
        gate = RoleGate(rules: bench.config.roles)
    }

    /// The most events or sessions that one answer holds.
    private static let pageLimit = 1000

    func router() -> Router<BenchRequestContext> {
        let router = Router(context: BenchRequestContext.self)
        router.add(middleware: ErrorBodies())
        router.add(middleware: PeerCheck(gate: gate, desk: desk))
        let group = router.group("v1")
        CapsuleRoutes(store: bench.capsules).add(to: group)
        ReleaseRoutes(bench: bench, desk: desk, gate: gate).add(to: group)
        if let consignments {
            let scans = ScanDesk(consignments, slots: Set(bench.config.slots.map(\.slot)))
            ConsignmentRoutes(
                bench: bench, releases: desk, desk: consignments, scans: scans, checkpointer: checkpointer, outbox: outbox,
                gate: gate
            ).add(to: group)
        }
        group.get("status") { _, _ in try json(StatusView.status(of: bench)) }
        group.get("bench") { _, _ in try json(StatusView.bench(bench)) }
        group.get("slots") { _, _ in try json(StatusView.status(of: bench).slots) }
        group.get("slots/:slot") { _, context in try json(try slot(context)) }
        group.post("slots/:slot/retry") { _, context in try await order("retry", context, bench.retry) }
        group.post("slots/:slot/hold") { _, context in try await order("hold", context, bench.hold) }
        group.post("slots/:slot/release") { _, context in try await order("release", context, bench.release) }
        group.post("slots/:slot/hasten") { _, context in try await order("hasten", context, for: .decide, bench.hasten) }
        group.post("slots/:slot/return") { _, context in try await order("return", context, for: .decide, bench.returnToService) }
        group.get("reports/shift") { request, _ in try json(try await shift(request)) }
        group.get("failures") { _, _ in try json(await bench.failures()) }
        group.get("units") { request, _ in try json(try await bench.journal.units(limit: limit(request)).map(UnitStatus.init)) }
        group.get("units/:unit") { _, context in try json(try await unit(context)) }
        group.get("sessions") { request, _ in try json(try await bench.journal.sessions(limit: limit(request))) }
        group.get("sessions/:session") { _, context in try json(try await session(context)) }
        group.get("journal/events") { request, _ in try json(try await events(request)) }
        group.post("journal/checkpoint") { _, context in try json(try await checkpoint(context)) }
        group.get("events") { _, _ in EventStream(bench: bench).response }
        return router
    }

    private func slot(_ context: BenchRequestContext) throws -> SlotStatus {
        let label = context.parameters.get("slot") ?? ""
        guard let id = SlotID(label), let view = bench.board.slot(id) else {
            throw APIFailure(.notFound, "slot-unknown", "there is no slot '\(label)'; 'reflashctl status' lists them")
        }
        return StatusView.slot(view, at: bench.board.now)
    }

    private func order(
        _ name: String, _ context: BenchRequestContext, for permission: Role.Permission = .orderSlots,
        _ give: @Sendable (SlotID, Operator) async throws(SlotOrderError) -> Void
    ) async throws -> Response {
        let slot = try slot(context).slot
        let by: Operator
        do throws(APIFailure) { by = try gate.operator(context, for: permission) } catch {
            await desk.note(error, name, slot.label, by: gate.nobody(context))
            throw error
        }
        do throws(SlotOrderError) {
            try await give(slot, by)
        } catch {
            throw APIFailure(.conflict, "slot-order", error.description)
        }
        return try json(try self.slot(context))
    }

    private func unit(_ context: BenchRequestContext) async throws -> UnitStatus {
        let text = context.parameters.get("unit") ?? ""
        guard let chfId = EUI64(text) else {
            throw APIFailure(.badRequest, "chf-id-malformed", "expected a CHF ID such as 00-DB-12-34-56-78-90-A2, found '\(text)'")
        }
        let record = try await bench.journal.unit(chfId)
        guard !record.sessions.isEmpty else {
            throw APIFailure(.notFound, "unit-unknown", "\(chfId) was never on this bench")
        }
        return UnitStatus(record)
    }

    private func session(_ context: BenchRequestContext) async throws -> SessionRecord {
        let id = try number(context.parameters.get("session") ?? "", "session")
        guard let record = try await bench.journal.session(id) else {
            throw APIFailure(.notFound, "session-unknown", "there is no session \(id)")
        }
        return record
    }

    private func shift(_ request: Request) async throws -> ShiftReport {
        let (from, to) = (request.uri.queryParameters["from"].map(String.init), request.uri.queryParameters["to"].map(String.init))
        guard let from, let to, let report = try await bench.journal.shift(from: from, to: to) else {
            throw APIFailure(
                .badRequest, "parameter-malformed",
                "from, to: expected two UTC times such as 2026-11-23T06:00:00Z, the earlier one first, found '\(from ?? "")' and '\(to ?? "")'"
            )
        }
        return report
    }

    private func events(_ request: Request) async throws -> [EventRecord] {
        let after = try request.uri.queryParameters["after"].map { try number(String($0), "after") } ?? 0
        let unit = try request.uri.queryParameters["unit"].map { text in
            guard let unit = EUI64(text) else {
                throw APIFailure(.badRequest, "chf-id-malformed", "unit: expected a CHF ID, found '\(text)'")
            }
            return unit
        }
        return try await bench.journal.events(after: after, limit: try limit(request), unit: unit)
    }

    private func checkpoint(_ context: BenchRequestContext) async throws -> Checkpoint {
        do throws(APIFailure) { _ = try gate.operator(context, for: .handleLoads) } catch {
            await desk.note(error, "checkpoint", "", by: gate.nobody(context))
            throw error
        }
        guard let checkpoint = try await checkpointer.make(why: "asked") else {
            throw APIFailure(.conflict, "journal-empty", "the journal has no event yet")
        }
        return checkpoint
    }

    private func limit(_ request: Request) throws -> Int {
        guard let text = request.uri.queryParameters["limit"] else { return 100 }
        return Int(min(max(try number(String(text), "limit"), 1), Int64(Self.pageLimit)))
    }

    private func number(_ text: String, _ name: String) throws -> Int64 {
        guard let number = Int64(text), number >= 0 else {
            throw APIFailure(.badRequest, "parameter-malformed", "\(name): expected a whole number from 0, found '\(text)'")
        }
        return number
    }
}

/// JSON with sorted keys.
func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return Response(
        status: status, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
}

/// An answer that is no success.
struct APIFailure: Error {
    let status: HTTPResponse.Status
    let body: APIErrorBody

    init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
        self.status = status
        body = APIErrorBody(code: code, message: message)
    }
}

/// Gives every failure the one form that clients read.
struct ErrorBodies<Context: RequestContext>: RouterMiddleware {
    @concurrent
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let failure as APIFailure {
            return try json(failure.body, status: failure.status)
        } catch let error as JournalError {
            return try json(APIErrorBody(code: error.code, message: error.description), status: .serviceUnavailable)
        } catch let error as HTTPError {
            return try json(
                APIErrorBody(code: "http", message: error.body ?? "\(error.status)"), status: error.status)
        }
    }
}
