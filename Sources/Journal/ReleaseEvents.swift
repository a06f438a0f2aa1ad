public import BenchModel

// What is recorded of releases: who brought, approved and withdrew what, and what was refused. The ledger of a bench's releases is made
// from these events alone.

extension JournalEvent {
    /// Payload of an order by somebody: `slot-held`, `slot-released`, `slot-retried`, `slot-hastened`, `slot-returned`.
    public struct Order: Codable, Sendable {
        /// Who gave it.
        public var by: Operator
        public init(by: Operator) { self.by = by }
    }

    /// What stands behind a decision: a signed statement, or the role of whoever took it.
    public struct Warrant: Codable, Hashable, Sendable {
        /// Who brought it to the bench.
        public var by: Operator
        /// SHA-256 of the statement; `nil` where it rests on the role alone.
        public var statement: SHA256Value?
        /// Whose signature the statement bears: the certificate's subject.
        public var signer: String?
        /// SHA-256 of the signer's certificate, lower-case hex.
        public var fingerprint: String?
        /// The same of every certificate from it to its root, each in all of its forms; `nil` without a statement.
        public var chain: [String]?
        /// When the statement was made, UTC.
        public var issuedAt: String?
        public init(
            by: Operator, statement: SHA256Value? = nil, signer: String? = nil, fingerprint: String? = nil, chain: [String]? = nil,
            issuedAt: String? = nil
        ) {
            self.chain = chain
            self.by = by
            self.statement = statement
            self.signer = signer
            self.fingerprint = fingerprint
            self.issuedAt = issuedAt
        }
    }

    /// Payload of `release-imported`.
    public struct ReleaseImported: Codable, Sendable {
        /// The release's name.
        public var release: String
        /// SHA-256 of its manifest: its identity.
        public var manifestHash: SHA256Value
        /// The version for each variant.
        public var versions: [String: FirmwareVersion]
        /// Whose signature it bears: the certificate's subject.
        public var signer: String
        /// SHA-256 of the signer's certificate, lower-case hex.
        public var fingerprint: String
        /// Who brought it.
        public var by: Operator
        public init(
            release: String, manifestHash: SHA256Value, versions: [String: FirmwareVersion], signer: String, fingerprint: String,
            by: Operator
        ) {
            self.release = release
            self.manifestHash = manifestHash
            self.versions = versions
            self.signer = signer
            self.fingerprint = fingerprint
            self.by = by
        }
    }

    /// Payload of `release-approved`.
    public struct ReleaseApproved: Codable, Sendable {
        /// The release's name.
        public var release: String
        /// SHA-256 of its manifest.
        public var manifestHash: SHA256Value
        /// For which Communications Hubs.
        public var variant: Variant
        /// Only units of this consignment; `nil` for all that have no approval of their own.
        public var consignment: ConsignmentID?
        /// The version that they should hold.
        public var version: FirmwareVersion
        /// The release's security counter for the variant: the bench takes no lower one from now on.
        public var securityCounter: UInt32
        /// So many units and no more; `nil` for all.
        public var first: Int?
        /// SHA-256 of the manifests of what may be flashed on the way.
        public var via: [SHA256Value]
        /// What it rests on.
        public var warrant: Warrant
        public init(
            release: String, manifestHash: SHA256Value, variant: Variant, consignment: ConsignmentID? = nil, version: FirmwareVersion,
            securityCounter: UInt32, first: Int?, via: [SHA256Value], warrant: Warrant
        ) {
            self.consignment = consignment
            self.release = release
            self.manifestHash = manifestHash
            self.variant = variant
            self.version = version
            self.securityCounter = securityCounter
            self.first = first
            self.via = via
            self.warrant = warrant
        }
    }

