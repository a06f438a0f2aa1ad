internal import BenchModel
internal import Crypto
public import Foundation
internal import SwiftASN1
internal import Synchronization
@_spi(CMS) @_spi(FixedExpiryValidationTime) internal import X509

/// A detached CMS signature (RFC 5652), as `openssl cms -sign -binary -outform DER` makes it.
public struct DetachedSignature: Sendable {
    /// DER.
    public let bytes: [UInt8]
    /// What it is called in messages, and what it signs.
    private let name: String
    private let contentName: String

    /// Bytes of a signature with its certificates.
    static let mostBytes = 64 << 10

    /// The signature of a file that is called `contentName`; of a release's manifest where nothing is said.
    public init(
        _ bytes: [UInt8], name: String = ReleaseBundle.signatureName, of contentName: String = ReleaseBundle.manifestName
    ) {
        self.bytes = bytes
        self.name = name
        self.contentName = contentName
    }

    /// Finds the signer whose signature this is over `content`, valid at `time`.
    /// - Throws: ``FirmwareProblem``: `signature-malformed`, `signers`, `signature-wrong`, `signature-algorithm`, `certificate-expired`,
    ///   `certificate-not-yet-valid`, `certificate-revoked`, `key-usage` or `certificate-untrusted`.
    public func signer(of content: [UInt8], trust: ReleaseTrust, at time: Date) async throws(FirmwareProblem) -> SignerFound {
        do throws(FirmwareProblem) { return try await unnamedSigner(of: content, trust: trust, at: time) } catch { throw error.of(name) }
    }

    private func unnamedSigner(
        of content: [UInt8], trust: ReleaseTrust, at time: Date
    ) async throws(FirmwareProblem) -> SignerFound {
        let way = CertificateWay()
        guard bytes.count <= Self.mostBytes else {
            throw Self.problem(.signatureMalformed, "at most \(Self.mostBytes) bytes", "\(bytes.count)")
        }
        guard StrictEncoding.hasFittingVersion(cms: bytes) else {
            throw Self.problem(
                .signatureMalformed, "a detached CMS signature in DER, of the version that goes with its signer", "another form")
        }
        let result = await CMS.isValidSignature(
            dataBytes: content, signatureBytes: bytes, trustRoots: CertificateStore(trust.roots)
        ) {
            RFC5280Policy(fixedExpiryValidationTime: time)
            SignerPolicy(signature: bytes, revoked: trust.revoked.certificates, way: way)
        }
        switch result {
        case .success(let valid): return SignerFound(certificate: CertificateSummary(valid.signer), fingerprints: way.fingerprints)
        case .failure(.invalidCMSBlock(let block)): throw problem(of: block.reason)
        case .failure(.unableToValidateSigner(let failure)):
            throw Self.problem(of: failure.signer, at: time, reasons: failure.policyFailures.map { "\($0.policyFailureReason)" })
        }
    }

    private func problem(of reason: String) -> FirmwareProblem {
        if reason.hasPrefix("Too many signatures") { return Self.problem(.signers, "exactly one signer", "none, or several") }
        if reason.hasPrefix("Message digest mismatch") || reason.hasPrefix("Invalid signature from") {
            return Self.problem(.signatureWrong, "a signature of \(contentName)", "one of other bytes")
        }
        if reason.contains("unsupportedSignatureAlgorithm") || reason.hasPrefix("Digest and signature algorithm mismatch") {
            return Self.problem(.signatureAlgorithm, "ECDSA with SHA-256, SHA-384 or SHA-512", "another algorithm: \(reason)")
        }
        return Self.problem(.signatureMalformed, "a detached CMS signature in DER, with its signer's certificate", reason)
    }

