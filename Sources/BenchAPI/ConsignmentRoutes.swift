internal import Bench
internal import BenchModel
internal import BenchWire
internal import Delivery
internal import Firmware
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Journal
internal import Logistics
internal import NIOCore
internal import Releases

/// What the API answers of consignments, and takes.
struct ConsignmentRoutes: Sendable {
    let bench: BenchController
    let releases: ReleaseDesk
    let desk: ConsignmentDesk
    let scans: ScanDesk
    let checkpointer: Checkpointer
    /// `nil` where the config says nowhere to deliver to.
    let outbox: CaptureOutbox?
    let gate: RoleGate

    /// Bytes of a notice.
    private static let mostNoticeBytes = CSVTable.mostBytes

    func add(to group: RouterGroup<BenchRequestContext>) {
        group.get("consignments") { _, _ in try json(try await answer(desk.consignments).map(ConsignmentStatus.init)) }
        group.post("consignments") { request, context in try await open(request, context) }
        group.get("consignments/:consignment") { _, context in
            let id = try consignment(context)
            return try json(ConsignmentStatus(try await answer { () async throws(LogisticsRefusal) in try await desk.consignment(id) }))
        }
        group.get("consignments/:consignment/units") { request, context in try json(try await units(request, context)) }
        group.post("consignments/:consignment/notice") { request, context in try json(try await notice(request, context)) }
        group.post("consignments/:consignment/packages") { request, context in try await openPackage(request, context) }
        group.get("deliveries") { _, _ in try json(try await deliveries()) }
        group.post("consignments/:consignment/:order") { request, context in try await order(request, context) }
        group.post("register") { request, context in try json(try await register(request, context)) }
        group.post("scans") { request, context in try await scan(request, context) }
        group.get("packages/:sscc") { _, context in try json(try await contents(context)) }
        group.post("packages/:sscc/:order") { request, context in try await packing(request, context) }
        ExportRoutes(bench: bench, desk: desk).add(to: group)
    }

    // MARK: Consignments

    private func open(_ request: Request, _ context: BenchRequestContext) async throws -> Response {
        let by = try await allowed(context, .handleLoads, "consignment-request")
        let wanted = try await body(request, as: ConsignmentRequest.self)
        let event = ConsignmentEvent.ReturnRequested(
            consignment: wanted.consignment, kind: wanted.kind, serviceUser: wanted.serviceUser, returnTo: wanted.returnTo,
            reference: wanted.reference, load: wanted.load, units: wanted.units, by: by)
        return try await deciding { () async throws(LogisticsRefusal) in try await desk.request(event) }
    }

    private func units(_ request: Request, _ context: BenchRequestContext) async throws -> [ConsignmentUnit] {
        let id = try consignment(context)
        let state = try parameter("state", request, UnitState.allCases.map(\.rawValue).joined(separator: ", ")) { UnitState(rawValue: $0) }
        let after = try parameter("after", request, "a CHF ID") { EUI64($0) }
        let limit = try parameter("limit", request, "1 to 1000") { Int($0).flatMap { (1...1000).contains($0) ? $0 : nil } } ?? 100
        return try await answer { () async throws(LogisticsRefusal) in
            try await desk.units(of: id, in: state, after: after, limit: limit).map(ConsignmentUnit.init)
        }
    }

    private func order(_ request: Request, _ context: BenchRequestContext) async throws -> Response {
        let id = try consignment(context)
        let name = context.parameters.get("order") ?? ""
        guard let kind = OrderKind(rawValue: name) else {
            throw APIFailure(
                .notFound, "order-unknown", "expected one of \(OrderKind.allCases.map(\.rawValue).joined(separator: ", ")), found '\(name)'"
            )
        }
        let by = try await allowed(context, kind.permission, "consignment-\(name)")
        let order = try await body(request, as: ConsignmentOrder.self)
        let response = try await deciding { () async throws(LogisticsRefusal) in try await kind.give(order, id, desk, by) }
        // It is closed; where its checkpoint can't be made now, or not be taken away, the checkpointer tries again by itself.
        if kind == .close { Task { [checkpointer] in _ = try? await checkpointer.make(why: "consignment-closed") } }
        await outbox?.wake(retrying: kind == .capture ? id : nil)
        return response
    }

