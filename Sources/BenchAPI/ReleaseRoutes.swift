internal import Bench
internal import BenchModel
internal import BenchWire
internal import Firmware
internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import Releases

/// What the API answers of releases, and takes.
struct ReleaseRoutes: Sendable {
    let bench: BenchController
    let desk: ReleaseDesk
    let gate: RoleGate

    func add(to group: RouterGroup<BenchRequestContext>) {
        group.get("releases") { _, _ in try json(await desk.releases) }
        group.get("releases/:release") { _, context in
            try await answer { () async throws(DeskRefusal) in try await desk.release(name(context)) }
        }
        group.get("trust") { _, _ in try json(desk.trusted) }
        group.post("releases") { request, context in try await take(request, context) }
        group.post("releases/:release/approve") { request, context in
            let by = try await allowed(context, .decide, "approve")
            let order = try await body(request, as: ApproveOrder.self)
            return try await deciding { () async throws(DeskRefusal) in
                try await desk.approve(
                    name(context), variant: order.variant, consignment: order.consignment, first: order.first, via: order.via ?? [], by: by)
            }
        }
        group.post("releases/:release/withdraw") { request, context in
            let by = try await allowed(context, .decide, "withdraw")
            let order = try await body(request, as: WithdrawOrder.self)
            return try await deciding { () async throws(DeskRefusal) in
                try await desk.withdraw(name(context), reason: order.reason, by: by)
            }
        }
    }

    /// A bundle, or a signed statement: both are tar archives.
    private func take(_ request: Request, _ context: BenchRequestContext) async throws -> Response {
        // Before anything is read of somebody who may bring neither, or no bundle.
        let carrier = try await allowed(context, .bringStatements, "import")
        let mayBringReleases = (try? gate.operator(context, for: .bringReleases)) != nil
        let buffer = try await request.body.collect(upTo: mayBringReleases ? ReleaseBundle.mostBytesTogether : SignedStatement.mostBytes)
        let bytes = Array(buffer.readableBytesView)
        let bundle: ReleaseBundle
        var signed: SignedStatement?
        do throws(FirmwareProblem) {
            bundle = try ReleaseBundle(archive: MemoryBytes(bytes))
            if SignedStatement.isHeld(in: bundle) { signed = try SignedStatement(archive: bytes) }
        } catch {
            let failure = APIFailure(.badRequest, error.code.rawValue, error.description)
            await desk.note(failure, "import", "an archive", by: carrier)
            throw failure
        }
        if let signed { return try await deciding { () async throws(DeskRefusal) in try await desk.take(signed, by: carrier) } }
        let by = try await allowed(context, .bringReleases, "import")
        return try await deciding { () async throws(DeskRefusal) in [try await desk.importRelease(bundle, by: by)] }
    }

    /// After a decision the units that were refused for want of it are looked at again.
    private func deciding(_ decide: () async throws(DeskRefusal) -> some Encodable) async throws -> Response {
        let response = try await answer(decide)
        await bench.decided()
        return response
    }

    private func answer<Value: Encodable>(_ ask: () async throws(DeskRefusal) -> Value) async throws -> Response {
        let value: Value
        do throws(DeskRefusal) { value = try await ask() } catch {
            throw APIFailure(error.code == DeskRefusal.Code.releaseUnknown.rawValue ? .notFound : .conflict, error.code, error.message)
        }
        return try json(value)
    }

    private func allowed(
        _ context: BenchRequestContext, _ permission: Role.Permission, _ request: String
    ) async throws -> Operator {
        do throws(APIFailure) { return try gate.operator(context, for: permission) } catch {
            await desk.note(error, request, "", by: gate.nobody(context))
            throw error
        }
    }

    private func name(_ context: BenchRequestContext) -> String {
        let text = context.parameters.get("release") ?? ""
        return text.removingPercentEncoding ?? text
    }

    private func body<Value: Decodable>(_ request: Request, as _: Value.Type) async throws -> Value {
        let buffer = try await request.body.collect(upTo: 64 << 10)
        do { return try JSONDecoder().decode(Value.self, from: Data(buffer.readableBytesView)) } catch {
            throw APIFailure(.badRequest, "body-malformed", "the request's body can't be read: \(error)")
        }
    }
}
