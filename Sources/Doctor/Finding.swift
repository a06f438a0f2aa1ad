/// Something about the host or the config that a bench would suffer from, or a word that it would not.
public struct Finding: Hashable, Sendable, Codable {
    /// How much it matters.
    public enum Severity: String, Hashable, Sendable, Codable, Comparable, CaseIterable {
        /// As it should be.
        case fine
        /// Works, and may fail some day or under load.
        case warning
        /// Units will fail, or the bench will not work at all.
        case problem

        public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// Stable text: what was looked at.
    public var check: String
    /// How much it matters.
    public var severity: Severity
    /// What was expected and found.
    public var what: String
    /// Why it matters; `nil` where nothing is wrong.
    public var why: String?
    /// The command, or the step, that mends it; `nil` where nothing is wrong.
    public var mend: String?

    /// What a program that says the findings exits with: 0 where all is well, 1 for a problem, 2 for warnings alone.
    public static func exitStatus(of severities: [Severity]) -> Int32 {
        switch severities.max() ?? .fine {
        case .fine: 0
        case .problem: 1
        case .warning: 2
        }
    }

    init(fine check: String, _ what: String) {
        self.check = check
        severity = .fine
        self.what = what
    }

    init(_ severity: Severity, _ check: String, _ what: String, why: String, mend: String) {
        self.check = check
        self.severity = severity
        self.what = what
        self.why = why
        self.mend = mend
    }
}
