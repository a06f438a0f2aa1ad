/// How far long work is, its rate and the time left, in a line.
public struct RateLine: Sendable {
    private let noun: String

    /// `noun`: what is counted.
    public init(_ noun: String) { self.noun = noun }

    /// `seconds` that `done` of `total` have taken.
    public func text(_ done: Int, of total: Int, after seconds: Double) -> String {
        let percent = total > 0 ? min(100, done * 100 / total) : 0
        guard seconds > 0, done > 0 else { return "\(percent) % of \(total) \(noun)" }
        let rate = Double(done) / seconds
        let left = Int((Double(max(0, total - done)) / rate).rounded(.up))
        let rest = left < 60 ? "\(left) s" : "\(left / 60) min \(left % 60) s"
        return "\(percent) % of \(total) \(noun), \(Int(rate)) a second, \(rest) left"
    }
}
