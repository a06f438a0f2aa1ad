/// What a return record says of a unit, each under a stable name; a mapping gives them other names and another order.
public enum ReturnField: String, Hashable, Sendable, Codable, CaseIterable {
    case consignment, serviceUser, reference, chfId, gpfId, state, reason, detail, faultReason, rejection, carton, pallet
    case packedCarton, packedPallet, variantRelease = "release", versionBefore, versionAfter, proof, componentHashes, slot
    case session, startedAt, endedAt, event, eventHash
}

/// A column of a return record.
public struct ReturnColumn: Hashable, Sendable {
    /// What its first line calls it.
    public var name: String
    /// What stands in it.
    public var field: ReturnField

    public init(name: String, field: ReturnField) {
        self.name = name
        self.field = field
    }

    /// Every field under its own name.
    public static let all = ReturnField.allCases.map { ReturnColumn(name: $0.rawValue, field: $0) }
}
