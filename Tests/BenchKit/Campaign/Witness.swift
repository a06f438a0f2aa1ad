internal import Bench
internal import BenchModel
internal import Foundation
internal import Journal
internal import Simulator
internal import Synchronization

/// Compares what the bench records with what the units really hold, in the moment in which it is recorded.
final class Witness: Sendable {
    private let bus: InProcessBus
    private let image: [UInt8]
    /// Units that may come back under another name: of these nothing is known by name, and what sits in the slot is looked at.
    private let renamed: Set<EUI64>
    /// Units that say another version than they run.
    private let liars: Set<EUI64>
    /// Units that will not keep an image: it runs, and goes at the next boot.
    private let unkeeping: Set<EUI64>
    private let units: [EUI64: UnitDescription]
    private let state = Mutex(State())

    private struct State {
        var violations: [String] = []
        /// What was in a session's slot when it began, and the downloads that it had seen.
        var before: [SessionID: (unit: EUI64, downloads: Int)] = [:]
        var open: Set<SessionID> = []
        var outcomes: [SessionID: Outcome] = [:]
        var settled: Set<SessionID> = []
        /// Outcomes since the bench that runs now came up.
        var sinceStart: [Outcome: Int] = [:]
        /// The last outcome of each unit, and of each session whose unit is not known.
        var last: [String: Outcome] = [:]
        var isCalm = false
    }

    init(_ bus: InProcessBus, image: [UInt8], units: [UnitDescription]) {
        self.bus = bus
        self.image = image
        var renamed: Set<EUI64> = []
        for unit in units {
            for fault in unit.faults where fault.kind == .returnsAs {
                renamed.insert(unit.chfId)
                if let other = fault.value.flatMap({ EUI64($0) }) { renamed.insert(other) }
            }
        }
        self.renamed = renamed
        liars = Set(units.filter { $0.faults.contains { $0.kind == .wrongVersion } }.map(\.chfId))
        unkeeping = Set(units.filter { $0.faults.contains { $0.kind == .errorStatus && $0.request == "confirm" } }.map(\.chfId))
        self.units = Dictionary(units.map { ($0.chfId, $0) }, uniquingKeysWith: { first, _ in first })
    }

    var violations: [String] { state.withLock { $0.violations } }

    func object(_ sentence: String) { state.withLock { $0.violations.append(sentence) } }

    func startCounting() { state.withLock { $0.sinceStart = [:] } }

    func calm() { state.withLock { $0.isCalm = true } }

    // MARK: Each event as it is stored

    func saw(_ events: [EventRecord]) {
        for event in events {
            switch event.kind {
            case "session-started": began(event)
            case "outcome": ended(event)
            case "session-settled": settled(event)
            default: break
            }
        }
    }

    private func began(_ event: EventRecord) {
        let occupant = event.slot.flatMap { bus.occupant(of: $0) }
        let downloads = occupant.flatMap { try? bus.glance(at: $0).downloadsBegun }
        let isFirst = state.withLock { state in
            if let occupant, let downloads { state.before[event.number] = (occupant, downloads) }
            return state.open.insert(event.number).inserted
        }
        if !isFirst { object("session \(event.number) began twice") }
    }

    private func ended(_ event: EventRecord) {
        guard let session = event.session, let verdict = verdict(of: event.payload) else {
            return object("event \(event.number): an outcome without a session or a verdict")
        }
        let (wasOpen, before) = state.withLock { state in
            state.outcomes[session] = verdict.outcome
            state.sinceStart[verdict.outcome, default: 0] += 1
            state.last[event.unit?.description ?? "session \(session)"] = verdict.outcome
            return (state.open.remove(session) != nil, state.before[session])
        }
        if !wasOpen { object("session \(session) has two outcomes, or no beginning") }
        if verdict.outcome == .unknown, verdict.reason == nil { object("session \(session) is unknown without a reason") }
        if verdict.outcome == .refused, let before, isStill(before.unit, of: event),
            let now = try? bus.glance(at: before.unit).downloadsBegun, now != before.downloads
        {
            object("session \(session): \(before.unit) was refused (\(verdict.reason?.rawValue ?? "?")) and had been written")
        }
        guard let unit = event.unit else { return }
        guard units[unit] != nil, !renamed.contains(unit) else {
            if let slot = event.slot, let other = bus.occupant(of: slot) { judge(verdict, other, "session \(session) in \(slot)") }
            return
        }
        judge(verdict, unit, "session \(session)")
    }

    /// Whether what was in the slot when a session began is what it was with to its end: it sits there yet, or has said who it is.
    private func isStill(_ unit: EUI64, of event: EventRecord) -> Bool {
        event.slot.flatMap { bus.occupant(of: $0) } == unit || event.unit == unit && !renamed.contains(unit)
    }

