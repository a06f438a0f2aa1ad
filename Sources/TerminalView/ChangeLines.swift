internal import BenchModel
public import BenchWire

/// What `watch` prints where there is no terminal: a line for each thing that changed, and nothing twice.
public struct ChangeLines: Sendable {
    private var shown: [SlotID: Shown] = [:]
    private var alarms: Set<String> = []

    private struct Shown: Equatable {
        var session: SessionID?
        var state: SlotStatus.State
        var step: SessionStep?
        var outcome: Outcome?
        var doNext: DoNext
    }

    public init() {}

    /// The lines for what is new since the last call.
    public mutating func lines(_ status: BenchStatus) -> [String] {
        var lines = status.alarms.filter { !alarms.contains($0) }.map { "!! \($0)" }
        alarms = Set(status.alarms)
        for slot in status.slots {
            let now = Shown(
                session: slot.session, state: slot.state, step: slot.step, outcome: slot.outcome, doNext: slot.doNext)
            guard shown[slot.slot] != now else { continue }
            let isFirst = shown[slot.slot] == nil
            shown[slot.slot] = now
            if isFirst, slot.state == .empty, slot.outcome == nil { continue }
            lines.append(line(slot))
        }
        return lines
    }

    private func line(_ slot: SlotStatus) -> String {
        let unit = slot.chfId?.description ?? "-"
        if let step = slot.step { return "\(slot.slot)  \(unit)  \(step.rawValue)" }
        guard let outcome = slot.outcome else { return "\(slot.slot)  \(unit)  \(slot.state.rawValue)" }
        let why = slot.reason.map { ": \($0.rawValue)" } ?? slot.proof.map { " (\($0.rawValue))" } ?? ""
        return "\(slot.slot)  \(unit)  \(outcome.rawValue)\(why), do next: \(slot.doNext.rawValue)"
    }
}
