public import BenchModel
public import Foundation

/// What somebody decides about a bench's releases, as it is signed: `statement.json`, in one form only, as a release's manifest.
///
/// It says exactly one of ``approval``, ``withdrawal``, ``checkOff`` and ``revocations``.
public struct Statement: Codable, Hashable, Sendable {
    /// A release is what a bench flashes for a variant from now on.
    public var approval: Approval?
    /// The bench that it is for; `nil` for every bench that trusts its signer.
    public var bench: String?
    /// A check may be left out.
    public var checkOff: CheckOff?
    /// 1.
    public var formatVersion: Int
    /// When it was made, UTC, `2026-11-20T10:00:00Z`. A statement that is older than one about the same is not taken.
    public var issuedAt: String
    /// What counts no more.
    public var revocations: Revocations?
    /// A release is no longer flashed.
    public var withdrawal: Withdrawal?

    /// Payload of an approval.
    public struct Approval: Codable, Hashable, Sendable {
        /// Only units of this consignment; `nil` for all that have no approval of their own.
        public var consignment: ConsignmentID?
        /// So many units and no more: a trial run. `nil` for all.
        public var first: Int?
        /// SHA-256 of the release's manifest.
        public var manifestHash: SHA256Value
        /// The release's name.
        public var release: String
        /// SHA-256 of the manifests of releases that may be flashed on the way to it.
        public var via: [SHA256Value]
        /// For which Communications Hubs.
        public var variant: Variant

        public init(
            release: String, manifestHash: SHA256Value, variant: Variant, consignment: ConsignmentID? = nil, first: Int? = nil,
            via: [SHA256Value] = []
        ) {
            self.consignment = consignment
            self.release = release
            self.manifestHash = manifestHash
            self.variant = variant
            self.first = first
            self.via = via
        }
    }

    /// Payload of a withdrawal.
    public struct Withdrawal: Codable, Hashable, Sendable {
        /// SHA-256 of the release's manifest.
        public var manifestHash: SHA256Value
        /// Why, for whoever reads the record.
        public var reason: String
        /// The release's name.
        public var release: String

        public init(release: String, manifestHash: SHA256Value, reason: String) {
            self.release = release
            self.manifestHash = manifestHash
            self.reason = reason
        }
    }

    /// Payload of a check that may be left out.
    public struct CheckOff: Codable, Hashable, Sendable {
        /// The check.
        public var check: PolicyCheck
        /// The last moment at which it may be left out, UTC.
        public var notAfter: String
        /// Why, for whoever reads the record.
        public var reason: String

        public init(check: PolicyCheck, notAfter: String, reason: String) {
            self.check = check
            self.notAfter = notAfter
            self.reason = reason
        }
    }

    /// Payload of a revocation list. What a bench has been told once stays revoked there.
    public struct Revocations: Codable, Hashable, Sendable {
        /// SHA-256 of certificates' DER form, lower-case hex.
        public var certificates: [String]
        /// Rises from list to list of one signer.
        public var number: UInt32
        /// SHA-256 of releases' manifests.
        public var releases: [SHA256Value]

        public init(number: UInt32, certificates: [String], releases: [SHA256Value]) {
            self.number = number
            self.certificates = certificates
            self.releases = releases
        }
    }

    /// What a statement says.
    public enum Content: Hashable, Sendable {
        case approval(Approval)
        case withdrawal(Withdrawal)
        case checkOff(CheckOff)
        case revocations(Revocations)
    }

    /// `bench`: `nil` for every bench.
    public init(_ content: Content, bench: String?, issuedAt: Date) {
        formatVersion = Self.formatVersion
        self.bench = bench
        self.issuedAt = issuedAt.formatted(.iso8601)
        switch content {
        case .approval(let value): approval = value
        case .withdrawal(let value): withdrawal = value
        case .checkOff(let value): checkOff = value
        case .revocations(let value): revocations = value
        }
    }

    static let formatVersion = 1
    static let file = "statement.json"
    static let signatureFile = "statement.p7s"

    /// What it says.
    public var content: Content {
        get throws(FirmwareProblem) {
            let all: [Content?] = [
                approval.map { .approval($0) }, withdrawal.map { .withdrawal($0) }, checkOff.map { .checkOff($0) },
                revocations.map { .revocations($0) },
            ]
            let said = all.compactMap(\.self)
            guard said.count == 1, let content = said.first else {
                throw Self.invalid("", "exactly one of approval, withdrawal, checkOff and revocations", "\(said.count) of them")
            }
            return content
        }
    }

    /// When it was made.
    public var issued: Date? { Self.date(issuedAt) }

    /// A time as statements write it; `nil` for anything else.
    public static func date(_ text: String) -> Date? { SignedTime.date(text) }
}

// MARK: Reading and writing

extension Statement {
    /// The bytes that are signed.
    /// - Throws: ``FirmwareProblem`` of code `statement-malformed` where it says what can't be said.
    public func encoded() throws(FirmwareProblem) -> [UInt8] {
        try check()
        do { return try CanonicalJSON.encoded(self) } catch { throw Self.invalid("", "a statement", "\(error)") }
    }

    init(json: [UInt8]) throws(FirmwareProblem) {
        self = try CanonicalJSON.decoded(json, as: Self.self, name: Self.file, code: .statementMalformed, expected: "a statement")
        try check()
    }

    private func check() throws(FirmwareProblem) {
        guard formatVersion == Self.formatVersion else {
            throw Self.invalid("formatVersion", "\(Self.formatVersion)", "\(formatVersion)")
        }
        guard issued != nil else { throw Self.invalid("issuedAt", "a time such as 2026-11-20T10:00:00Z", issuedAt) }
        switch try content {
        case .approval(let approval):
            guard approval.first.map({ (1...1_000_000).contains($0) }) ?? true else {
                throw Self.invalid("approval.first", "1 to 1000000, or no such member", "\(approval.first ?? 0)")
            }
            guard Set(approval.via).count == approval.via.count, !approval.via.contains(approval.manifestHash) else {
                throw Self.invalid("approval.via", "each other release once", "one again")
            }
        case .withdrawal(let withdrawal): try Self.checkReason(withdrawal.reason, "withdrawal.reason")
        case .checkOff(let checkOff):
            try Self.checkReason(checkOff.reason, "checkOff.reason")
            guard SignedTime.date(checkOff.notAfter) != nil else {
                throw Self.invalid("checkOff.notAfter", "a time such as 2026-11-20T10:00:00Z", checkOff.notAfter)
            }
        case .revocations(let list):
            for fingerprint in list.certificates
            where SHA256Value(fingerprint).map(\.description) != fingerprint {
                throw Self.invalid("revocations.certificates", "fingerprints of 64 lower-case hex digits", fingerprint)
            }
        }
    }

    /// It goes into the journal and into lists.
    private static func checkReason(_ text: String, _ field: String) throws(FirmwareProblem) {
        guard (1...500).contains(text.utf8.count), !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
            throw invalid(field, "1 to 500 bytes of plain text in one line", "'\(text.prefix(100))'")
        }
    }

    private static func invalid(_ field: String, _ expected: String, _ found: String) -> FirmwareProblem {
        FirmwareProblem(
            .statementMalformed, at: nil, field: field.isEmpty ? file : "\(file) \(field)", expected: expected,
            found: found.isEmpty ? "nothing" : found)
    }
}
