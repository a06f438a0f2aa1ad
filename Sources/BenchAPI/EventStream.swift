internal import Bench
internal import BenchWire
internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle

/// `GET /v1/events`: server-sent events, each the whole status, whenever it changed and at most ten times a second.
struct EventStream: Sendable {
    let bench: BenchController

    private static let interval = Duration.milliseconds(100)

    var response: Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: ResponseBody { [bench] writer in
                let changes = bench.board.changes()
                try await writer.write(try Self.event(bench))
                for await _ in changes.cancelOnGracefulShutdown() {
                    try await writer.write(try Self.event(bench))
                    // Changes within the interval are one: the stream keeps the newest alone.
                    try await Task.sleep(for: Self.interval)
                }
                try await writer.finish(nil)
            })
    }

    private static func event(_ bench: BenchController) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var buffer = ByteBuffer(string: "event: status\ndata: ")
        buffer.writeBytes(try encoder.encode(StatusView.status(of: bench)))
        buffer.writeString("\n\n")
        return buffer
    }
}
