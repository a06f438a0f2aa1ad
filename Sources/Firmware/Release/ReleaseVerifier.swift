public import BenchModel
public import Foundation

/// One thing that was looked at, and how it came out.
public struct ReleaseCheck: Sendable, Hashable {
    /// What was looked at; stable text for scripts.
    public enum Kind: String, Sendable, CaseIterable, Codable {
        /// The bundle's files: names, sizes, none too many.
        case files
        /// The manifest: its form, and what can be told from it alone.
        case manifest
        /// The signature, its certificate and the certificate's way to a root.
        case signature
        /// Whether the release may be flashed now.
        case validity
        /// Size and SHA-256 of an image's file.
        case fileHash = "file-hash"
        /// The image itself, and whether it is what the manifest says.
        case image
        /// A signature within the image.
        case imageSignature = "image-signature"
        /// Whether the Central Products List has it.
        case centralProductsList = "central-products-list"
    }

    /// What was looked at.
    public let kind: Kind
    /// The file, or the variant, that was looked at.
    public let subject: String
    /// What is wrong; `nil` where it is as it must be.
    public let problem: FirmwareProblem?
}

/// What came of verifying a release.
public struct ReleaseVerification: Sendable {
    /// Every check that was made, in its order; a check that others rest on ends the list where it fails.
    public internal(set) var checks: [ReleaseCheck] = []
    /// What the manifest says; `nil` where it can't be read. Trusted only if ``release`` is there.
    public internal(set) var manifest: ReleaseManifest?
    /// Whose signature it bears.
    public internal(set) var signer: CertificateSummary?
    var signerFingerprints: Set<String> = []
    /// The release, if nothing is wrong with it.
    public internal(set) var release: VerifiedRelease?

    /// What is wrong, in the order of the checks.
    public var problems: [FirmwareProblem] { checks.compactMap(\.problem) }
}

/// A release that passed every check; only ``ReleaseVerifier`` makes one.
public struct VerifiedRelease: Sendable {
    /// What its releaser states.
    public let manifest: ReleaseManifest
    /// SHA-256 of the manifest's bytes: the release's identity.
    public let manifestHash: SHA256Value
    /// Who signed it.
    public let signer: CertificateSummary
    /// SHA-256 of the signer's certificate and of every one on its way to a root, each in all of its forms, lower-case hex.
    public let signerFingerprints: Set<String>
    /// What units of a variant are given.
    public let targets: [Variant: Target]

    /// The last moment at which it can be flashed: its own end or its signer's.
    public var usableUntil: Date { min(manifest.expiry ?? .distantPast, signer.notAfter) }
}

/// Checks a bundle against what a bench trusts.
public struct ReleaseVerifier: Sendable {
    let trust: ReleaseTrust
    let products: CentralProductsList?

    /// `products`: `nil` where the bench goes without the list; every target then says so.
    public init(trust: ReleaseTrust, products: CentralProductsList?) {
        self.trust = trust
        self.products = products
    }

    /// Reads a bundle and looks at all of it.
    public func verify(path: String, at time: Date) async -> ReleaseVerification {
        do throws(FirmwareProblem) {
            return await verify(try ReleaseBundle(path: path), at: time)
        } catch {
            var result = ReleaseVerification()
            result.checks.append(ReleaseCheck(kind: .files, subject: path, problem: error))
            return result
        }
    }

    /// Looks at all of a bundle, as it is at `time`. It never fails, it reports.
    public func verify(_ bundle: ReleaseBundle, at time: Date) async -> ReleaseVerification {
        var result = ReleaseVerification()
        do throws(FirmwareProblem) {
            let bytes = try Self.manifestBytes(of: bundle, &result)
            let manifest = try ReleaseManifest(json: bytes, &result)
            try await checkSignature(bundle, bytes, at: time, &result)
            checkValidity(manifest, at: time, &result)
            checkFiles(bundle, manifest, &result)
            let hash = SHA256Value.of(bytes)
            checkRevocation(hash, manifest, &result)
            let targets = manifest.variants.map { target(for: $0, manifest, hash, bundle, &result) }
            if result.problems.isEmpty, let signer = result.signer {
                let complete = targets.compactMap(\.self)
                result.release = VerifiedRelease(
                    manifest: manifest, manifestHash: hash, signer: signer, signerFingerprints: result.signerFingerprints,
                    targets: Dictionary(complete.map { ($0.variant, $0) }) { first, _ in first })
            }
        } catch {
            // It is the last of the checks.
        }
        return result
    }

