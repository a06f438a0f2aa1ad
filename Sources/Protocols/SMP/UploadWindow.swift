internal import DequeModule

/// Which chunks of an upload are under way, and what comes next: the arithmetic of the window, without any line below it.
///
/// A server takes requests in order and answers each with the offset that it wants next. So an answer settles all requests
/// before it; an offset other than the request's own end means that something was lost, and all goes on from there. Requests
/// that were already under way then are stale: they only take up buffers until they are answered.
struct UploadWindow: Sendable {
    /// The offset up to which the server has the image.
    private(set) var acknowledged: Int
    /// Requests under way, oldest first.
    private(set) var flights: Deque<Flight> = []
    /// How many may be under way now.
    private(set) var size: Int
    private let total: Int
    private let chunk: Int
    private let limit: Int
    private var next: Int
    /// Clean answers since the last loss, and how many let the window grow again.
    private var clean = 0
    private var cleanToGrow = 16

    struct Flight: Sendable {
        let sequence: UInt8
        let end: Int
        let sent: Duration
        var isStale = false
    }

    /// What an answer meant.
    enum Answer: Equatable {
        /// The server has everything up to here.
        case advanced(roundTrip: Duration)
        /// Something was lost: the server wants to go on elsewhere.
        case rewound
        /// It belongs to a request that does not count any more.
        case stale
    }

    /// `offset`: where the server wants to begin. `limit`: requests that it can hold.
    init(total: Int, chunk: Int, limit: Int, offset: Int) {
        self.total = total
        self.chunk = chunk
        self.limit = max(1, limit)
        size = max(1, limit)
        acknowledged = offset
        next = offset
    }

    var isComplete: Bool { acknowledged >= total }

    /// The chunk to send now, if the window is open.
    var nextChunk: Range<Int>? {
        guard flights.count < size, next < total else { return nil }
        return next..<min(next + chunk, total)
    }

    mutating func sent(_ range: Range<Int>, sequence: UInt8, at now: Duration) {
        next = range.upperBound
        flights.append(Flight(sequence: sequence, end: range.upperBound, sent: now))
    }

    func isUnderWay(_ sequence: UInt8) -> Bool { flights.contains { $0.sequence == sequence } }

    /// The server answered `sequence`, which is under way, with `offset`, 0 to the image's length.
    mutating func answered(_ sequence: UInt8, offset: Int, now: Duration) -> Answer {
        guard let index = flights.firstIndex(where: { $0.sequence == sequence }) else { return .stale }
        let flight = flights[index]
        flights.removeFirst(index + 1)
        guard !flight.isStale else { return .stale }
        acknowledged = offset
        guard offset == flight.end else {
            next = offset
            for index in flights.indices { flights[index].isStale = true }
            shrink()
            return .rewound
        }
        clean += 1
        if clean >= cleanToGrow, size < limit {
            size += 1
            clean = 0
        }
        return .advanced(roundTrip: now - flight.sent)
    }

    /// No answer came in time: what was under way is lost, one way or the other.
    mutating func expired() {
        flights = []
        next = acknowledged
        shrink()
    }

    /// A server that loses requests may have fewer buffers than it says. Each loss makes the window more careful to grow.
    private mutating func shrink() {
        size = max(1, size - 1)
        clean = 0
        cleanToGrow = min(cleanToGrow * 2, 1024)
    }
}
