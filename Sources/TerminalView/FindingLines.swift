public import Doctor

/// What the doctor found, for a terminal.
public enum FindingLines {
    /// A line each, and under what is wrong why it matters and what mends it; a sum at the end.
    public static func text(_ findings: [Finding], style: Style) -> String {
        let width = (findings.map(\.check.count).max() ?? 0) + 2
        let lines = findings.map { finding in
            let head = style.paint(word(finding.severity).fitted(9), colour(finding.severity)) + finding.check.fitted(width) + finding.what
            let rest = [("why", finding.why), ("mend", finding.mend)].compactMap { word, text in
                text.map { "\n         " + style.paint(word.fitted(width), .dim) + $0 }
            }
            return head + rest.joined()
        }
        let problems = findings.count { $0.severity == .problem }
        let warnings = findings.count { $0.severity == .warning }
        let sum =
            problems + warnings == 0
            ? "nothing is in the way" : "\(problems) problem\(problems == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s")"
        return (lines + ["doctor: \(sum)"]).joined(separator: "\n") + "\n"
    }

    private static func word(_ severity: Finding.Severity) -> String { severity == .fine ? "ok" : severity.rawValue }

    private static func colour(_ severity: Finding.Severity) -> Style.Colour {
        switch severity {
        case .fine: .green
        case .warning: .yellow
        case .problem: .red
        }
    }
}
