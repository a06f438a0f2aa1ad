public import BenchModel

/// `GET /v1/capsules/{session}/transcript`: a failure capsule for people.
public struct CapsuleDetail: Codable, Sendable, Hashable {
    /// Which session, and how it ended.
    public var summary: CapsuleSummary
    /// What was expected and found.
    public var detail: String?
    /// What passed, in its order.
    public var lines: [Line]

    /// One exchange, or one that was repeated with others.
    public struct Line: Codable, Sendable, Hashable {
        /// Seconds from the session's beginning.
        public var at: Double
        /// Seconds that it took.
        public var took: Double
        /// How often.
        public var times: Int
        /// What passed.
        public var text: String

        public init(at: Double, took: Double, times: Int, text: String) {
            self.at = at
            self.took = took
            self.times = times
            self.text = text
        }
    }

    public init(summary: CapsuleSummary, detail: String?, lines: [Line]) {
        self.summary = summary
        self.detail = detail
        self.lines = lines
    }
}
