public import BenchModel
public import BenchWire

/// What the commands of return logistics print.
public struct ConsignmentLines: Sendable {
    let style: Style

    public init(style: Style) { self.style = style }

    /// A line a consignment.
    public func table(_ all: [ConsignmentStatus]) -> [String] {
        guard !all.isEmpty else { return ["there is no consignment; 'reflashctl consignment request' records the first"] }
        let widths = (
            name: all.map { $0.consignment.consignment.name.count }.max() ?? 0,
            user: all.map { $0.consignment.serviceUser.name.count }.max() ?? 0
        )
        return all.map { status in
            let sum = status.reconciliation
            let settled = sum.states.filter { !$0.key.isOpen }.values.reduce(0, +)
            let record = status.consignment
            return "\(record.consignment.name.fitted(widths.name))  \(record.serviceUser.name.fitted(widths.user))  "
                + "\(record.stage.rawValue.fitted(9))  \(settled) of \(sum.expected) settled"
        }
    }

    /// Everything of a consignment.
    public func lines(_ status: ConsignmentStatus) -> [String] {
        let (record, sum) = (status.consignment, status.reconciliation)
        var lines = Details(style: style).lines([
            ("consignment", record.consignment.name), ("kind", record.kind.rawValue),
            ("service user", record.serviceUser.name + (record.serviceUser.gln.map { ", GLN \($0)" } ?? "")),
            ("return to", record.returnTo), ("reference", record.reference), ("stage", record.stage.rawValue),
            ("counted", record.counted.map { "\($0)" }), ("expected", "\(sum.expected)"),
            ("unexpected", sum.unexpected > 0 ? "\(sum.unexpected)" : nil),
        ])
        for state in UnitState.allCases {
            if let count = sum.states[state] { lines.append("  \(state.rawValue.fitted(18)) \(style.paint("\(count)", colour(state)))") }
        }
        lines.append("packed: \(sum.packed)")
        for package in status.packages { lines.append("  \(line(package))") }
        if sum.withoutFaultReason > 0 {
            lines.append("\(sum.withoutFaultReason) faulty without a confirmed fault reason: 'reflashctl consignment fault'")
        }
        guard record.stage == .takenIn else { return lines }
        return lines
            + (sum.balances ? [style.paint("it balances: 'reflashctl consignment close'", .green)] : sum.openPoints.map { "open: \($0)" })
    }

    /// A line a unit.
    public func lines(_ units: [ConsignmentUnit]) -> [String] {
        units.map { found in
            let unit = found.unit
            let notes = [
                unit.hold.map { "held: \($0.value.rawValue) (event \($0.event))" },
                unit.decision?.value.code.map { "\($0.rawValue) (event \(unit.decision?.event ?? 0))" },
                unit.missing.map { "event \($0)" }, unit.unproven?.value, unit.standing?.reason?.rawValue,
                unit.fault.map { "fault: \($0.value.rawValue)" } ?? found.proposedFault.map { "proposed fault: \($0.rawValue)" },
                unit.packed.map { "in carton \($0.value)" },
            ]
            let name = unit.announced == nil ? "unexpected, \(found.state.rawValue)" : found.state.rawValue
            return "\(unit.chfId)  \(style.paint(name, colour(found.state)))  \(notes.compactMap(\.self).joined(separator: ", "))"
        }
    }

    /// What a table would do, or has done.
    public func lines(_ answer: TableAnswer, file: String) -> [String] {
        guard answer.problems.isEmpty else {
            return answer.problems.map { "\(file):\($0.line): \($0.problem)" }
                + [
                    style.paint(
                        "\(answer.problems.count) \(answer.problems.count == 1 ? "line is" : "lines are") wrong: nothing was taken in", .red
                    )
                ]
        }
        let content =
            "\(answer.units) units" + (answer.cartons > 0 ? ", \(answer.cartons) cartons" : "")
            + (answer.pallets > 0 ? ", \(answer.pallets) pallets" : "")
        return [answer.dryRun ? "\(file): \(content): all well, nothing was taken in (dry run)" : "\(file): \(content) taken in"]
    }

    /// A carton or a pallet with what is in it.
    public func lines(_ contents: PackageContents) -> [String] {
        [line(contents.package)] + contents.units.map { "  \($0)" } + contents.cartons.map { "  carton \($0)" }
    }

    /// What a scan is answered with.
    public func line(_ answer: ScanAnswer) -> String {
        style.paint(answer.verdict.rawValue.fitted(14), answer.verdict.isGood ? .green : answer.verdict == .duplicate ? .yellow : .red)
            + "  \(answer.message)"
    }

    private func line(_ package: PackageRecord) -> String {
        "\(package.level.rawValue) \(package.sscc), \(package.count) \(package.level == .carton ? "units" : "cartons"), "
            + (package.closed == nil ? "open" : "closed") + (package.isFaulty ? ", faulty" : "")
            + (package.pallet.map { ", on pallet \($0.value)" } ?? "")
    }

    private func colour(_ state: UnitState) -> Style.Colour? {
        switch state {
        case .reflashed, .alreadyCurrent: .green
        case .failed, .unknown, .swapped: .red
        case .held, .refused, .rejected, .missing, .returnedUnproven: .yellow
        case .awaiting, .inProgress: nil
        }
    }
}
