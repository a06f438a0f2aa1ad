internal import BenchModel

/// One exchange, some that were repeated, or what passed on a serial line for a while.
public struct ExchangeRun: Hashable, Sendable, Codable {
    /// How often.
    public private(set) var times: Int
    /// By how much wValue grows each time, for each of the exchanges; empty for what was not repeated.
    public private(set) var steps: [UInt16]
    private var repeated: [Exchange]
    private var line: PackedLine?

    private enum CodingKeys: String, CodingKey {
        case times, steps, line
        case repeated = "exchanges"
    }

    /// What passed; where it was repeated, as it was the first time.
    public var exchanges: [Exchange] { line?.exchanges ?? repeated }
    /// Exchanges in all.
    var count: Int { line?.count ?? times * repeated.count }
    /// What it takes in memory, bytes, as far as it matters.
    var room: Int { 160 + repeated.reduce(0) { $0 + $1.room } + (line?.room ?? 0) }

    init(_ exchange: Exchange) { (times, steps, repeated) = (1, [], [exchange]) }

    init(_ passage: LinePassage) {
        (times, steps, repeated) = (1, [], [])
        line = PackedLine(passage)
    }

    /// Adds what passed next on the serial line.
    /// - Returns: `false` where this run is none of a serial line, or has enough.
    mutating func takes(_ passage: LinePassage) -> Bool { line?.takes(passage) ?? false }

    /// `nil` unless the second is the first one again.
    init?(_ first: ArraySlice<ExchangeRun>, then second: ArraySlice<ExchangeRun>) {
        var steps: [UInt16] = []
        for (one, two) in zip(first, second) {
            guard one.times == 1, two.times == 1, one.repeated.count == 1, two.repeated.count == 1 else { return nil }
            let step = (two.repeated[0].value ?? 0) &- (one.repeated[0].value ?? 0)
            guard step <= 1, two.repeated[0].repeats(one.repeated[0], steps: step) else { return nil }
            steps.append(step)
        }
        (times, self.steps, repeated) = (2, steps, first.map { $0.repeated[0] })
    }

    /// Whether these are its exchanges once more.
    func goesOn(with next: ArraySlice<ExchangeRun>) -> Bool {
        guard times > 1, repeated.count == next.count else { return false }
        return zip(zip(repeated, steps), next).allSatisfy { own, next in
            next.times == 1 && next.repeated.count == 1
                && next.repeated[0].repeats(own.0, steps: own.1 &* UInt16(truncatingIfNeeded: times))
        }
    }

    mutating func countOnceMore() { times += 1 }

    /// Every exchange, as often as it was.
    var all: [Exchange] {
        guard times > 1 else { return exchanges }
        return (0..<times).flatMap { time in
            zip(repeated, steps).map { exchange, step in
                var exchange = exchange
                exchange.value = exchange.value.map { $0 &+ step &* UInt16(truncatingIfNeeded: time) }
                return exchange
            }
        }
    }
}

/// What passed in a session, bounded: what repeats itself is counted, what passes on a serial line is packed, and where there is too much the
/// middle goes.
public struct Transcript: Sendable, Codable {
    /// In the order in which it passed.
    public private(set) var runs: [ExchangeRun] = []
    /// Exchanges that went from the middle.
    public private(set) var elided = 0
    /// Bytes, as far as they matter.
    private var room = 0

    private enum CodingKeys: CodingKey { case runs, elided }

    /// Bytes that all runs may have, those that are kept from the beginning where they have more, and those from the end. Every session has a
    /// transcript; this is enough for an upload of some 1,500 requests over a serial line.
    static let mostRoom = 128 * 1024
    static let firstRoom = 40 * 1024
    static let lastRoom = 72 * 1024
    /// Exchanges that may repeat themselves together.
    private static let longestPattern = 4

    /// Exchanges that are in it.
    var count: Int { runs.reduce(0) { $0 + $1.count } }

    /// Every exchange that is in it, as often as it was.
    public var exchanges: [Exchange] { runs.flatMap(\.all) }

    mutating func add(_ exchange: Exchange) {
        append(ExchangeRun(exchange))
        fold()
        trim()
    }

    mutating func add(_ passage: LinePassage) {
        let before = runs.last?.room ?? 0
        if !runs.isEmpty, runs[runs.count - 1].takes(passage) {
            room += runs[runs.count - 1].room - before
        } else {
            append(ExchangeRun(passage))
        }
        trim()
    }

    private mutating func append(_ run: ExchangeRun) {
        runs.append(run)
        room += run.room
    }

    private mutating func removeLast(_ count: Int) {
        room -= runs[(runs.count - count)...].reduce(0) { $0 + $1.room }
        runs.removeLast(count)
    }

    private mutating func fold() {
        for length in 1...Self.longestPattern where runs.count > length {
            // No slice lives on while the runs change: it would have all of them copied for each exchange.
            let last = runs.count - length
            if runs[last - 1].goesOn(with: runs[last...]) {
                runs[last - 1].countOnceMore()
                return removeLast(length)
            }
            guard runs.count >= 2 * length else { continue }
            if let run = ExchangeRun(runs[(last - length)..<last], then: runs[last...]) {
                removeLast(2 * length)
                return append(run)
            }
        }
    }

    private mutating func trim() {
        guard room > Self.mostRoom else { return }
        func fitting(_ runs: some Sequence<ExchangeRun>, into room: Int) -> Int {
            var left = room
            return runs.prefix { run in
                left -= run.room
                return left >= 0
            }.count
        }
        let middle = fitting(runs, into: Self.firstRoom)..<runs.count - fitting(runs.reversed(), into: Self.lastRoom)
        elided += runs[middle].reduce(0) { $0 + $1.count }
        room -= runs[middle].reduce(0) { $0 + $1.room }
        runs.removeSubrange(middle)
    }
}
