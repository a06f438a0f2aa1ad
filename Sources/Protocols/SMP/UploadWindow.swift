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
    /// Bytes of a chunk now, and where the server's buffer is full.
    private(set) var chunk: Int
    private let fullChunk: Int
    private let limit: Int
    private var next: Int
    /// Clean answers since the last loss or growth, and how many let the window grow.
    private var clean = 0
    private var cleanToGrow = 16
    /// Clean answers since the last loss, or losses since the last clean answer.
    private var sinceLoss = 0
    private var lossesInRow = 0
    /// Requests that were given up; what is answered to them late still tells how far the server is.
    private var late: [Flight] = []
    private var lastAnswer: Duration?
    private var hasBegun = false
    /// Bytes on the line of the longest request.
    private var longest = 0
    /// The server keeps whole flash words only and asks for the rest of a chunk again: chunks end at a multiple of this, bytes.
    private var alignment = 1

    struct Flight: Sendable {
        let sequence: UInt8
        let end: Int
        let sent: Duration
        /// Bytes on the line.
        let length: Int
        var isStale = false
    }

    /// What an answer meant.
    enum Answer: Equatable {
        /// The server has everything up to here.
        case advanced(roundTrip: Duration)
        /// Something was lost: the server wants to go on elsewhere.
        case rewound
        /// It belongs to a request that does not count any more: sent before a rewind.
        case stale
        /// It came after its request was given up.
        case late(roundTrip: Duration)
    }

    /// `offset`: where the server wants to begin. `limit`: requests that it can hold.
    init(total: Int, chunk: Int, limit: Int, offset: Int) {
        self.total = total
        self.chunk = chunk
        fullChunk = chunk
        self.limit = max(1, limit)
        // Until the first answer nobody knows how long one takes.
        size = 1
        acknowledged = offset
        next = offset
    }

    var isComplete: Bool { acknowledged >= total }

    /// The chunk to send now, if the window is open.
    var nextChunk: Range<Int>? {
        guard flights.count < size, next < total else { return nil }
        guard total - next > chunk else { return next..<total }
        let end = (next + chunk) / alignment * alignment
        return next..<(end > next ? end : next + chunk)
    }

    /// `length`: bytes of the request on the line.
    mutating func sent(_ range: Range<Int>, sequence: UInt8, length: Int, at now: Duration) {
        next = range.upperBound
        flights.append(Flight(sequence: sequence, end: range.upperBound, sent: now, length: length))
        longest = max(longest, length)
    }

    /// Bytes that a line may be given now which holds `capacity` bytes, and has not got the last `unsent` bytes of what is under way.
    func room(_ capacity: Int, unsent: Int) -> Int {
        guard !flights.isEmpty else { return .max }
        return max(capacity, longest * 3 / 2) - max(0, flights.reduce(0) { $0 + $1.length } - unsent)
    }

    /// Whether an answer to this request is of use.
    func isExpected(_ sequence: UInt8) -> Bool { flights.contains { $0.sequence == sequence } || late.contains { $0.sequence == sequence } }

    /// Since when the oldest request under way has had the server's attention, at the latest.
    var waitingSince: Duration? { flights.first.map { max($0.sent, lastAnswer ?? $0.sent) } }

    /// The server answered `sequence` with `offset`, 0 to the image's length.
    mutating func answered(_ sequence: UInt8, offset: Int, now: Duration) -> Answer {
        lastAnswer = now
        guard let index = flights.firstIndex(where: { $0.sequence == sequence }) else {
            guard let flight = late.first(where: { $0.sequence == sequence }) else { return .stale }
            acknowledged = max(acknowledged, offset)
            next = max(next, acknowledged)
            return .late(roundTrip: now - flight.sent)
        }
        let flight = flights[index]
        flights.removeFirst(index + 1)
        guard !flight.isStale else { return .stale }
        acknowledged = offset
        guard offset == flight.end else {
            next = offset
            for index in flights.indices { flights[index].isStale = true }
            if (1..<Self.mostAlignment).contains(flight.end - offset) { align(flight.end - offset) } else { shrink() }
            return .rewound
        }
        grow()
        return .advanced(roundTrip: now - flight.sent)
    }

    /// No answer came in time: what was under way is lost, one way or the other.
    mutating func expired() {
        late = (late + flights).suffix(Self.lateLimit)
        flights = []
        next = acknowledged
        shrink()
    }

    /// `short`: bytes at the end of a chunk that the server did not keep.
    private mutating func align(_ short: Int) {
        while alignment <= short { alignment *= 2 }
    }

    private mutating func grow() {
        if !hasBegun { size = limit }
        hasBegun = true
        clean += 1
        sinceLoss += 1
        lossesInRow = 0
        if clean.isMultiple(of: Self.cleanToDouble) { chunk = min(chunk * 2, fullChunk) }
        if clean >= cleanToGrow, size < limit {
            size += 1
            clean = 0
        }
    }

    /// A server that loses requests one after the other has fewer buffers than it says. Single losses are the line's: then two
    /// requests stay under way, for the answer to the second tells of the first one's loss at once. Each loss makes the window
    /// more careful to grow.
    ///
    /// What is lost again when it is sent anew is too long, for a bad line or for a server's buffer.
    private mutating func shrink() {
        let least = sinceLoss >= Self.lossesApart ? min(2, limit) : 1
        size = max(least, size - 1)
        clean = 0
        sinceLoss = 0
        lossesInRow += 1
        if lossesInRow > 1 { chunk = max(min(Self.leastChunk, fullChunk), chunk / 2) }
        cleanToGrow = min(cleanToGrow * 2, 256)
    }

    /// Bytes; flash words are at most this long.
    private static let mostAlignment = 64
    /// Far fewer than there are sequence numbers.
    private static let lateLimit = 32
    /// Clean answers between two losses from which on they are taken for the line's.
    private static let lossesApart = 4
    /// Clean answers after which a chunk that was shortened may be twice as long.
    private static let cleanToDouble = 16
    /// Bytes of data; less is hardly more than overhead.
    private static let leastChunk = 64
}
