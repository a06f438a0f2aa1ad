internal import BenchModel
internal import Foundation

/// Keeps the books of a shift: every slot's every millisecond has one use. Fed with events in their order.
struct ShiftAccounts {
    private let from: Int64
    private let to: Int64
    private var slots: [SlotID: Account] = [:]
    private var isDown: Bool
    /// Up to when everything is booked, milliseconds since 1970.
    private var booked: Int64
    private var lastEvent: (utc: Int64, monotonic: Int64)?
    private var outcomes: [String: Verdict] = [:]
    private var handling: [Double] = []
    /// A unit's last outcome before the time.
    private let earlier: (String) throws -> Verdict?

    private struct Account {
        var state: SlotStateBefore
        var milliseconds: [SlotUse: Int64] = [:]
        /// What the running session was booked, which a wait for a grant takes some of.
        var ofSession: Int64 = 0
        /// The last outcome here, until the next unit is docked.
        var settledAt: Int64?

        mutating func book(_ passed: Int64, isDown: Bool) {
            milliseconds[isDown ? .benchDown : state.use, default: 0] += passed
            if state.session != nil, !state.awaitsGrant { ofSession += passed }
        }
    }

    /// `before`: how the bench and its slots were when the time began; `earlier`: a unit's last outcome until then.
    init(from: Int64, to: Int64, before: BenchStateBefore, earlier: @escaping (String) throws -> Verdict? = { _ in nil }) {
        self.earlier = earlier
        self.from = from
        self.to = to
        booked = from
        isDown = before.isDown
        lastEvent = before.lastEvent
        for (slot, state) in before.slots { slots[slot] = Account(state: state) }
    }

    mutating func add(_ event: EventFields) throws {
        let utc = UTC.milliseconds(event.utc) ?? booked
        noticeRestart(event)
        lastEvent = (utc, event.monotonicNanoseconds)
        book(to: utc)
        let slot = event.slot.flatMap { SlotID($0) }
        switch event.kind {
        case "bench-started":
            // Whatever was not known of before this, was not there: the bench was down for it.
            isDown = true
            let fresh = opened()
            isDown = false
            let served = try JSONText.decode(event.payload, as: JournalEvent.BenchStarted.self).slots.keys.compactMap { SlotID($0) }
            for slot in served { slots[slot, default: fresh].state.session = nil }
            for slot in slots.keys { slots[slot]?.state.isServed = served.contains(slot) }
        case "bench-stopped": goDown()
        case "outcome": try ended(event, slot, utc)
        default: if let slot { try change(slot, event, utc) }
        }
    }

    /// The first event after the time: the bench may have been down since the last one within it.
    mutating func noticeRestart(_ event: EventFields) {
        // A new process without a stop before it: the old one was there until its last event at least.
        guard let lastEvent, event.monotonicNanoseconds < lastEvent.monotonic || event.kind == "bench-started", !isDown else { return }
        book(to: lastEvent.utc)
        goDown()
    }

    private mutating func change(_ slot: SlotID, _ event: EventFields, _ utc: Int64) throws {
        var account = slots[slot] ?? opened()
        switch event.kind {
        case "slot-held": account.state.isHeld = true
        case "slot-released": account.state.isHeld = false
        case "slot-out-of-service": account.state.isOutOfService = true
        case "slot-returned": account.state.isOutOfService = false
        case "session-started":
            account.state.session = try event.unit.flatMap { try outcomes[$0] ?? earlier($0) }?.callsForRetry ?? false
            account.state.awaitsGrant = false
            account.ofSession = 0
        case "unit-docked":
            if let settledAt = account.settledAt { handling.append(Double(utc - settledAt) / 1000) }
            account.settledAt = nil
        case "grant-awaited": account.state.awaitsGrant = true
        case "grant-waited" where account.state.awaitsGrant: account.state.awaitsGrant = false
        case "grant-waited":
            // It did not say that it would have to wait.
            let waited = try JSONText.decode(event.payload, as: JournalEvent.GrantWaited.self)
            let moved = min(Int64(waited.milliseconds), account.ofSession)
            account.milliseconds[account.state.use, default: 0] -= moved
            account.milliseconds[.awaitingGrant, default: 0] += moved
            account.ofSession -= moved
        default: return
        }
        slots[slot] = account
    }

