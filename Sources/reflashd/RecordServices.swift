import Delivery
import Journal
import Logging
import ServiceLifecycle

/// What is delivered, as a service: until it is told to stop.
struct DeliveryService: Service {
    let outbox: CaptureOutbox

    func run() async throws {
        await cancelWhenGracefulShutdown { await outbox.run() }
    }
}

/// Checkpoints as a service: makes each when it is due, and takes it to the second place, until it is told to stop.
struct CheckpointService: Service {
    private let checkpointer: Checkpointer
    private let logger: Logger

    /// How often it is looked whether one is due.
    private static let interval = Duration.seconds(600)

    init(_ checkpointer: Checkpointer, logger: Logger) {
        self.checkpointer = checkpointer
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            repeat {
                do { try await checkpointer.keepUp() } catch {
                    logger.error("no checkpoint, or no copy of it", metadata: ["error": "\(error)"])
                }
            } while (try? await Task.sleep(for: Self.interval)) != nil
        }
    }
}
