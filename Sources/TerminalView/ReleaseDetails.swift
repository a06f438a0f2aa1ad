public import BenchModel
public import Firmware
public import Foundation

extension Details {
    /// A line a check, and what comes of them.
    public func lines(_ report: ReleaseReport) -> [String] {
        let width = report.checks.map { $0.check.count + $0.subject.count + 2 }.max() ?? 0
        var lines = report.checks.map { check in
            let name = "\(check.check)  \(check.subject)"
            let padding = String(repeating: " ", count: width - name.count)
            let result = check.passed ? style.paint("pass", .green) : style.paint("FAIL", .red)
            return "\(name)\(padding)  \(result)" + (check.message.map { "  \(check.code ?? ""): \($0)" } ?? "")
        }
        lines += report.checksOff.map { "\($0)  left out: say where the list is" }
        if let signer = report.signer { lines.append("signed by \(signer.subject), certificate \(signer.fingerprint.prefix(16))") }
        guard let name = report.release, let until = report.usableUntil, let days = report.daysLeft else {
            return lines + [style.paint("not acceptable", .red)]
        }
        lines.append("\(name), manifest \(report.manifestHash.map(\.description) ?? ""), can be flashed until \(until.formatted(.iso8601))")
        if days < ReleaseReport.warningDays { lines.append(style.paint("only \(days) days left", .yellow)) }
        return lines
    }

    /// A line a release, the approved ones first to see.
    public func lines(_ releases: [ReleaseRecord]) -> [String] {
        let width = releases.map(\.release.count).max() ?? 0
        return releases.map { release in
            let versions = release.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            var notes = release.approvals.map { approval(of: $0) }
            if let days = release.daysLeft, days < ReleaseReport.warningDays { notes.append(style.paint(left(days), .yellow)) }
            if let problem = release.problem { notes.append(problem) }
            return [
                release.release.fitted(width), release.manifestHash.short,
                style.paint(release.state.rawValue.fitted(9), colour(release.state)),
                versions, notes.joined(separator: "; "),
            ].filter { !$0.isEmpty }.joined(separator: "  ")
        }
    }

    /// One `name: value` line a field that is known.
    public func lines(_ release: ReleaseRecord) -> [String] {
        var fields: [(String, String?)] = [
            ("release", release.release), ("manifest hash", release.manifestHash.description),
            ("state", style.paint(release.state.rawValue, colour(release.state))), ("signed by", release.signer),
        ]
        fields += release.versions.sorted { $0.key < $1.key }.map { ("version for \($0.key)", $0.value.description) }
        fields += [
            ("can be flashed until", release.usableUntil.map { "\($0)" + (release.daysLeft.map { ", \(left($0))" } ?? "") }),
            ("problem", release.problem),
        ]
        return lines(fields) + release.approvals.map { approval(of: $0) + ", event \($0.number)" }
    }

    private func approval(of approval: ReleaseRecord.Approval) -> String {
        var text = "approved for \(approval.variant) by \(approval.by)" + (approval.isSigned ? " (signed)" : " (by role)")
        if let first = approval.first { text += ", trial: \(approval.used ?? 0) of \(first) units" }
        if !approval.via.isEmpty { text += ", by way of \(approval.via.joined(separator: ", "))" }
        return text
    }

    private func left(_ days: Int) -> String { days < 0 ? "over" : "\(days) days left" }

    private func colour(_ state: ReleaseRecord.State) -> Style.Colour? {
        switch state {
        case .approved: .green
        case .imported: nil
        case .withdrawn, .halted, .expired: .yellow
        case .revoked, .unusable: .red
        }
    }

    /// What the bench believes, with heads.
    public func lines(_ trust: TrustSummary, now: Date) -> [String] {
        let roots = [style.paint("releases are signed under", .bold)] + lines(trust.roots, now: now)
        guard !trust.approvers.isEmpty else { return roots + ["no statement has to be signed: the role on the socket is enough"] }
        return roots + [style.paint("decisions are signed under", .bold)] + lines(trust.approvers, now: now)
    }

    /// A paragraph a certificate.
    public func lines(_ certificates: [CertificateSummary], now: Date) -> [String] {
        certificates.flatMap { certificate in
            let days = Int(certificate.notAfter.timeIntervalSince(now) / 86_400)
            let left =
                days < 0
                ? style.paint("expired", .red)
                : days < ReleaseReport.warningDays ? style.paint("\(days) days left", .yellow) : "\(days) days left"
            return [
                certificate.subject, "  fingerprint  \(certificate.fingerprint)", "  serial       \(certificate.serial)",
                "  valid        \(certificate.notBefore.formatted(.iso8601)) to \(certificate.notAfter.formatted(.iso8601)), \(left)",
            ]
        }
    }
}
