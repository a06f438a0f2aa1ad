public import BenchModel
public import Foundation

/// What `release verify --json` prints.
public struct ReleaseReport: Codable, Sendable {
    /// The release's name; `nil` where the manifest can't be read. Worth nothing unless ``isAcceptable``.
    public var release: String?
    /// SHA-256 of the manifest: the release's identity on every bench.
    public var manifestHash: SHA256Value?
    /// Whose signature it bears.
    public var signer: CertificateSummary?
    /// The last moment at which it can be flashed: its own end, or its signer's.
    public var usableUntil: Date?
    /// Days until then; a warning is printed below 30.
    public var daysLeft: Int?
    /// Checks that were left out.
    public var checksOff: [String]
    /// All that were made.
    public var checks: [Check]
    /// Whether none failed.
    public var isAcceptable: Bool

    /// One check.
    public struct Check: Codable, Sendable {
        /// What was looked at, as ``ReleaseCheck/Kind``.
        public var check: String
        /// The file or variant.
        public var subject: String
        /// Whether it is as it must be.
        public var passed: Bool
        /// Stable text for scripts, of what is wrong.
        public var code: String?
        /// What is wrong, in a sentence.
        public var message: String?
    }

    /// Days before its end from which on a release is announced as ending.
    public static let warningDays = 30

    /// `products`: whether the Central Products List was at hand.
    public init(_ verification: ReleaseVerification, products: Bool, now: Date) {
        release = verification.manifest?.release
        manifestHash = verification.release?.manifestHash
        signer = verification.signer
        usableUntil = verification.release?.usableUntil
        daysLeft = usableUntil.map { Int($0.timeIntervalSince(now) / 86_400) }
        checksOff = products ? [] : [ReleaseCheck.Kind.centralProductsList.rawValue]
        checks = verification.checks.map {
            Check(
                check: $0.kind.rawValue, subject: $0.subject, passed: $0.problem == nil, code: $0.problem?.code.rawValue,
                message: $0.problem?.description)
        }
        isAcceptable = verification.release != nil
    }
}
