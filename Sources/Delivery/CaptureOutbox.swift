public import BenchModel
internal import Journal
public import Logging
public import Logistics

/// Delivers the EPCIS events of consignments to a partner's capture endpoint.
///
/// What waits is what the journal has of a wanted consignment beyond what it says is delivered: a restart forgets nothing. An event's id is the
/// same each time, so one that is sent twice is there once.
public actor CaptureOutbox {
    private let desk: ConsignmentDesk
    private let client: CaptureClient
    private let bounds: CaptureBounds
    private let clock: any BenchClock
    private let logger: Logger
    /// How many events are sent at once; fewer once the endpoint says that they are too many.
    private var most = 500
    private var failing: [ConsignmentID: Failing] = [:]
    private var pause: Task<Void, any Error>?
    private var isWoken = false

    private struct Failing {
        var problem: CaptureProblem
        var nextTry: Duration
    }

    /// How often it is looked whether something is due, where nobody says so.
    private static let interval = Duration.seconds(60)

    public init(
        _ desk: ConsignmentDesk, to target: CaptureTarget, bounds: CaptureBounds = CaptureBounds(), clock: any BenchClock, logger: Logger
    ) {
        self.desk = desk
        self.bounds = bounds
        self.clock = clock
        self.logger = logger
        client = CaptureClient(target: target, bounds: bounds, clock: clock)
    }

    /// What stands in the way of each consignment that could not be delivered.
    public var problems: [ConsignmentID: CaptureProblem] { failing.mapValues(\.problem) }

    /// Delivers what is due, whenever something is, until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            isWoken = false
            await deliverDue()
            guard !isWoken else { continue }
            let next = failing.values.map(\.nextTry).min()
            let rest = min(next.map { max($0 - clock.now, .milliseconds(1)) } ?? Self.interval, Self.interval)
            let pause = Task { [clock] in try await clock.sleep(for: rest) }
            self.pause = pause
            await withTaskCancellationHandler {
                _ = try? await pause.value
            } onCancel: {
                pause.cancel()
            }
        }
    }

    /// Looks now; something may have become due. `retrying`: a consignment that somebody wants tried again at once.
    public func wake(retrying id: ConsignmentID? = nil) {
        if let id { failing[id]?.nextTry = clock.now }
        isWoken = true
        pause?.cancel()
    }

    /// Delivers what is due and has not just failed, one consignment after the other.
    public func deliverDue() async {
        do {
            let states = try await desk.captures()
            failing = failing.filter { id, _ in states.contains { $0.consignment == id && $0.isDue } }
            for state in states where state.isDue && failing[state.consignment].map({ $0.nextTry <= clock.now }) ?? true {
                guard !Task.isCancelled else { return }
                // Where the endpoint is away the others would find it so, too.
                guard await deliver(state) else { return }
            }
        } catch {
            logger.error("the journal can't be asked what is to be delivered", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: whether the endpoint is there.
    private func deliver(_ state: CaptureState) async -> Bool {
        let id = state.consignment
        do {
            var parts = try await desk.captureParts(of: id, after: state.delivered)
            while let part = try await parts.next(about: most) {
                let jobs = try await send(part.events[...])
                try await desk.recordCapture(
                    .init(
                        consignment: id, upTo: part.upTo, isComplete: part.isLast, events: part.events.count, jobs: jobs,
                        endpoint: client.target.url))
                logger.info(
                    "delivered", metadata: ["consignment": "\(id)", "events": "\(part.events.count)", "endpoint": "\(client.target.url)"])
            }
            failing[id] = nil
            return true
        } catch let failure as CaptureFailure {
            return note(failure, id)
        } catch {
            return note(.refused("\(error)"), id)
        }
    }

    /// Sends events, in as many documents as the endpoint wants.
    /// - Returns: the successful jobs.
    private func send(_ events: ArraySlice<EPCISEvent>) async throws -> [String] {
        guard !events.isEmpty else { return [] }
        if let bad = events.first(where: { !EPCISRules.problems(in: $0).isEmpty }) {
            throw CaptureFailure.refused(
                "event \(bad.id) is not sent: \(EPCISRules.problems(in: bad).joined(separator: "; ")); this is a mistake of the program")
        }
        do throws(CaptureFailure) {
            let document: String
            do throws(LogisticsRefusal) { document = try desk.captureDocument(events) } catch { throw .refused(error.message) }
            return [try await client.capture(document)]
        } catch {
            switch error {
            case .tooLarge where events.count > 1: most = max(1, min(most, events.count / 2))
            case .alreadyThere where events.count > 1: break
            case .alreadyThere where events.first?.isCorrection == true:
                throw CaptureFailure.refused(
                    "the repository does not take that event \(events.first?.id ?? "") is declared wrong: it has it already")
            case .alreadyThere: return []
            case .tooLarge: throw CaptureFailure.refused("the endpoint answers 413 to a single event, \(events.first?.id ?? "")")
            default: throw error
            }
        }
        // Which of them it is that is there, or is too much, only halves show.
        let middle = events.startIndex + events.count / 2
        return try await send(events[..<middle]) + (try await send(events[middle...]))
    }

    private func note(_ failure: CaptureFailure, _ id: ConsignmentID) -> Bool {
        let attempts = (failing[id]?.problem.attempts ?? 0) + 1
        var wait = min(bounds.firstRetry * (1 << min(attempts - 1, 16)), bounds.longestRetry)
        var message = "\(failure)"
        var isThere = true
        switch failure {
        case .refused(let text): message = text
        case .away(let text, let told):
            (message, isThere) = (text, false)
            wait = max(wait, told ?? .zero)
        case .tooLarge, .alreadyThere: break
        }
        failing[id] = Failing(problem: CaptureProblem(message: message, attempts: attempts), nextTry: clock.now + wait)
        logger.error("not delivered", metadata: ["consignment": "\(id)", "problem": "\(message)", "attempts": "\(attempts)"])
        return isThere
    }
}
