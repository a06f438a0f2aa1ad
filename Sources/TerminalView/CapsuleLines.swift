public import BenchModel
public import BenchWire

/// Failure capsules for a terminal.
public struct CapsuleLines: Sendable {
    private let style: Style

    public init(style: Style) { self.style = style }

    /// A line each.
    public func lines(_ capsules: [CapsuleSummary]) -> [String] {
        guard !capsules.isEmpty else { return ["no capsule: no session has failed or ended as unknown"] }
        let head = style.paint("SESSION   SLOT    CHF ID                   EXCHANGES  HOW IT ENDED", .bold)
        return [head]
            + capsules.map { capsule in
                "\(capsule.session)".fitted(10) + capsule.slot.label.fitted(8) + (capsule.chfId?.description ?? "-").fitted(25)
                    + "\(capsule.exchanges)".fitted(11) + capsule.outcome.rawValue + (capsule.reason.map { ": \($0.rawValue)" } ?? "")
            }
    }

    /// How it ended, and what passed.
    public func lines(_ capsule: CapsuleDetail) -> [String] {
        let summary = capsule.summary
        let end = summary.outcome.rawValue + (summary.reason.map { ": \($0.rawValue)" } ?? "") + (capsule.detail.map { ", \($0)" } ?? "")
        let head = "session \(summary.session), slot \(summary.slot), \(summary.chfId?.description ?? "no identity"): \(end)"
        let gap = summary.elided > 0 ? ["\(summary.elided) exchanges in the middle were too many to be kept"] : []
        return [style.paint(head, .bold)] + gap
            + capsule.lines.map { line in
                let time = milliseconds(line.at).fitted(14) + ("+" + milliseconds(line.took)).fitted(13)
                return time + (line.times > 1 ? "\(line.times) × " : "") + line.text
            }
    }

    private func milliseconds(_ seconds: Double) -> String {
        let thousandths = Int((seconds * 1_000_000).rounded())
        let fraction = "\(thousandths % 1000)"
        return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction + " ms"
    }
}
