import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A repository with the capture interface of EPCIS 2.0, which misbehaves when it is told to. It keeps what its successful jobs brought.
package final class CaptureServer: Sendable {
    /// What it does with the next document.
    package enum Behaviour: Sendable {
        /// Answers so, and keeps nothing.
        case status(Int, retryAfter: Int? = nil)
        /// Takes it, and does not answer.
        case silence
        /// Answers 202 and does not say where the job is.
        case noLocation
        /// Answers 202; the job is asked so often before it ends.
        case runsFor(Int)
        /// Answers 202, and the job fails with a problem of this type.
        case fails(String)
        /// Keeps it, and then answers 500.
        case keepsAndBreaks
    }

    /// The names of the checkpoints that were put there.
    package var checkpoints: [String] { state.withLock { $0.files.keys.sorted() } }

    private struct State {
        var behaviours: [Behaviour] = []
        var most = Int.max
        var refusesDuplicates = false
        var events: [String] = []
        var documents = 0
        var tokens: Set<String> = []
        var jobs: [Int: Job] = [:]
        var files: [String: String] = [:]
    }

    private struct Job {
        var asksLeft = 0
        var problem: String?
    }

    private let state = Mutex(State())

    /// The ids of the events that it has, in the order in which they came.
    package var events: [String] { state.withLock { $0.events } }
    /// Documents that were sent to it.
    package var documents: Int { state.withLock { $0.documents } }
    /// What was sent as authorization.
    package var tokens: Set<String> { state.withLock { $0.tokens } }

    package func next(_ behaviours: Behaviour...) { state.withLock { $0.behaviours += behaviours } }
    package func next(_ behaviours: [Behaviour]) { state.withLock { $0.behaviours += behaviours } }
    /// It takes no more events at once.
    package func limit(to most: Int) { state.withLock { $0.most = most } }
    /// It answers 409 where it has an event already.
    package func refuseDuplicates() { state.withLock { $0.refusesDuplicates = true } }

    /// Runs `body` with a server and its address.
    package static func with<Value: Sendable>(_ body: (CaptureServer, String) async throws -> Value) async throws -> Value {
        let server = CaptureServer()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "capture")
        logger.logLevel = .critical
        let application = Application(
            router: server.router(), configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) }, logger: logger)
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [application], logger: logger))
        async let running: Void = group.run()
        var iterator = ports.makeAsyncIterator()
        let address = "http://127.0.0.1:\(await iterator.next() ?? 0)"
        let result: Result<Value, any Error>
        do { result = .success(try await body(server, address)) } catch { result = .failure(error) }
        await group.triggerGracefulShutdown()
        try await running
        return try result.get()
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.post("epcis/capture") { request, _ in try await self.capture(request) }
        router.get("epcis/capture/:job") { request, context in self.job(Int(context.parameters.get("job") ?? "") ?? 0) }
        router.put("checkpoints/:name") { request, context in
            let text = String(buffer: try await request.body.collect(upTo: 1 << 20))
            let name = context.parameters.get("name") ?? ""
            return self.state.withLock { state in
                guard state.files[name] == nil else { return Response(status: .preconditionFailed) }
                state.files[name] = text
                return Response(status: .created)
            }
        }
        router.get("checkpoints/:name") { _, context in
            let text = self.state.withLock { $0.files[context.parameters.get("name") ?? ""] }
            return Response(status: text == nil ? .notFound : .ok, body: .init(byteBuffer: ByteBuffer(string: text ?? "")))
        }
        return router
    }

    private func capture(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 64 << 20)
        let ids = try Self.ids(Data(body.readableBytesView))
        let behaviour = state.withLock { state in
            state.documents += 1
            if let token = request.headers[.authorization] { state.tokens.insert(token) }
            return state.behaviours.isEmpty ? nil : state.behaviours.removeFirst()
        }
        switch behaviour {
        case .status(let code, let retryAfter):
            var response = Response(status: .init(code: code))
            if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
            return response
        case .silence:
            try await Task.sleep(for: .seconds(3))
            return Response(status: .internalServerError)
        case .noLocation: return Response(status: .accepted)
        case .keepsAndBreaks:
            keep(ids)
            return Response(status: .internalServerError)
        case .fails(let problem): return accept(Job(problem: problem))
        case .runsFor(let asks): return take(ids, Job(asksLeft: asks))
        case nil: return take(ids, Job())
        }
    }

    private func take(_ ids: [String], _ job: Job) -> Response {
        let refusal: HTTPResponse.Status? = state.withLock { state in
            if ids.count > state.most { return .contentTooLarge }
            return state.refusesDuplicates && !Set(ids).isDisjoint(with: state.events) ? .conflict : nil
        }
        if let refusal { return Response(status: refusal) }
        keep(ids)
        return accept(job)
    }

    /// One that is there is not there twice.
    private func keep(_ ids: [String]) {
        state.withLock { state in
            let new = ids.filter { !state.events.contains($0) }
            state.events += new
        }
    }

    private func accept(_ job: Job) -> Response {
        let number = state.withLock { state in
            state.jobs[state.jobs.count + 1] = job
            return state.jobs.count
        }
        var response = Response(status: .accepted)
        response.headers[.location] = "/epcis/capture/\(number)"
        return response
    }

    private func job(_ number: Int) -> Response {
        let text = state.withLock { state in
            guard let job = state.jobs[number] else { return "{}" }
            if job.asksLeft > 0 {
                state.jobs[number]?.asksLeft -= 1
                return #"{"captureID":"\#(number)","running":true}"#
            }
            let errors = job.problem.map { #"[{"type":"epcisException:\#($0)","title":"\#($0)","status":400}]"# } ?? "[]"
            return #"{"captureID":"\#(number)","running":false,"success":\#(job.problem == nil),"errors":\#(errors)}"#
        }
        return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private static func ids(_ body: Data) throws -> [String] {
        struct Document: Decodable {
            struct Body: Decodable { var eventList: [Event] }
            struct Event: Decodable { var eventID: String }
            var epcisBody: Body
        }
        return try JSONDecoder().decode(Document.self, from: body).epcisBody.eventList.map(\.eventID)
    }
}
