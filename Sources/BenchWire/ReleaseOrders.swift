public import BenchModel

/// The body of `POST /v1/releases/{release}/approve`.
public struct ApproveOrder: Codable, Sendable, Hashable {
    /// For which Communications Hubs.
    public var variant: Variant
    /// So many units and no more; `nil` for all.
    public var first: Int?
    /// Releases that may be flashed on the way to it, by name or manifest hash; `nil` for none.
    public var via: [String]?
    /// Only units of this consignment; `nil` for all that have no approval of their own.
    public var consignment: ConsignmentID?

    public init(variant: Variant, first: Int?, via: [String]?, consignment: ConsignmentID? = nil) {
        self.consignment = consignment
        self.variant = variant
        self.first = first
        self.via = via
    }
}

/// The body of `POST /v1/releases/{release}/withdraw`.
public struct WithdrawOrder: Codable, Sendable, Hashable {
    /// Why, for whoever reads the record.
    public var reason: String

    public init(reason: String) { self.reason = reason }
}