    /// What is delivered to the capture endpoint, and what waits.
    private func deliveries() async throws -> [DeliveryStatus] {
        let problems = await outbox?.problems ?? [:]
        return try await answer(desk.captures).map { DeliveryStatus($0, problem: problems[$0.consignment]) }
    }

    // MARK: Tables

    private func notice(_ request: Request, _ context: BenchRequestContext) async throws -> TableAnswer {
        let id = try consignment(context)
        let by = try await allowed(context, .handleLoads, "consignment-notice")
        let (bytes, columns, isDryRun) = try await table(request, upTo: Self.mostNoticeBytes)
        let notice = Notice(bytes, columns: columns)
        let problems = try await answer { () async throws(LogisticsRefusal) in try await desk.problems(with: notice, for: id) }
        let result = TableAnswer(
            dryRun: isDryRun, units: notice.entries.count, cartons: notice.cartons, pallets: notice.pallets,
            problems: problems.map { TableProblem(line: $0.line, problem: $0.problem) })
        guard !isDryRun, problems.isEmpty else { return result }
        _ = try await deciding { () async throws(LogisticsRefusal) in
            try await desk.take(notice, file: SHA256Value.of(bytes), for: id, by: by)
        }
        return result
    }

    private func register(_ request: Request, _ context: BenchRequestContext) async throws -> TableAnswer {
        let by = try await allowed(context, .handleLoads, "register")
        let (bytes, columns, isDryRun) = try await table(request, upTo: Register.mostBytes)
        let register = Register(bytes, columns: columns)
        let problems = register.problems.map { TableProblem(line: $0.line, problem: $0.problem) }
        if !isDryRun, problems.isEmpty {
            try await bench.journal.importRegister(
                register.units, .init(file: SHA256Value.of(bytes), units: register.units.count, by: by))
        }
        return TableAnswer(dryRun: isDryRun, units: register.units.count, problems: problems)
    }