    /// Payload of `release-withdrawn`.
    public struct ReleaseWithdrawn: Codable, Sendable {
        /// The release's name.
        public var release: String
        /// SHA-256 of its manifest.
        public var manifestHash: SHA256Value
        /// Why.
        public var reason: String
        /// What it rests on.
        public var warrant: Warrant
        public init(release: String, manifestHash: SHA256Value, reason: String, warrant: Warrant) {
            self.release = release
            self.manifestHash = manifestHash
            self.reason = reason
            self.warrant = warrant
        }
    }

    /// Payload of `check-switched-off`.
    public struct CheckSwitchedOff: Codable, Sendable {
        /// The check.
        public var check: PolicyCheck
        /// The last moment at which it may be left out, UTC; `nil` for as long as the config says so.
        public var notAfter: String?
        /// Why.
        public var reason: String
        /// What it rests on.
        public var warrant: Warrant
        public init(check: PolicyCheck, notAfter: String?, reason: String, warrant: Warrant) {
            self.check = check
            self.notAfter = notAfter
            self.reason = reason
            self.warrant = warrant
        }
    }

    /// Payload of `revocations-imported`.
    public struct RevocationsImported: Codable, Sendable {
        /// The list's number.
        public var number: UInt32
        /// SHA-256 of certificates, lower-case hex.
        public var certificates: [String]
        /// SHA-256 of releases' manifests.
        public var releases: [SHA256Value]
        /// What it rests on.
        public var warrant: Warrant
        public init(number: UInt32, certificates: [String], releases: [SHA256Value], warrant: Warrant) {
            self.number = number
            self.certificates = certificates
            self.releases = releases
            self.warrant = warrant
        }
    }

    /// Payload of `request-refused`.
    public struct RequestRefused: Codable, Sendable {
        /// What was asked for: `import`, `approve`, `withdraw`, `check-off`, `revoke`, or an order to a slot.
        public var request: String
        /// The release, statement or slot that was meant, as far as it could be told.
        public var subject: String
        /// Stable text for scripts.
        public var code: String
        /// Why.
        public var message: String
        /// Who asked.
        public var by: Operator
        public init(request: String, subject: String, code: String, message: String, by: Operator) {
            self.request = request
            self.subject = subject
            self.code = code
            self.message = message
            self.by = by
        }
    }

    /// Payload of `step-finished`: a step on the way to the release is in the unit, as read back.
    public struct StepFinished: Codable, Sendable {
        /// The step's release.
        public var release: String
        /// SHA-256 of its manifest.
        public var manifestHash: SHA256Value
        /// The version that the unit runs now.
        public var version: FirmwareVersion
        /// What was seen.
        public var proof: Proof?
        /// SHA-256 of each component as it was read back.
        public var readback: [String: SHA256Value]
        public init(
            release: String, manifestHash: SHA256Value, version: FirmwareVersion, proof: Proof?, readback: [String: SHA256Value]
        ) {
            self.release = release
            self.manifestHash = manifestHash
            self.version = version
            self.proof = proof
            self.readback = readback
        }
    }
}

extension JournalEvent {
    /// The kinds of which the ledger of releases is made.
    static let ledgerKinds = [
        "release-imported", "release-approved", "release-withdrawn", "release-halted", "check-switched-off", "revocations-imported",
    ]

    /// An event of the ledger as it was recorded; `nil` for other kinds.
    init?(ledger event: EventRecord) throws {
        switch event.kind {
        case "release-imported": self = .releaseImported(try JSONText.decode(event.payload, as: ReleaseImported.self))
        case "release-approved": self = .releaseApproved(try JSONText.decode(event.payload, as: ReleaseApproved.self))
        case "release-withdrawn": self = .releaseWithdrawn(try JSONText.decode(event.payload, as: ReleaseWithdrawn.self))
        case "release-halted": self = .releaseHalted(try JSONText.decode(event.payload, as: ReleaseHalt.self))
        case "check-switched-off": self = .checkSwitchedOff(try JSONText.decode(event.payload, as: CheckSwitchedOff.self))
        case "revocations-imported": self = .revocationsImported(try JSONText.decode(event.payload, as: RevocationsImported.self))
        default: return nil
        }
    }
}
