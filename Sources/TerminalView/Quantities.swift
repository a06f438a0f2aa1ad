/// Numbers as people read them.
enum Quantities {
    /// `1.2 MiB/s`
    static func rate(_ bytesPerSecond: Double) -> String { bytes(bytesPerSecond) + "/s" }

    /// `790 KiB`
    static func bytes(_ count: Double) -> String {
        switch count {
        case ..<1024: "\(Int(count)) B"
        case ..<(1024 * 1024): "\(Int(count / 1024)) KiB"
        default: "\(tenths(count / 1024 / 1024)) MiB"
        }
    }

    /// `42 s`, `3 min 05 s`
    static func seconds(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        if whole < 60 { return "\(whole) s" }
        let rest = whole % 60
        return "\(whole / 60) min \(rest < 10 ? "0" : "")\(rest) s"
    }

    static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