    private static func manifestBytes(
        of bundle: ReleaseBundle, _ result: inout ReleaseVerification
    ) throws(FirmwareProblem) -> [UInt8] {
        try result.check(.files, ReleaseBundle.manifestName) { () throws(FirmwareProblem) in
            guard let file = bundle[ReleaseBundle.manifestName] else { throw Self.missing(ReleaseBundle.manifestName, in: bundle) }
            guard file.count <= ReleaseBundle.mostManifestBytes else {
                throw FirmwareProblem(
                    .bundleEntry, at: nil, field: ReleaseBundle.manifestName,
                    expected: "at most \(ReleaseBundle.mostManifestBytes) bytes", found: "\(file.count)")
            }
            return file.bytes(0..<file.count)
        }
    }

    private func checkSignature(
        _ bundle: ReleaseBundle, _ manifest: [UInt8], at time: Date, _ result: inout ReleaseVerification
    ) async throws(FirmwareProblem) {
        do throws(FirmwareProblem) {
            guard let file = bundle[ReleaseBundle.signatureName] else { throw Self.missing(ReleaseBundle.signatureName, in: bundle) }
            let signature = DetachedSignature(file.bytes(0..<min(file.count, DetachedSignature.mostBytes + 1)))
            let found = try await signature.signer(of: manifest, trust: trust, at: time)
            (result.signer, result.signerFingerprints) = (found.certificate, found.fingerprints)
            result.checks.append(ReleaseCheck(kind: .signature, subject: ReleaseBundle.signatureName, problem: nil))
        } catch {
            result.checks.append(ReleaseCheck(kind: .signature, subject: ReleaseBundle.signatureName, problem: error))
        }
    }

    private func checkValidity(_ manifest: ReleaseManifest, at time: Date, _ result: inout ReleaseVerification) {
        try? result.check(.validity, manifest.release) { () throws(FirmwareProblem) in
            func refused(_ code: FirmwareProblem.Code, _ expected: String) -> FirmwareProblem {
                FirmwareProblem(
                    code, at: nil, field: "\(ReleaseBundle.manifestName) \(code == .releaseExpired ? "notAfter" : "issuedAt")",
                    expected: expected, found: "\(time.formatted(.iso8601)), by this machine's clock")
            }
            if let issued = manifest.issued, time < issued { throw refused(.releaseNotYetValid, "a time from \(manifest.issuedAt) on") }
            if let expiry = manifest.expiry, time > expiry { throw refused(.releaseExpired, "a time up to \(manifest.notAfter)") }
        }
    }

    private func checkRevocation(_ hash: SHA256Value, _ manifest: ReleaseManifest, _ result: inout ReleaseVerification) {
        guard trust.revoked.releases.contains(hash) else { return }
        let problem = FirmwareProblem(
            .releaseRevoked, at: nil, field: ReleaseBundle.manifestName, expected: "a release that no revocation list names",
            found: "\(manifest.release), \(hash)")
        result.checks.append(ReleaseCheck(kind: .validity, subject: manifest.release, problem: problem))
    }

    private func checkFiles(_ bundle: ReleaseBundle, _ manifest: ReleaseManifest, _ result: inout ReleaseVerification) {
        let named = Set(
            manifest.variants.flatMap { $0.components.map(\.file) } + [ReleaseBundle.manifestName, ReleaseBundle.signatureName])
        for name in bundle.names where !named.contains(name) {
            let problem = FirmwareProblem(
                .bundleEntry, at: nil, field: name, expected: "a file that the manifest names", found: "one that it does not")
            result.checks.append(ReleaseCheck(kind: .files, subject: name, problem: problem))
        }
    }

    static func missing(_ name: String, in bundle: ReleaseBundle) -> FirmwareProblem {
        FirmwareProblem(
            .bundleEntry, at: nil, field: name, expected: "this file in the bundle",
            found: bundle.names.isEmpty ? "no files" : "only \(bundle.names.joined(separator: ", "))")
    }
}

extension ReleaseVerification {
    /// Makes a check and notes how it came out.
    mutating func check<Value>(
        _ kind: ReleaseCheck.Kind, _ subject: String, _ body: () throws(FirmwareProblem) -> Value
    ) throws(FirmwareProblem) -> Value {
        do throws(FirmwareProblem) {
            let value = try body()
            checks.append(ReleaseCheck(kind: kind, subject: subject, problem: nil))
            return value
        } catch {
            checks.append(ReleaseCheck(kind: kind, subject: subject, problem: error))
            throw error
        }
    }
}

extension ReleaseManifest {
    fileprivate init(json: [UInt8], _ result: inout ReleaseVerification) throws(FirmwareProblem) {
        self = try result.check(.manifest, ReleaseBundle.manifestName) { () throws(FirmwareProblem) in try ReleaseManifest(json: json) }
        result.manifest = self
    }
}
