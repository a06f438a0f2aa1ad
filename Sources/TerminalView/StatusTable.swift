internal import BenchModel
public import BenchWire

/// The table of slots that `status` prints and `watch` redraws: a pure function from the bench's status to lines.
public struct StatusTable: Sendable {
    private let style: Style
    private let width: Int

    private static let barWidth = 16
    /// Column heads with their widths; the last one takes what is left.
    private static let columns: [(head: String, width: Int)] = [
        ("SLOT", 6), ("CHF ID", 25), ("STEP", 20), ("", barWidth + 6), ("RATE", 11), ("LEFT", 9), ("OUTCOME", 16), ("DO NEXT", 22),
    ]

    /// `width` is the terminal's, in columns.
    public init(style: Style, width: Int) {
        self.style = style
        self.width = width
    }

    /// The summary, the heads and a row a slot, those that need hands first.
    public func lines(_ status: BenchStatus) -> [String] {
        let rows = status.slots.enumerated().sorted { left, right in
            let (leftHands, rightHands) = (left.element.doNext.needsHands, right.element.doNext.needsHands)
            return leftHands == rightHands ? left.offset < right.offset : leftHands
        }.map { row($0.element) }
        let heads = style.paint(clipped(Self.columns.map { $0.head.fitted($0.width) }.joined()), .bold)
        return summary(status) + [heads] + rows + strays(status)
    }

    /// Bench, units per hour, first-pass yield, time to finish, outcomes.
    public func summary(_ status: BenchStatus) -> [String] {
        var parts = [status.bench]
        if let rate = status.unitsPerHour { parts.append("\(Int(rate.rounded())) units/h") }
        if let yield = status.firstPassYield { parts.append("first-pass yield \(Quantities.percent(yield))") }
        let running = status.slots.filter { $0.state == .running }.count
        if running > 0 {
            parts.append("\(running) running" + (status.secondsLeft.map { ", done in about \(Quantities.seconds($0))" } ?? ""))
        }
        let outcomes = Outcome.allCases.compactMap { outcome in
            status.outcomes[outcome.rawValue].map { "\($0) \(outcome.rawValue)" }
        }
        var lines = [clipped(parts.joined(separator: " · "))]
        if !outcomes.isEmpty { lines.append(clipped(outcomes.joined(separator: ", "))) }
        if let impediment = status.impediment { lines.append(style.paint(clipped("! \(impediment)"), .red)) }
        return lines
    }

    /// One slot's row.
    public func row(_ slot: SlotStatus) -> String {
        let step = slot.step?.rawValue ?? (slot.state == .running ? "starting" : slot.state.rawValue)
        let cells: [(String, Style.Colour?)] = [
            (slot.slot.label, .bold), (slot.chfId?.description ?? "-", nil),
            (step, slot.state == .running ? .cyan : .dim), (bar(slot.progress), .cyan),
            (slot.bytesPerSecond.map(Quantities.rate) ?? "", nil), (slot.secondsLeft.map(Quantities.seconds) ?? "", nil),
            (slot.outcome?.rawValue ?? "", Self.colour(slot.outcome)),
            (slot.doNext.rawValue, slot.doNext.needsHands ? .yellow : .dim),
        ]
        var row = ""
        var used = 0
        for (cell, column) in zip(cells, Self.columns) {
            let room = min(column.width, width - used)
            guard room > 0 else { break }
            row += style.paint(cell.0.fitted(room), cell.1)
            used += room
        }
        if let note = note(slot), used < width { row += style.paint(String(note.prefix(width - used)), .dim) }
        return row
    }

    private func note(_ slot: SlotStatus) -> String? {
        slot.message ?? slot.reason.map { "\($0.sentence)" }
    }

    private func bar(_ progress: StepProgress?) -> String {
        guard let progress, progress.totalBytes > 0 else { return "" }
        let share = Double(progress.doneBytes) / Double(progress.totalBytes)
        let full = Int(share * Double(Self.barWidth))
        return String(repeating: "█", count: full) + String(repeating: "░", count: Self.barWidth - full)
            + " " + Quantities.percent(share)
    }

    private func strays(_ status: BenchStatus) -> [String] {
        status.strays.map { style.paint(clipped("no slot: \($0.port): \($0.description)"), .dim) }
    }

    private func clipped(_ text: String) -> String { text.count > width ? String(text.prefix(width)) : text }

    static func colour(_ outcome: Outcome?) -> Style.Colour? {
        switch outcome {
        case .reflashed, .alreadyCurrent: .green
        case .failed, .swapped: .red
        case .refused, .unknown: .yellow
        case nil: nil
        }
    }
}
