internal import Bench
internal import BenchModel
internal import BenchWire
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Failure capsules: listed, told, and given as they are.
struct CapsuleRoutes: Sendable {
    let store: CapsuleStore?

    /// The most that one list holds.
    private static let most = 500

    func add(to group: RouterGroup<BenchRequestContext>) {
        group.get("capsules") { _, _ in try json(await store?.newest(Self.most) ?? []) }
        group.get("capsules/:session") { _, context in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: try await bytes(context))))
        }
        group.get("capsules/:session/transcript") { _, context in
            let capsule = try JSONDecoder().decode(Capsule.self, from: try await bytes(context))
            return try json(CapsuleDetail(summary: capsule.summary, detail: capsule.verdict.detail, lines: capsule.lines))
        }
    }

    private func bytes(_ context: BenchRequestContext) async throws -> Data {
        let text = context.parameters.get("session") ?? ""
        guard let session = SessionID(text), session > 0 else {
            throw APIFailure(.badRequest, "parameter-malformed", "session: expected a whole number from 1, found '\(text)'")
        }
        guard let bytes = await store?.bytes(of: session) else {
            throw APIFailure(
                .notFound, "capsule-unknown",
                "there is no capsule of session \(session): one is kept of each that failed or ended as unknown, and the oldest go")
        }
        return bytes
    }
}

extension Capsule {
    fileprivate var lines: [CapsuleDetail.Line] {
        transcript.runs.flatMap { run in
            run.exchanges.map { exchange in
                CapsuleDetail.Line(
                    at: Double(exchange.at) / 1e9, took: Double(exchange.took) / 1e9, times: run.times, text: exchange.sentenceOfIt)
            }
        }
    }
}

extension Exchange {
    /// What was on the wire, and what came of it.
    fileprivate var sentenceOfIt: String {
        var words = [kind.rawValue]
        if let request { words.append("type 0x\(Hex.digits(request >> 8, width: 2)) request \(request & 0xFF)") }
        if let value { words.append("value \(value)") }
        if let index { words.append("index \(index)") }
        if let length { words.append("\(length) bytes") }
        if isImage == true {
            words.append("as in the image")
        } else if isOther == true {
            words.append("other than the image's")
        } else if let data {
            words.append(data.count > 64 ? "\(data.prefix(64))…" : data)
        }
        if let device { words.append("\(device.mode.rawValue) at \(device.node)") }
        if let error { words.append("→ \(error): \(sentence ?? "")") }
        return words.joined(separator: " ")
    }
}