    /// Which of the things that a certificate must be this one is not.
    private static func problem(of signer: Certificate, at time: Date, reasons: [String]) -> FirmwareProblem {
        let name = "\(signer.subject)"
        if let problem = SignerPolicy.problem(with: signer) { return problem }
        if signer.notValidAfter < time {
            return problem(
                .certificateExpired, "a certificate that is valid", "\(name), which expired \(signer.notValidAfter.formatted(.iso8601))")
        }
        if signer.notValidBefore > time {
            return problem(
                .certificateNotYetValid, "a certificate that is valid",
                "\(name), which is valid from \(signer.notValidBefore.formatted(.iso8601))")
        }
        if reasons.contains(where: { $0.contains(SignerPolicy.revokedWord) }) {
            return problem(.certificateRevoked, "a signer whose certificates are not revoked", reasons.joined(separator: "; "))
        }
        let why = reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")
        return problem(
            .certificateUntrusted, "a signer whose certificate leads to one of the bench's roots ('reflashctl release trust')", name + why)
    }

    static func problem(_ code: FirmwareProblem.Code, _ expected: String, _ found: String) -> FirmwareProblem {
        FirmwareProblem(code, at: nil, field: "signer", expected: expected, found: found)
    }
}

/// Whose signature it is.
public struct SignerFound: Sendable {
    /// The signer's certificate.
    public let certificate: CertificateSummary
    /// SHA-256 of it and of every certificate on its way to a root, each in all of its forms, lower-case hex.
    public let fingerprints: Set<String>
}

/// Takes the certificates of a way that met the policy out of it.
private final class CertificateWay: Sendable {
    private let state = Mutex<Set<String>>([])

    var fingerprints: Set<String> { state.withLock { $0 } }

    func found(_ fingerprints: Set<String>) { state.withLock { $0 = fingerprints } }
}

/// What RFC 5280's policy leaves open: who may sign releases, and with what.
private struct SignerPolicy: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.X509ExtensionID.extendedKeyUsage]
    /// The CMS structure that the certificates came in.
    let signature: [UInt8]
    /// Fingerprints of certificates that count no more.
    let revoked: Set<String>
    /// What it was found to be.
    let way: CertificateWay

    static let revokedWord = "is revoked"

    mutating func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        guard let signer = chain.first else { return .failsToMeetPolicy(reason: "there is no certificate") }
        if let problem = Self.problem(with: signer) { return .failsToMeetPolicy(reason: problem.description) }
        var fingerprints: Set<String> = []
        for certificate in chain {
            let own = StrictEncoding.forms(ofCertificate: certificate.der).map { "\(SHA256Value.of($0))" }
            guard revoked.isDisjoint(with: own) else {
                return .failsToMeetPolicy(reason: "\(certificate.subject) \(Self.revokedWord)")
            }
            fingerprints.formUnion(own)
        }
        // The root is trusted for what it is, not for its own signature.
        for certificate in chain.dropLast() {
            guard Self.algorithms.contains(certificate.signatureAlgorithm) else {
                return .failsToMeetPolicy(reason: "\(certificate.subject) is signed with \(certificate.signatureAlgorithm)")
            }
            // The reader lets through encodings that DER does not allow, such as bits that a signature does not use.
            let der = certificate.der
            guard !der.isEmpty, signature.firstRange(of: der) != nil, StrictEncoding.hasWholeSignature(certificate: der) else {
                return .failsToMeetPolicy(reason: "\(certificate.subject) is not in DER")
            }
        }
        way.found(fingerprints)
        return .meetsPolicy
    }

    static func problem(with signer: Certificate) -> FirmwareProblem? {
        guard P256.Signing.PublicKey(signer.publicKey) != nil || P384.Signing.PublicKey(signer.publicKey) != nil else {
            return DetachedSignature.problem(.signatureAlgorithm, "an ECDSA key on P-256 or P-384", "\(signer.publicKey)")
        }
        guard let usage = try? signer.extensions.keyUsage, usage.digitalSignature else {
            return DetachedSignature.problem(
                .keyUsage, "a certificate with key usage digitalSignature", "\(signer.subject), which has it not")
        }
        if let purposes = try? signer.extensions.extendedKeyUsage, !purposes.contains(.codeSigning), !purposes.contains(.any) {
            return DetachedSignature.problem(
                .keyUsage, "a certificate for code signing, or for no purpose in particular",
                "\(signer.subject), which is for something else")
        }
        return nil
    }

    private static let algorithms: Set<Certificate.SignatureAlgorithm> = [
        .ecdsaWithSHA256, .ecdsaWithSHA384, .ecdsaWithSHA512, .sha256WithRSAEncryption, .sha384WithRSAEncryption,
        .sha512WithRSAEncryption, .ed25519,
    ]
}

