/// A release on a bench, as the API and `reflashctl release list` give it.
public struct ReleaseRecord: Hashable, Sendable, Codable {
    /// Whether it is flashed, or why not.
    public enum State: String, Hashable, Sendable, Codable {
        /// In the store; nobody has approved it.
        case imported
        /// Approved for at least one variant, or as a step on the way to what is.
        case approved
        case withdrawn
        /// The bench has ended its approval: it failed too often.
        case halted
        case expired
        case revoked
        /// What lies in the store does not pass its checks.
        case unusable
    }

    /// An approval that stands.
    public struct Approval: Hashable, Sendable, Codable {
        /// For which Communications Hubs.
        public var variant: Variant
        /// Only units of this consignment; `nil` for all that have no approval of their own.
        public var consignment: ConsignmentID?
        /// The event's number in the journal.
        public var number: EventNumber
        /// So many units and no more; `nil` for all.
        public var first: Int?
        /// How many units have taken a place of a trial so far; `nil` where it is none.
        public var used: Int?
        /// Releases that are flashed on the way to it: names, or hashes where a name is not known.
        public var via: [String]
        /// Who decided: the statement's signer, or the user whose role it rests on.
        public var by: String
        /// Whether a signed statement stands behind it.
        public var isSigned: Bool

        public init(
            variant: Variant, consignment: ConsignmentID? = nil, number: EventNumber, first: Int?, used: Int?, via: [String], by: String,
            isSigned: Bool
        ) {
            self.consignment = consignment
            self.variant = variant
            self.number = number
            self.first = first
            self.used = used
            self.via = via
            self.by = by
            self.isSigned = isSigned
        }
    }

    /// The release's name.
    public var release: String
    /// SHA-256 of its manifest: its identity.
    public var manifestHash: SHA256Value
    /// The version for each variant.
    public var versions: [String: FirmwareVersion]
    /// Whose signature it bears: the certificate's subject.
    public var signer: String
    /// Whether it is flashed, or why not.
    public var state: State
    /// The approvals that stand.
    public var approvals: [Approval]
    /// The last moment at which it can be flashed, UTC: its own end or its signer's.
    public var usableUntil: String?
    /// Whole days until then.
    public var daysLeft: Int?
    /// Why it is not usable, or why it was withdrawn.
    public var problem: String?

    public init(
        release: String, manifestHash: SHA256Value, versions: [String: FirmwareVersion], signer: String, state: State,
        approvals: [Approval] = [], usableUntil: String? = nil, daysLeft: Int? = nil, problem: String? = nil
    ) {
        self.release = release
        self.manifestHash = manifestHash
        self.versions = versions
        self.signer = signer
        self.state = state
        self.approvals = approvals
        self.usableUntil = usableUntil
        self.daysLeft = daysLeft
        self.problem = problem
    }
}