    private func settled(_ event: EventRecord) {
        struct Settled: Decodable {
            let session: SessionID
            let verdict: Verdict
        }
        guard let settled = try? JSONDecoder().decode(Settled.self, from: Data(event.payload.utf8)) else {
            return object("event \(event.number) can't be read")
        }
        let (outcome, isFirst) = state.withLock { ($0.outcomes[settled.session], $0.settled.insert(settled.session).inserted) }
        if outcome != .unknown { object("session \(settled.session) was settled, and is \(outcome.map(\.rawValue) ?? "not over")") }
        if !isFirst { object("session \(settled.session) was settled twice") }
        guard let unit = event.unit, units[unit] != nil, !renamed.contains(unit) else { return }
        judge(settled.verdict, unit, "session \(settled.session), settled")
        // That is said only of a flash that was read, or of firmware that is seen to run.
        if settled.verdict.outcome == .failed, holds(unit), !liars.contains(unit) {
            object("session \(settled.session) was settled as failed, and \(unit) holds the release")
        }
    }

    private func judge(_ verdict: Verdict, _ unit: EUI64, _ session: String) {
        let holds = holds(unit)
        if verdict.outcome.isCurrent, !holds { object("\(session): \(unit) is \(verdict.outcome) and does not hold the release") }
        guard verdict.outcome == .failed, holds, !liars.contains(unit), let glance = try? bus.glance(at: unit) else { return }
        guard verdict.reason != .notConfirmed || !unkeeping.contains(unit) else { return }
        // A unit that has said nothing to anybody can't be told from a dead one: that it was not reached is what failed.
        if glance.mode == .runtime, glance.isOnBus, verdict.reason != .identificationFailed || verdict.installedVersion != nil {
            object(
                "\(session): \(unit) is called failed (\(verdict.reason?.rawValue ?? "?"): \(verdict.detail ?? "")) and holds and runs the release"
            )
        }
    }

    private func holds(_ unit: EUI64) -> Bool { (try? bus.application(of: unit)) == image }

    private func verdict(of payload: String) -> Verdict? { try? JSONDecoder().decode(Verdict.self, from: Data(payload.utf8)) }

    // MARK: At the end

    func judgeCalm(_ view: SlotView, unit: EUI64?) {
        guard let unit, let description = units[unit], let verdict = view.verdict else { return }
        guard !renamed.contains(unit) else { return }
        let mayBeRefused = description.hardwareVersion.description.hasPrefix("02") || description.firmware == .factory(CampaignPlan.newer)
        if verdict.outcome.isCurrent ? !holds(unit) : !(mayBeRefused && verdict.outcome == .refused) {
            object(
                "\(view.slot): in calm weather \(unit) came to \(verdict.outcome) (\(verdict.reason?.rawValue ?? "-"): \(verdict.detail ?? ""))"
            )
        }
    }

    func compareViews(_ bench: BenchController) async {
        if let impediment = bench.board.impediment { object("at the end the bench says: \(impediment)") }
        for view in bench.board.slots where view.isPresent || view.sessionBegan != nil {
            object("\(view.slot): every unit was taken out, and the board shows \(view.isPresent ? "one" : "a session")")
        }
        if !bench.grantsAreReturned { object("every unit was taken out, and a grant is not returned") }
        compareTally(bench)
    }

    /// Of a bench of which no session runs.
    func compareTally(_ bench: BenchController) {
        let counted = state.withLock { $0.sinceStart }
        if bench.board.tally.outcomes != counted { object("the board counts \(bench.board.tally.outcomes), the journal has \(counted)") }
    }

    /// `report`: of all the campaign.
    func compare(_ report: ShiftReport) {
        let last = state.withLock { $0.last.values.map { $0 } }
        let (reflashed, current) = (last.count { $0 == .reflashed }, last.count { $0 == .alreadyCurrent })
        guard
            (report.reflashed, report.alreadyCurrent) != (reflashed, current)
                || report.lost.values.reduce(0, +) != last.count - reflashed - current
        else { return }
        object("the shift's report counts \(report.reflashed), \(report.alreadyCurrent) and \(report.lost); the journal has \(last)")
    }

    func judge(sessions: [SessionRecord], units: [UnitDescription], hands: Hands) async {
        for session in sessions where session.verdict == nil { object("session \(session.id) has no outcome") }
        let recorded = state.withLock { $0.outcomes }
        for session in sessions where session.verdict?.outcome != recorded[session.id] {
            object("session \(session.id): the table says \(session.verdict?.outcome.rawValue ?? "nothing"), the event another outcome")
        }
        // The newest session of a unit answers the open questions of those before it.
        for unit in units where !renamed.contains(unit.chfId) {
            let own = sessions.filter { $0.chfId == unit.chfId }.sorted { $0.id < $1.id }
            guard let last = own.last?.verdict else {
                object("\(unit.chfId) has no session")
                continue
            }
            guard last.outcome.isCurrent else { continue }
            // One that was cut before it had a target has left no question.
            for session in own.dropLast() where session.isUnsettled && !session.components.isEmpty {
                object("session \(session.id) of \(unit.chfId) stays unknown, though the unit was read back later")
            }
        }
    }
}
