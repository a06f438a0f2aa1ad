internal import BenchModel
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
