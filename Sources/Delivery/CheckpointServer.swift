internal import AsyncHTTPClient
internal import Foundation
public import Journal
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1

/// An HTTP server that keeps checkpoints: each is PUT below its address under a name of its own, and never replaced.
public struct CheckpointServer: CheckpointPlace {
    private let address: String

    private static let answerBound = TimeAmount.seconds(60)
    private static let answerLimit = 1 << 20

    /// `address`: `https://…/`.
    public init(_ address: String) { self.address = address.hasSuffix("/") ? address : address + "/" }

    public func keep(_ checkpoint: Checkpoint, as name: String) async throws(JournalError) {
        let url = address + name
        var put = HTTPClientRequest(url: url)
        put.method = .PUT
        put.headers.add(name: "Content-Type", value: "application/json")
        // RFC 9110 §13.1.2: only where nothing has the name.
        put.headers.add(name: "If-None-Match", value: "*")
        put.body = .bytes(ByteBuffer(string: checkpoint.json))
        let (status, text) = try await execute(put)
        switch status.code {
        case 200, 201, 204: return
        case 409, 412:
            let (status, kept) = try await execute(HTTPClientRequest(url: url))
            guard status == .ok, kept == checkpoint.json else {
                throw JournalError.storage(path: url, "another checkpoint has this name there (\(status))")
            }
        default: throw JournalError.storage(path: url, "the checkpoint is not taken there: \(status) \(text.prefix(200))")
        }
    }

    private func execute(_ request: HTTPClientRequest) async throws(JournalError) -> (HTTPResponseStatus, String) {
        do {
            let response = try await DeliveryHTTP.client.execute(request, timeout: Self.answerBound)
            return (response.status, String(buffer: try await response.body.collect(upTo: Self.answerLimit)))
        } catch {
            throw JournalError.storage(path: request.url, "does not answer: \(error)")
        }
    }
}