    /// A table's bytes, and names of its columns by value: `columns=chfId:Hub,carton:Box`.
    private func table(_ request: Request, upTo limit: Int) async throws -> (bytes: [UInt8], columns: [String: String], isDryRun: Bool) {
        let text = request.uri.queryParameters["columns"].map(String.init) ?? ""
        var columns: [String: String] = [:]
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2, columns.updateValue(parts[1], forKey: parts[0]) == nil else {
                throw APIFailure(.badRequest, "parameter-malformed", "columns: expected VALUE:COLUMN,…, found '\(text)'")
            }
        }
        let buffer = try await request.body.collect(upTo: limit)
        return (Array(buffer.readableBytesView), columns, request.uri.queryParameters["dryRun"] == "true")
    }

    // MARK: Scans and packages

    private func scan(_ request: Request, _ context: BenchRequestContext) async throws -> Response {
        let by = try await allowed(context, .scan, "scan")
        let order = try await body(request, as: ScanOrder.self)
        let answer = try await answer { () async throws(LogisticsRefusal) in try await scans.take(order, by: by) }
        if answer.verdict == .bound, let unit = answer.unit, let slot = answer.slot { await bench.expect(unit, in: slot) }
        await bench.decided()
        return try json(answer)
    }

    private func openPackage(_ request: Request, _ context: BenchRequestContext) async throws -> Response {
        let id = try consignment(context)
        let by = try await allowed(context, .scan, "pack")
        let order = try await body(request, as: PackageOrder.self)
        return try json(
            try await answer { () async throws(LogisticsRefusal) in
                try await desk.openPackage(order.level, for: id, isFaulty: order.isFaulty, by: by)
            })
    }

    private func contents(_ context: BenchRequestContext) async throws -> PackageContents {
        let sscc = try package(context)
        let found = try await answer { () async throws(LogisticsRefusal) in try await desk.contents(of: sscc) }
        return PackageContents(package: found.package, units: found.units, cartons: found.cartons)
    }

    private func packing(_ request: Request, _ context: BenchRequestContext) async throws -> Response {
        let sscc = try package(context)
        let by = try await allowed(context, .scan, "pack")
        let order = try await body(request, as: PackingOrder.self)
        _ = try await answer { () async throws(LogisticsRefusal) in
            switch (context.parameters.get("order"), order.unit, order.carton) {
            case ("add", let unit?, nil): return try await desk.pack(unit, into: sscc, by: by)
            case ("add", nil, let carton?): return try await desk.stack(carton, on: sscc, by: by)
            case ("close", nil, nil): return try await desk.closePackage(sscc, by: by)
            default: throw LogisticsRefusal(.package, "expected 'add' with a unit or a carton, or 'close'")
            }
        }
        return try json(try await contents(context))
    }

    // MARK: What all have in common

    /// After a decision the units that were refused for want of it are looked at again.
    private func deciding(_ decide: () async throws(LogisticsRefusal) -> ConsignmentDesk.View) async throws -> Response {
        let view = try await answer(decide)
        await bench.decided()
        return try json(ConsignmentStatus(view))
    }

    private func allowed(_ context: BenchRequestContext, _ permission: Role.Permission, _ request: String) async throws -> Operator {
        do throws(APIFailure) { return try gate.operator(context, for: permission) } catch {
            await releases.note(error, request, context.parameters.get("consignment") ?? "", by: gate.nobody(context))
            throw error
        }
    }

    private func parameter<Value>(_ name: String, _ request: Request, _ expected: String, _ read: (String) -> Value?) throws -> Value? {
        guard let text = request.uri.queryParameters[name[...]].map(String.init) else { return nil }
        guard let value = read(text) else {
            throw APIFailure(.badRequest, "parameter-malformed", "\(name): expected \(expected), found '\(text)'")
        }
        return value
    }

    private func body<Value: Decodable>(_ request: Request, as _: Value.Type) async throws -> Value {
        let buffer = try await request.body.collect(upTo: 64 << 10)
        do { return try JSONDecoder().decode(Value.self, from: Data(buffer.readableBytesView)) } catch {
            throw APIFailure(.badRequest, "body-malformed", "the request's body can't be read: \(error)")
        }
    }

    private func package(_ context: BenchRequestContext) throws -> SSCC { try PathPart.package(context) }

    private func consignment(_ context: BenchRequestContext) throws -> ConsignmentID { try PathPart.consignment(context) }
}

/// The parts of a path that name something.
enum PathPart {
    static func consignment(_ context: BenchRequestContext) throws -> ConsignmentID {
        let text = context.parameters.get("consignment") ?? ""
        guard let id = ConsignmentID(text.removingPercentEncoding ?? text) else {
            throw APIFailure(
                .badRequest, "consignment-malformed",
                "expected a consignment's name of 1 to 40 letters, digits, '.', '-' or '_', found '\(text)'")
        }
        return id
    }

    static func package(_ context: BenchRequestContext) throws -> SSCC {
        let text = context.parameters.get("sscc") ?? ""
        guard let sscc = SSCC(text) else {
            throw APIFailure(.badRequest, "sscc-malformed", "expected an SSCC of 18 digits with its check digit, found '\(text)'")
        }
        return sscc
    }
}

/// Asks the desk; a refusal becomes an answer.
func answer<Value>(_ ask: () async throws(LogisticsRefusal) -> Value) async throws -> Value {
    do throws(LogisticsRefusal) { return try await ask() } catch {
        let status: HTTPResponse.Status =
            switch error.code {
            case .consignmentUnknown, .partUnknown: .notFound
            case .journal: .serviceUnavailable
            default: .conflict
            }
        throw APIFailure(status, error.code.rawValue, error.message)
    }
}

extension ConsignmentStatus {
    init(_ view: ConsignmentDesk.View) {
        self.init(consignment: view.consignment, reconciliation: view.reconciliation, packages: view.packages)
    }
}
