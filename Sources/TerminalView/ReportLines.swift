public import BenchModel

/// Reports for a terminal.
public struct ReportLines: Sendable {
    private let style: Style

    public init(style: Style) { self.style = style }

    // MARK: The shift

    /// Slots × hours and what they went to, units against the target, what was lost, and hands. `target`: units of the shift; `nil` for none.
    public func lines(_ report: ShiftReport, target: Int?) -> [String] {
        let total = report.slots.flatMap(\.milliseconds.values).reduce(0, +)
        let hours = Double(total) / 3_600_000
        var lines = [
            style.paint("shift \(report.from) to \(report.to): \(report.slots.count) slots, \(tenths(hours)) slot hours", .bold)
        ]
        lines += SlotUse.allCases.map { use in
            let spent = report.milliseconds(use)
            let share = total > 0 ? Double(spent) / Double(total) : 0
            return "  " + use.rawValue.fitted(16) + "\(tenths(Double(spent) / 3_600_000)) h".padded(10)
                + Quantities.percent(share).padded(7)
        }
        let current = report.reflashed + report.alreadyCurrent
        var units = "units: \(current) current (\(report.reflashed) reflashed, \(report.alreadyCurrent) already-current)"
        if let target, target > 0 {
            units += ", \(Quantities.percent(Double(current) / Double(target))) of the \(target) that were to be done"
        }
        lines.append(units)
        if !report.lost.isEmpty {
            lines.append("lost:")
            lines += report.lost.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "  \($0.value)".fitted(8) + $0.key }
        }
        if let median = report.handling.median, let decile = report.handling.ninthDecile {
            lines.append(
                "handling: \(Quantities.seconds(median)) from an outcome to the next docking (median of \(report.handling.count)), "
                    + "nine of ten within \(Quantities.seconds(decile))")
        }
        return lines
    }

    // MARK: Failures

    /// Slots, releases and units that fail, the worst first. Slots and releases in which nothing failed are summed up.
    public func lines(_ report: FailureReport) -> [String] {
        var lines = [style.paint("slots", .bold)]
        let bad = report.slots.filter { $0.count.failures > 0 || $0.isOutOfService }
        lines += bad.map { slot in
            let word = slot.isOutOfService ? "  out of service" : ""
            return "  " + slot.slot.label.fitted(18) + style.paint(slot.count.sentence + word, slot.isOutOfService ? .red : nil)
        }
        lines.append("  \(report.slots.count - bad.count) slots without a failure")
        lines.append(style.paint("releases", .bold))
        lines += report.releases.map { release in
            "  " + release.release.fitted(18) + (release.variant.map { "\($0), " } ?? "")
                + "hardware \(release.hardwareVersion?.description ?? "not said"): \(release.count.sentence)"
        }
        guard !report.units.isEmpty else { return lines }
        lines.append(style.paint("units that failed in two slots or more", .bold))
        return lines + report.units.map { "  \($0.chfId)  \($0.failedSlots.map(\.label).joined(separator: ", "))" }
    }

    private func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension String {
    /// With spaces before it.
    fileprivate func padded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
