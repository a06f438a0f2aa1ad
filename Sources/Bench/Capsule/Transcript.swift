public import BenchModel
public import Links

/// One thing that passed between a session and what is below it: a request and its answer, or news of the dock.
public struct Exchange: Hashable, Sendable, Codable {
    /// What passed.
    public enum Kind: String, Hashable, Sendable, Codable {
        /// A device was opened; with its descriptors.
        case open
        case openHub = "open-hub"
        /// The USB device below a tty was opened.
        case openUSB = "open-usb"
        case controlOut = "out"
        case controlIn = "in"
        case claim
        case select
        case reset
        /// A serial line was opened.
        case openLine = "open-line"
        case write
        case read
        /// A device of ours came to the slot.
        case arrived
        /// It left.
        case left
    }

    /// What passed.
    public var kind: Kind
    /// Nanoseconds from the session's beginning until it began.
    public var at: Int64
    /// Nanoseconds that it took.
    public var took: Int64
    /// bmRequestType and bRequest.
    public var request: UInt16?
    /// wValue; of `select` the alternate setting.
    public var value: UInt16?
    /// wIndex; of `claim` and `select` the interface.
    public var index: UInt16?
    /// Bytes sent, or asked for; where the image's bytes came, as many as came.
    public var length: Int?
    /// What came, hex; of what was sent no more than the first few.
    public var data: String?
    /// What came begins with the image's bytes, from where the last block ended.
    public var isImage: Bool?
    /// A link error's code.
    public var error: String?
    /// What the system said.
    public var sentence: String?
    private var opened: Aside<USBDescriptors>?
    private var seen: Aside<SeenDevice>?

    /// What an opened device says of itself.
    public var descriptors: USBDescriptors? {
        get { opened?.value }
        set { opened = newValue.map { Aside($0) } }
    }

    /// The device that came, or left.
    public var device: SeenDevice? {
        get { seen?.value }
        set { seen = newValue.map { Aside($0) } }
    }

    private enum CodingKeys: String, CodingKey {
        case kind, at, took, request, value, index, length, data, isImage, error, sentence
        case opened = "descriptors"
        case seen = "device"
    }

    /// Bytes of what is sent that are kept.
    static let shownBytes = 7

    init(_ kind: Kind, at: Int64) {
        self.kind = kind
        self.at = at
        took = 0
    }

    /// Whether the other is this one again, `steps` in wValue further on. Asked some times for each block, so field by field.
    func repeats(_ other: Exchange, steps: UInt16) -> Bool {
        guard kind == other.kind, request == other.request, value == other.value.map({ $0 &+ steps }), index == other.index,
            length == other.length, isImage == other.isImage
        else { return false }
        let isWritten = kind == .controlOut && error == nil
        // How long nothing came is what a session goes by; and what is shown of a block is shown of the first.
        guard isWritten || data != nil || isImage == true || took == other.took, kind == .controlOut || data == other.data else {
            return false
        }
        return error == other.error && sentence == other.sentence && opened == other.opened && seen == other.seen
    }
}

/// What few exchanges have, and is larger than all that the others are: the others have a pointer's room for it.
private indirect enum Aside<Value: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    case kept(Value)

    init(_ value: Value) { self = .kept(value) }

    var value: Value {
        switch self {
        case .kept(let value): value
        }
    }

    init(from decoder: any Decoder) throws { self = .kept(try Value(from: decoder)) }

    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// A device of ours as udev described it when it came.
public struct SeenDevice: Hashable, Sendable, Codable {
    /// The physical port, by udev's ID_PATH.
    public var port: PortPath
    /// The interface of a tty.
    public var interface: UInt8?
    /// Its node.
    public var node: String
    /// Its folder in sysfs.
    public var syspath: String
    /// The number of the USB device on its bus.
    public var incarnation: String
    /// Its mode, by the profile.
    public var mode: UnitMode
    /// Those of udev's properties that a bench looks at.
    public var properties: [String: String]
}

/// One exchange after the other, or some that were repeated.
public struct ExchangeRun: Hashable, Sendable, Codable {
    /// How often.
    public var times: Int
    /// By how much wValue grows each time, for each of them; empty for what was not repeated.
    public var steps: [UInt16]
    /// What was repeated, as it was the first time.
    public var exchanges: [Exchange]

    init(_ exchange: Exchange) { (times, steps, exchanges) = (1, [], [exchange]) }

    /// `nil` unless the second is the first one again.
    init?(_ first: ArraySlice<ExchangeRun>, then second: ArraySlice<ExchangeRun>) {
        var steps: [UInt16] = []
        for (one, two) in zip(first, second) {
            guard one.times == 1, two.times == 1, one.exchanges.count == 1, two.exchanges.count == 1 else { return nil }
            let step = (two.exchanges[0].value ?? 0) &- (one.exchanges[0].value ?? 0)
            guard step <= 1, two.exchanges[0].repeats(one.exchanges[0], steps: step) else { return nil }
            steps.append(step)
        }
        (times, self.steps, exchanges) = (2, steps, first.map { $0.exchanges[0] })
    }

    /// Whether these are its exchanges once more.
    func goesOn(with next: ArraySlice<ExchangeRun>) -> Bool {
        guard times > 1, exchanges.count == next.count else { return false }
        return zip(zip(exchanges, steps), next).allSatisfy { own, next in
            next.times == 1 && next.exchanges.count == 1
                && next.exchanges[0].repeats(own.0, steps: own.1 &* UInt16(truncatingIfNeeded: times))
        }
    }
}

/// What passed in a session, bounded: what repeats itself is counted, and where there is too much the middle goes.
public struct Transcript: Hashable, Sendable, Codable {
    /// In the order in which it passed.
    public private(set) var runs: [ExchangeRun] = []
    /// Exchanges that went from the middle; behind run number ``firstRuns``.
    public private(set) var elided = 0

    /// Runs from the beginning that are always kept, and runs from the end. A run is some half a KiB, and every session has a transcript.
    static let firstRuns = 200
    static let lastRuns = 250
    /// Exchanges that may repeat themselves together.
    private static let longestPattern = 4

    mutating func add(_ exchange: Exchange) {
        runs.append(ExchangeRun(exchange))
        fold()
        guard runs.count > Self.firstRuns + 2 * Self.lastRuns else { return }
        let middle = Self.firstRuns..<runs.count - Self.lastRuns
        elided += runs[middle].reduce(0) { $0 + $1.times * $1.exchanges.count }
        runs.removeSubrange(middle)
    }

    private mutating func fold() {
        for length in 1...Self.longestPattern where runs.count >= 2 * length || runs.count > length {
            let last = runs[(runs.count - length)...]
            if runs.count > length, runs[runs.count - length - 1].goesOn(with: last) {
                runs[runs.count - length - 1].times += 1
                return runs.removeLast(length)
            }
            guard runs.count >= 2 * length else { continue }
            if let run = ExchangeRun(runs[(runs.count - 2 * length)..<(runs.count - length)], then: last) {
                runs.removeLast(2 * length)
                return runs.append(run)
            }
        }
    }

    /// Every exchange, as often as it was.
    public var exchanges: [Exchange] {
        runs.flatMap { run in
            run.times == 1
                ? run.exchanges
                : (0..<run.times).flatMap { time in
                    zip(run.exchanges, run.steps).map { exchange, step in
                        var exchange = exchange
                        exchange.value = exchange.value.map { $0 &+ step &* UInt16(truncatingIfNeeded: time) }
                        return exchange
                    }
                }
        }
    }
}
