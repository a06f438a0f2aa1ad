/// What is wrong with a firmware image, and where in it.
public struct FirmwareProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable text for scripts.
    public enum Code: String, Sendable, CaseIterable, Codable {
        /// The bytes end before the field does.
        case truncated
        /// A field holds a value that its specification does not allow.
        case fieldInvalid = "field-invalid"
        /// Two places that must agree do not.
        case mismatch
        /// The content is encrypted and can't be verified without its key.
        case encrypted
        /// The bytes are no image that is known here.
        case formatUnknown = "format-unknown"
        /// There is no signature where one is required.
        case signatureMissing = "signature-missing"
        /// The key that a signature claims is not among the bench's.
        case keyMissing = "key-missing"
        /// A signature is not what its key makes of these bytes.
        case signatureWrong = "signature-wrong"
        /// The file of a key holds none that images are signed with.
        case keyUnusable = "key-unusable"
        /// A bundle holds something that it can't, or lacks something.
        case bundleEntry = "bundle-entry"
        /// The manifest is none, or not in its one form.
        case manifestMalformed = "manifest-malformed"
        /// The detached signature can't be read as one.
        case signatureMalformed = "signature-malformed"
        /// There is not exactly one signer.
        case signers
        /// A key or a digest that is not accepted for releases.
        case signatureAlgorithm = "signature-algorithm"
        /// The signer's certificate does not lead to one of the bench's roots.
        case certificateUntrusted = "certificate-untrusted"
        /// The signer's certificate has expired.
        case certificateExpired = "certificate-expired"
        /// The signer's certificate is not valid yet.
        case certificateNotYetValid = "certificate-not-yet-valid"
        /// A revocation list names the signer's certificate, or one on its way to a root.
        case certificateRevoked = "certificate-revoked"
        /// A revocation list names the release.
        case releaseRevoked = "release-revoked"
        /// A statement is none, or not in its one form.
        case statementMalformed = "statement-malformed"
        /// The signer's certificate is for something else.
        case keyUsage = "key-usage"
        /// The release may not be flashed any more.
        case releaseExpired = "release-expired"
        /// The release may not be flashed yet.
        case releaseNotYetValid = "release-not-yet-valid"
        /// The Central Products List can't be read.
        case productsList = "products-list"
        /// The Central Products List does not have the image.
        case notListed = "not-listed"
        /// The Central Products List has the image as one that is no longer current.
        case removedFromList = "removed-from-list"
        /// The file can't be opened or read.
        case unreadable
    }

    /// What kind of failure it is.
    public let code: Code
    /// Bytes from the start of the file; `nil` when the file as a whole is meant.
    public let offset: Int?
    /// The field's name in its specification.
    public let field: String
    /// What should be there.
    public let expected: String
    /// What is there.
    public let found: String

    public init(_ code: Code, at offset: Int?, field: String, expected: String, found: String) {
        self.code = code
        self.offset = offset
        self.field = field
        self.expected = expected
        self.found = found
    }

    /// The same problem, of this file.
    func of(_ file: String) -> FirmwareProblem {
        FirmwareProblem(code, at: offset, field: "\(file) \(field)", expected: expected, found: found)
    }

    public var description: String {
        let place = offset.map { "offset 0x\(String($0, radix: 16)), " } ?? ""
        return "\(place)\(field): expected \(expected), found \(found)"
    }
}
