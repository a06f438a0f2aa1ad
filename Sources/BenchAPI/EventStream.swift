internal import Bench
internal import BenchWire
internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle

/// `GET /v1/events`: server-sent events, each the whole status, whenever it changed, at most ten times a second and at least
/// every 15 seconds.
struct EventStream: Sendable {
    let bench: BenchController

    private static let interval = Duration.milliseconds(100)
    /// An idle bench is heard of this often, so that nobody on the way takes the stream for dead.
    private static let heartbeat = Duration.seconds(15)

    var response: Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: ResponseBody { [bench] writer in
                try await writer.write(try Self.event(bench))
                for await _ in Self.ticks(bench).cancelOnGracefulShutdown() {
                    try await writer.write(try Self.event(bench))
                    // Changes within the interval are one: the stream keeps the newest alone.
                    try await Task.sleep(for: Self.interval)
                }
                try await writer.finish(nil)
            })
    }

    /// The bench's changes and, where there are none, a heartbeat. Ends with the bench.
    private static func ticks(_ bench: BenchController) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let task = Task {
            await withTaskGroup { group in
                group.addTask {
                    for await _ in bench.board.changes() { continuation.yield() }
                }
                group.addTask {
                    while (try? await Task.sleep(for: heartbeat)) != nil { continuation.yield() }
                }
                await group.next()
                group.cancelAll()
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
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
