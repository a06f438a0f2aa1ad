/// Why something about a consignment is not done. Nothing has been changed then.
public struct LogisticsRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable text for scripts.
    public enum Code: String, Sendable, CaseIterable {
        /// There is no consignment of this name.
        case consignmentUnknown = "consignment-unknown"
        /// There is one already.
        case consignmentExists = "consignment-exists"
        /// The consignment is not so far yet, or further.
        case stage = "consignment-stage"
        /// The request brings less than the bench takes.
        case loadTooSmall = "load-too-small"
        /// A line of a table is wrong; nothing of the table was taken in.
        case tableFaulty = "table-faulty"
        /// The consignment has nothing to do with this unit, carton or pallet.
        case partUnknown = "part-unknown"
        /// The unit is not in a state in which this can be done.
        case unitState = "unit-state"
        /// The carton or pallet can't be used so.
        case package = "package"
        /// Units are not settled.
        case doesNotBalance = "does-not-balance"
        /// The event can't be corrected.
        case notCorrectable = "not-correctable"
        /// A decision needs a reason.
        case reasonMissing = "reason-missing"
        /// The bench's config has no logistics.
        case notConfigured = "logistics-not-configured"
        /// The journal can't take or give it.
        case journal
    }

    /// Stable text for scripts.
    public let code: Code
    /// What was expected, what was found, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