    private mutating func ended(_ event: EventFields, _ slot: SlotID?, _ utc: Int64) throws {
        let verdict = try JSONText.decode(event.payload, as: Verdict.self)
        outcomes[event.unit ?? "session \(event.session ?? 0)"] = verdict
        guard let slot else { return }
        var account = slots[slot] ?? opened()
        account.state.session = nil
        account.state.awaitsGrant = false
        // The stop of the bench is no work of hands.
        account.settledAt = verdict.reason == .benchStopped ? nil : utc
        slots[slot] = account
    }

    /// A slot of which nothing was known before: until now it waited for hands, or for the bench.
    private func opened() -> Account {
        var account = Account(state: SlotStateBefore())
        account.milliseconds[isDown ? .benchDown : .awaitingHands] = booked - from
        return account
    }

    private mutating func goDown() {
        isDown = true
        for slot in slots.keys {
            slots[slot]?.state.session = nil
            // Who was there all the time is docked anew: nobody has handled it.
            slots[slot]?.settledAt = nil
        }
    }

    private mutating func book(to utc: Int64) {
        let end = min(max(utc, booked), to)
        let passed = end - booked
        guard passed > 0 else { return }
        // In their places: this is done for every slot at every event.
        var index = slots.startIndex
        while index < slots.endIndex {
            slots.values[index].book(passed, isDown: isDown)
            slots.formIndex(after: &index)
        }
        booked = end
    }

    /// Closes the books.
    consuming func report() -> ShiftReport {
        book(to: to)
        var lost: [String: Int] = [:]
        for verdict in outcomes.values where !verdict.outcome.isCurrent {
            lost[verdict.outcome.rawValue + (verdict.reason.map { ": \($0.rawValue)" } ?? ""), default: 0] += 1
        }
        return ShiftReport(
            from: UTC.text(from), to: UTC.text(to),
            slots: slots.sorted { $0.key < $1.key }.map { slot, account in
                let used = account.milliseconds.filter { $0.value > 0 }.map { ($0.key.rawValue, $0.value) }
                return ShiftReport.Slot(slot: slot, milliseconds: Dictionary(uniqueKeysWithValues: used))
            }, reflashed: outcomes.values.count { $0.outcome == .reflashed },
            alreadyCurrent: outcomes.values.count { $0.outcome == .alreadyCurrent }, lost: lost, handling: .init(handling))
    }
}

extension Verdict {
    /// Whether a session of the same unit after this one is a retry.
    var callsForRetry: Bool { outcome == .failed || outcome == .unknown }
}

/// A slot at one moment.
struct SlotStateBefore {
    var isHeld = false
    var isOutOfService = false
    /// Whether the bench's config has it.
    var isServed = true
    /// Whether the session that runs is a retry; `nil` where none runs.
    var session: Bool?
    /// Whether it waits for its share of the host.
    var awaitsGrant = false

    var use: SlotUse {
        guard isServed else { return .benchDown }
        if let session { return awaitsGrant ? .awaitingGrant : session ? .retry : .flashing }
        return isHeld || isOutOfService ? .outOfService : .awaitingHands
    }
}

/// The bench when a shift began.
struct BenchStateBefore {
    var isDown = true
    var lastEvent: (utc: Int64, monotonic: Int64)?
    var slots: [SlotID: SlotStateBefore] = [:]
}

/// The journal's times.
enum UTC {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// `2026-11-23T16:36:11.123Z`
    static func text(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(style)
    }

    /// Milliseconds since 1970, of a time with or without fractions of a second.
    static func milliseconds(_ text: String) -> Int64? {
        guard let date = (try? style.parse(text)) ?? (try? Date.ISO8601FormatStyle().parse(text)) else { return nil }
        return Int64((date.timeIntervalSince1970 * 1000).rounded())
    }
}