// MARK: Making one

extension DetachedSignature {
    /// Signs with a key in PEM.
    /// - Throws: ``FirmwareProblem`` of code `key-unusable` where key or certificate can't be used, or don't belong together.
    public init(of content: [UInt8], keyPEM: String, certificatePEM: String, at time: Date) throws(FirmwareProblem) {
        let (certificate, others) = try Self.certificates(certificatePEM)
        do {
            let key = try Certificate.PrivateKey(pemEncoded: keyPEM)
            guard key.publicKey == certificate.publicKey else {
                throw FirmwareProblem(
                    .keyUnusable, at: nil, field: "key", expected: "the key of \(certificate.subject)", found: "another one")
            }
            bytes = try CMS.sign(
                content, additionalIntermediateCertificates: others, certificate: certificate, privateKey: key, signingTime: time)
        } catch let problem as FirmwareProblem {
            throw problem
        } catch {
            throw FirmwareProblem(.keyUnusable, at: nil, field: "key", expected: "a private key in PEM", found: "\(error)")
        }
        (name, contentName) = (ReleaseBundle.signatureName, ReleaseBundle.manifestName)
        if let problem = SignerPolicy.problem(with: certificate) { throw problem }
    }

    /// Takes a signature that something else made over the content itself, an HSM say: ECDSA with SHA-256, DER.
    /// - Throws: ``FirmwareProblem`` of code `key-unusable` or `signature-wrong`.
    public init(of content: [UInt8], external signature: [UInt8], certificatePEM: String) throws(FirmwareProblem) {
        let (certificate, others) = try Self.certificates(certificatePEM)
        guard let key = P256.Signing.PublicKey(certificate.publicKey),
            let ecdsa = try? P256.Signing.ECDSASignature(derRepresentation: signature), key.isValidSignature(ecdsa, for: content)
        else {
            throw Self.problem(
                .signatureWrong, "an ECDSA P-256 / SHA-256 signature in DER, of \(ReleaseBundle.manifestName) by \(certificate.subject)",
                "one that is not")
        }
        (name, contentName) = (ReleaseBundle.signatureName, ReleaseBundle.manifestName)
        do {
            bytes = try CMS.sign(
                signatureBytes: ASN1OctetString(contentBytes: signature[...]), signatureAlgorithm: .ecdsaWithSHA256,
                additionalIntermediateCertificates: others, certificate: certificate)
        } catch {
            throw Self.problem(.signatureMalformed, "a signature that can be written", "\(error)")
        }
    }

    /// The signer's certificate, and those between it and its root.
    private static func certificates(_ pem: String) throws(FirmwareProblem) -> (Certificate, [Certificate]) {
        do {
            let all = try PEMDocument.parseMultiple(pemString: pem).map { try Certificate(pemDocument: $0) }
            if let first = all.first { return (first, Array(all.dropFirst())) }
        } catch {
            throw FirmwareProblem(
                .keyUnusable, at: nil, field: "certificate", expected: "certificates in PEM, the signer's first", found: "\(error)")
        }
        throw FirmwareProblem(
            .keyUnusable, at: nil, field: "certificate", expected: "certificates in PEM, the signer's first", found: "none")
    }
}
