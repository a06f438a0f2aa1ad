internal import Firmware

/// Why a release, an approval, a withdrawal or another statement is not taken. Nothing has changed then.
public struct DeskRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable text for scripts, beside those of ``FirmwareProblem``.
    public enum Code: String, Sendable, CaseIterable {
        /// No release of this name or manifest hash was imported.
        case releaseUnknown = "release-unknown"
        /// Several releases have this name: the manifest hash tells them apart.
        case releaseAmbiguous = "release-ambiguous"
        /// The release holds nothing for this variant.
        case variantMissing = "variant-missing"
        /// No profile of this bench can take the release.
        case profileUnfit = "profile-unfit"
        /// The release's security counter is lower than one that was approved on this bench.
        case securityCounter = "security-counter"
        /// This bench takes a signed statement only.
        case signatureRequired = "signature-required"
        /// This bench trusts no approvers.
        case noApprovers = "no-approvers"
        /// The statement was taken before.
        case statementReplayed = "statement-replayed"
        /// A later statement about the same was taken before.
        case statementOutdated = "statement-outdated"
        /// The statement's time is still to come.
        case statementFromFuture = "statement-from-future"
        /// The statement is for another bench.
        case otherBench = "other-bench"
        /// A revocation list of this number, or a higher one, was taken before.
        case revocationsOutdated = "revocations-outdated"
        /// The release is not in use.
        case notApproved = "not-approved"
        /// Releasers and approvers have a root in common.
        case rootShared = "root-shared"
        /// The Central Products List can't be asked.
        case listMissing = "list-missing"
        /// The store can't be read or written.
        case store
        /// The journal can't take it.
        case notRecorded = "not-recorded"
    }

    /// One of ``Code``, or of ``FirmwareProblem/Code``.
    public let code: String
    /// What was expected and found, and what to do.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code.rawValue
        self.message = message
    }

    init(_ problem: FirmwareProblem) { self.init([problem]) }

    /// All that is wrong; the first names it.
    init(_ problems: [FirmwareProblem]) {
        code = problems.first?.code.rawValue ?? FirmwareProblem.Code.unreadable.rawValue
        message = problems.map(\.description).joined(separator: "; ")
    }

    public var description: String { message }
}
