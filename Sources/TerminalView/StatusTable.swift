internal import BenchModel
public import BenchWire

/// The table of slots that `status` prints and `watch` redraws: a pure function from the bench's status to lines.
public struct StatusTable: Sendable {
    private let style: Style
    private let width: Int

    private static let barWidth = 16

    private struct Column {
        let head: String
        let width: Int
        /// Those with the highest number go first where the terminal is too narrow.
        let dispensability: Int
        let cell: @Sendable (StatusTable, SlotStatus) -> (String, Style.Colour?)
    }

    private static let columns: [Column] = [
        Column(head: "SLOT", width: 6, dispensability: 0) { _, slot in (slot.slot.label, .bold) },
        Column(head: "CHF ID", width: 25, dispensability: 1) { _, slot in (slot.chfId?.description ?? "-", nil) },
        Column(head: "STEP", width: 20, dispensability: 2) { table, slot in
            (table.step(slot), slot.state == .running ? .cyan : .dim)
        },
        Column(head: "", width: barWidth + 7, dispensability: 3) { table, slot in (table.bar(slot.progress), .cyan) },
        Column(head: "RATE", width: 11, dispensability: 5) { _, slot in (slot.bytesPerSecond.map(Quantities.rate) ?? "", nil) },
        Column(head: "LEFT", width: 9, dispensability: 4) { _, slot in (slot.secondsLeft.map(Quantities.seconds) ?? "", nil) },
        Column(head: "OUTCOME", width: 16, dispensability: 0) { _, slot in
            (slot.outcome?.rawValue ?? "", StatusTable.colour(slot.outcome))
        },
        Column(head: "DO NEXT", width: 22, dispensability: 0) { _, slot in
            (slot.doNext.rawValue, slot.doNext.needsHands ? .yellow : .dim)
        },
    ]

    /// The columns for which there is room.
    private var columns: [Column] {
        var columns = Self.columns
        while columns.reduce(0, { $0 + $1.width }) > width,
            let worst = columns.filter({ $0.dispensability > 0 }).map(\.dispensability).max()
        {
            columns.removeAll { $0.dispensability == worst }
        }
        return columns
    }

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
        let heads = style.paint(clipped(columns.map { $0.head.fitted($0.width) }.joined()), .bold)
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
        var lines = status.alarms.map { style.paint(clipped("!! \($0)"), .red) } + [clipped(parts.joined(separator: " · "))]
        if !outcomes.isEmpty { lines.append(clipped(outcomes.joined(separator: ", "))) }
        if let impediment = status.impediment { lines.append(style.paint(clipped("! \(impediment)"), .red)) }
        return lines
    }

    /// One slot's row.
    public func row(_ slot: SlotStatus) -> String {
        var row = ""
        var used = 0
        for column in columns {
            let room = min(column.width, width - used)
            guard room > 0 else { break }
            let (text, colour) = column.cell(self, slot)
            row += style.paint(text.fitted(room), colour)
            used += room
        }
        if let note = note(slot), used < width { row += style.paint(String(note.prefix(width - used)), .dim) }
        return row
    }

    private func step(_ slot: SlotStatus) -> String {
        slot.step?.rawValue ?? (slot.state == .running ? "starting" : slot.state.rawValue)
    }

    private func note(_ slot: SlotStatus) -> String? {
        slot.message ?? slot.reason?.sentence
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
