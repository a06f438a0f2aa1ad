internal import BenchModel
internal import Synchronization

/// The host's end of a unit's serial line: a pty, a connection, or memory.
protocol LineEnd: Sendable {
    /// At most `limit` of the bytes that the host has sent. Nothing where none wait.
    func take(_ limit: Int) -> [UInt8]
    /// Bytes from the unit. What the host has no room for is lost, as on a real line.
    func give(_ bytes: [UInt8])
    /// The speed that the host has set, bits a second; `nil` where the end has none.
    var baud: Int? { get }
}

/// A unit's serial line at work: carries bytes between the host's end and the unit, each way no faster than the line's speed, and
/// gives the unit the time that it asks for.
///
/// Sendable: everything that changes is used on `queue` alone.
final class UnitLine: @unchecked Sendable {
    /// Start bit, 8 data bits, stop bit.
    private static let bitsPerByte = 10
    /// How much is carried in one go; less makes more timers.
    private static let quantum = Duration.milliseconds(2)
    /// How far the line may catch up with a late timer.
    private static let catchUp = Duration.milliseconds(100)

    private let seat: UnitSeat
    private let baud: Int
    private let byteTime: Duration
    private let time: any DockTime
    private let perform: @Sendable ([DeviceAction]) -> Void
    private let queue: any DockQueue
    private var timer: (any DockTimer)?
    private var end: (any LineEnd)?
    private var isStopped = false
    private var toUnit = Way()
    private var toHost = Way()
    /// What the unit has sent and the line has not yet begun to carry.
    private var outbox: ArraySlice<UInt8> = []

    /// One direction: what it carries, and until when.
    private struct Way {
        var carried: [UInt8] = []
        var done: Duration = .zero
        /// Whether more bytes were waiting when the last ones were taken: then the line goes on without a pause.
        var isBusy = false

        /// Takes bytes to carry; they begin where the last ones ended, if the line was not idle since.
        mutating func carry(_ bytes: [UInt8], byteTime: Duration, now: Duration, more: Bool) {
            let start = isBusy ? max(done, now - UnitLine.catchUp) : now
            carried = bytes
            done = start + byteTime * bytes.count
            isBusy = more
        }
    }

    init(
        _ seat: UnitSeat, baud: Int, time: any DockTime, perform: @escaping @Sendable ([DeviceAction]) -> Void
    ) {
        self.seat = seat
        self.baud = baud
        self.time = time
        self.perform = perform
        byteTime = .nanoseconds(1_000_000_000 * Self.bitsPerByte / baud)
        queue = time.queue("line.\(seat.description.chfId)")
        timer = queue.timer { [weak self] in self?.turn() }
        queue.add { [weak self] in self?.turn() }
    }

    deinit { timer?.cancel() }

    /// The host opens its end, or closes it.
    func connect(_ end: (any LineEnd)?) {
        queue.add { [self] in
            self.end = end
            turn()
        }
    }

    /// The host has sent something, or something has happened to the unit.
    func wake() { queue.add { [self] in turn() } }

    /// The unit is no longer there.
    func stop() {
        queue.add { [self] in
            isStopped = true
            end = nil
            timer?.cancel()
            timer = nil
        }
    }

    private func turn() {
        guard !isStopped else { return }
        var next: Duration?
        while true {
            let now = time.now
            let isMore = carryToUnit(now)
            let turn = seat.unit.withLock { $0.proceed(now: now) }
            outbox += turn.output
            if end == nil { outbox = [] }
            carryToHost(now)
            if !turn.actions.isEmpty { perform(turn.actions) }
            guard !isMore else { continue }
            next = turn.wake
            for way in [toUnit, toHost] where !way.carried.isEmpty { next = min(next ?? way.done, way.done) }
            break
        }
        guard let next else { return }
        timer?.set(after: max(.microseconds(20), next - time.now))
    }

    /// Bytes that fit into the time since the line was last given some, and a quantum beyond.
    private func allowance(_ way: Way, _ now: Duration) -> Int {
        let late = way.isBusy ? min(max(.zero, now - way.done), Self.catchUp) : .zero
        return max(1, Int((late + Self.quantum) / byteTime))
    }

    /// - Returns: whether bytes arrived at the unit, so that there may be more to do now.
    private func carryToUnit(_ now: Duration) -> Bool {
        var hasArrived = false
        if !toUnit.carried.isEmpty {
            guard toUnit.done <= now else { return false }
            let bytes = toUnit.carried
            toUnit.carried = []
            seat.unit.withLock { $0.receive(bytes, now: toUnit.done) }
            hasArrived = true
        }
        guard let end else { return hasArrived }
        let limit = allowance(toUnit, now)
        var bytes = end.take(limit)
        guard !bytes.isEmpty else {
            toUnit.isBusy = false
            return hasArrived
        }
        // Another speed than the unit's own makes other bytes of them.
        if let set = end.baud, abs(set - baud) * 20 > baud { bytes = bytes.map { ($0 &* 0x55) | 0x80 } }
        toUnit.carry(bytes, byteTime: byteTime, now: now, more: bytes.count == limit)
        return hasArrived
    }

    private func carryToHost(_ now: Duration) {
        while true {
            if !toHost.carried.isEmpty {
                guard toHost.done <= now else { return }
                end?.give(toHost.carried)
                toHost.carried = []
            }
            guard !outbox.isEmpty else { return toHost.isBusy = false }
            let bytes = Array(outbox.prefix(allowance(toHost, now)))
            outbox = outbox.dropFirst(bytes.count)
            toHost.carry(bytes, byteTime: byteTime, now: now, more: !outbox.isEmpty)
        }
    }
}
