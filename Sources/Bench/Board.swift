public import BenchModel
internal import Synchronization

/// What a slot shows at this moment. A value to look at: nothing is decided from it.
public struct SlotView: Sendable, Hashable {
    /// The slot's label, as it is printed on the rack.
    public var slot: SlotID
    /// The physical port, by udev's ID_PATH.
    public var port: PortPath
    /// Whether a supervisor holds the slot.
    public var isHeld = false
    /// Whether the slot is out of service, because it failed too often.
    public var isOutOfService = false
    /// Whether a unit is in it.
    public var isPresent = false
    /// The Communications Hub that is meant.
    public var unit: Unit?
    /// The session that runs, or the last one.
    public var session: SessionID?
    /// Where the session that runs is.
    public var step: SessionStep?
    /// How far the present step has come.
    public var progress: StepProgress?
    /// Monotonic time at which the step began.
    public var stepBegan: Duration?
    /// Monotonic time at which the session began.
    public var sessionBegan: Duration?
    /// The version that the unit should hold.
    public var targetVersion: FirmwareVersion?
    /// How the last session of this slot ended.
    public var verdict: Verdict?
    /// What the technician's hands should do.
    public var doNext: DoNext = .dock
    /// What stands in the way, if anything does.
    public var message: String?

    public init(slot: SlotID, port: PortPath) {
        self.slot = slot
        self.port = port
    }

    /// The slot with nothing in it and nothing to be said of it.
    var cleared: SlotView {
        var view = SlotView(slot: slot, port: port)
        view.isHeld = isHeld
        view.isOutOfService = isOutOfService
        view.doNext = isHeld ? .hold : .dock
        return view
    }

    /// What hands should do where the slot is out of service: nothing goes in any more, and what is not settled goes elsewhere.
    fileprivate var doNextOutOfService: DoNext {
        switch doNext {
        case .wait where sessionBegan != nil: .wait
        case .remove, .hold: doNext
        case .wait, .dock, .dockAgain, .moveToAnotherSlot, .outOfService: isPresent ? .moveToAnotherSlot : .outOfService
        }
    }

    /// Bytes a second of the present step; `nil` before there is one to speak of.
    public func rate(at now: Duration) -> Double? {
        guard let progress, let stepBegan, progress.doneBytes > 0, now > stepBegan else { return nil }
        return Double(progress.doneBytes) / (now - stepBegan).seconds
    }

    /// Seconds until the present step's bytes are through.
    public func secondsLeft(at now: Duration) -> Double? {
        guard let progress, let rate = rate(at: now), rate > 0 else { return nil }
        return Double(progress.totalBytes - progress.doneBytes) / rate
    }
}

/// A device of ours, or one that looks like it, at a port that the config does not know.
public struct StrayDevice: Sendable, Hashable {
    /// The physical port, by udev's ID_PATH.
    public var port: PortPath
    /// The device node, `/dev/bus/usb/BBB/DDD`.
    public var node: String
    /// What it is, in a few words.
    public var description: String
}

/// The live view of the bench, for whoever looks: the page, `watch`, metrics. It holds nothing that the journal does not
/// hold or a slot would not say again.
public final class Board: Sendable {
    private let state: Mutex<State>
    private let clock: any BenchClock
    /// Every slot in the order of labels.
    private let order: [SlotID]

    private struct State {
        var slots: [SlotID: SlotView]
        var strays: [StrayDevice] = []
        var tally = ShiftTally()
        var impediment: String?
        var halts: [ReleaseHalt] = []
        var subscribers: [Int: AsyncStream<Void>.Continuation] = [:]
        var lastSubscriber = 0
    }

    init(_ places: [SlotPlace], clock: any BenchClock) {
        let views = places.map { ($0.slot, SlotView(slot: $0.slot, port: $0.port)) }
        state = Mutex(State(slots: Dictionary(uniqueKeysWithValues: views)))
        self.clock = clock
        order = places.map(\.slot).sorted()
    }

    /// Monotonic time, to which the views' times refer.
    public var now: Duration { clock.now }

    /// Every slot in the order of labels.
    public var slots: [SlotView] { state.withLock { state in order.compactMap { state.slots[$0] } } }

    /// One slot; `nil` where the config has none of this label.
    public func slot(_ slot: SlotID) -> SlotView? { state.withLock { $0.slots[slot] } }

    /// Devices that look like ours and are in no slot.
    public var strays: [StrayDevice] { state.withLock { $0.strays } }
    /// Outcomes since the daemon started.
    public var tally: ShiftTally { state.withLock { $0.tally } }

    /// What keeps the whole bench from flashing, if anything does.
    public var impediment: String? { state.withLock { $0.impediment } }

    /// Releases whose approval the bench itself has ended.
    public var halts: [ReleaseHalt] { state.withLock { $0.halts } }

    /// What somebody must decide, the loudest first.
    public var alarms: [String] {
        halts.map(\.sentence)
            + slots.filter(\.isOutOfService).map {
                "slot \($0.slot) is out of service: units fail there more often than elsewhere. Look at its port and cable; "
                    + "'reflashctl slot return \($0.slot)' lets it work again"
            }
    }

    /// An element whenever something changed; missed ones are one.
    public func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.lastSubscriber += 1
            state.subscribers[state.lastSubscriber] = continuation
            return state.lastSubscriber
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.subscribers[id] = nil } }
        return stream
    }

    /// Ends every stream of changes: the bench is stopping.
    public func close() {
        for subscriber in state.withLock({ Array($0.subscribers.values) }) { subscriber.finish() }
    }

    func update(_ slot: SlotID, _ change: (inout SlotView) -> Void) {
        notify { state in
            guard var view = state.slots[slot] else { return }
            change(&view)
            if view.isOutOfService { view.doNext = view.doNextOutOfService }
            state.slots[slot] = view
        }
    }

    /// A unit that is in a slot now is no longer spoken of by the slots that it left.
    func forget(_ chfId: EUI64, except slot: SlotID) {
        notify { state in
            for (other, view) in state.slots where other != slot && !view.isPresent && view.unit?.chfId == chfId {
                var empty = view.cleared
                if empty.isOutOfService { empty.doNext = empty.doNextOutOfService }
                state.slots[other] = empty
            }
        }
    }

    func setStrays(_ strays: [StrayDevice]) { notify { $0.strays = strays } }

    func setHalts(_ halts: [ReleaseHalt]) {
        if self.halts != halts { notify { $0.halts = halts } }
    }

    func setImpediment(_ text: String?) {
        if impediment != text { notify { $0.impediment = text } }
    }

    func count(_ verdict: Verdict, isFirstAttempt: Bool, took duration: Duration) {
        notify { $0.tally.add(verdict, isFirstAttempt: isFirstAttempt, took: duration, at: clock.now) }
    }

    private func notify(_ change: (inout sending State) -> Void) {
        let subscribers = state.withLock { state in
            change(&state)
            return Array(state.subscribers.values)
        }
        for subscriber in subscribers { subscriber.yield() }
    }
}
