internal import AsyncHTTPClient
internal import BenchModel
internal import Foundation
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1

/// Speaks the capture interface of an EPCIS 2.0 repository (GS1 EPCIS 2.0 §12.6): hands documents over and follows their capture jobs.
struct CaptureClient: Sendable {
    let target: CaptureTarget
    let bounds: CaptureBounds
    let clock: any BenchClock

    /// Bytes of an answer that are read.
    private static let answerLimit = 1 << 20

    /// Has a document captured, all of it or nothing.
    /// - Returns: the capture job's address, once the repository reports it as successful.
    /// - Throws: ``CaptureFailure``.
    func capture(_ document: String) async throws(CaptureFailure) -> String {
        var request = try request(target.url, .POST)
        request.headers.add(name: "Content-Type", value: "application/ld+json")
        request.headers.add(name: "GS1-EPCIS-Version", value: "2.0.0")
        request.headers.add(name: "GS1-CBV-Version", value: "2.0.0")
        request.headers.add(name: "GS1-Capture-Error-Behaviour", value: "rollback")
        request.body = .bytes(ByteBuffer(string: document))
        let answer = try await execute(request)
        switch answer.status.code {
        case 202: break
        case 413: throw .tooLarge
        case 409: throw .alreadyThere
        case 408, 425, 429, 500...599: throw .away("the capture endpoint answered \(answer.status): \(answer.summary)", answer.retryAfter)
        default: throw .refused("the capture endpoint answered \(answer.status): \(answer.summary)")
        }
        guard let place = answer.headers.first(name: "Location"), let job = URL(string: place, relativeTo: URL(string: target.url)) else {
            throw .refused("the capture endpoint answered 202 without saying where its job is (Location): nothing shows that it was done")
        }
        try await finish(job.absoluteString)
        return job.absoluteString
    }

    /// Asks a capture job until it has ended. An answer that it was taken says nothing of how it ends.
    private func finish(_ job: String) async throws(CaptureFailure) {
        let deadline = clock.now + bounds.job
        var pause = bounds.firstPause
        while true {
            let answer = try await execute(try request(job, .GET))
            switch answer.status.code {
            case 200:
                let state = try CaptureJob(answer.body, job)
                if !state.running { return try state.expectSuccess(job) }
            case 408, 425, 429, 500...599: break
            case 401, 403:
                throw .refused(
                    "the capture job \(job) answered \(answer.status): is the token allowed to read jobs, and is it of the endpoint's host?"
                )
            default: throw .away("the capture job \(job) answered \(answer.status)", answer.retryAfter)
            }
            guard clock.now < deadline else { throw .away("the capture job \(job) had not ended after \(bounds.job.seconds) s", nil) }
            do { try await clock.sleep(for: max(pause, answer.retryAfter ?? .zero)) } catch { throw .away("stopped", nil) }
            pause = min(pause * 2, bounds.longestPause)
        }
    }

    // MARK: HTTP

    private struct Answer {
        let status: HTTPResponseStatus
        let headers: HTTPHeaders
        let body: Data

        /// RFC 9110 §10.2.3, in seconds; a date says no more than the next try would.
        var retryAfter: Duration? { headers.first(name: "Retry-After").flatMap { Int($0) }.map { .seconds(min(max($0, 0), 600)) } }

        /// The problem's title and detail (RFC 9457), or how the text begins.
        var summary: String {
            let problem = try? JSONDecoder().decode(CaptureJob.Problem.self, from: body)
            return problem?.description ?? String(String(decoding: body, as: UTF8.self).prefix(200))
        }
    }

    private func request(_ url: String, _ method: HTTPMethod) throws(CaptureFailure) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(name: "Accept", value: "application/json, application/ld+json")
        guard let file = target.tokenFile, isOfTarget(url) else { return request }
        guard let token = try? String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines) else {
            throw .refused("the token can't be read: \(file) (logistics.capture.tokenFile)")
        }
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        return request
    }

    /// The token is for the endpoint's host alone, wherever a job is said to be.
    private func isOfTarget(_ url: String) -> Bool {
        guard let one = URLComponents(string: url), let other = URLComponents(string: target.url) else { return false }
        func origin(_ url: URLComponents) -> [String] {
            let scheme = url.scheme?.lowercased() ?? ""
            return [scheme, url.host?.lowercased() ?? "", "\(url.port ?? (scheme == "https" ? 443 : 80))"]
        }
        return origin(one) == origin(other)
    }

    private func execute(_ request: HTTPClientRequest) async throws(CaptureFailure) -> Answer {
        do {
            let response = try await DeliveryHTTP.client.execute(request, timeout: .nanoseconds(Int64(bounds.answer.seconds * 1e9)))
            let body = try await response.body.collect(upTo: Self.answerLimit)
            return Answer(status: response.status, headers: response.headers, body: Data(buffer: body))
        } catch {
            throw .away("\(request.url) does not answer: \(error)", nil)
        }
    }
}

/// How long a delivery waits for what.
public struct CaptureBounds: Sendable {
    /// For an answer to a request.
    public var answer: Duration
    /// For a capture job to end.
    public var job: Duration
    /// Between the first two questions after a job; doubled each time.
    public var firstPause: Duration
    /// The longest of these pauses.
    public var longestPause: Duration
    /// After a failure until the next try; doubled each time.
    public var firstRetry: Duration
    /// The longest of these.
    public var longestRetry: Duration

    public init(
        answer: Duration = .seconds(60), job: Duration = .seconds(600), firstPause: Duration = .milliseconds(200),
        longestPause: Duration = .seconds(10), firstRetry: Duration = .seconds(5), longestRetry: Duration = .seconds(600)
    ) {
        self.answer = answer
        self.job = job
        self.firstPause = firstPause
        self.longestPause = longestPause
        self.firstRetry = firstRetry
        self.longestRetry = longestRetry
    }
}
