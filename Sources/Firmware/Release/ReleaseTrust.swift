public import BenchModel
public import Foundation
internal import SwiftASN1
@_spi(CMS) internal import X509

/// Whom a bench believes: the roots that releasers' certificates must lead to, and the keys that images are signed with.
public struct ReleaseTrust: Sendable {
    let roots: [Certificate]
    /// The keys of manufacturers and vendors.
    public let imageKeys: [ImageKey]
    /// What revocation lists name.
    public var revoked = Revoked()

    /// What counts no more, whoever signed it.
    public struct Revoked: Hashable, Sendable {
        /// SHA-256 of certificates' DER form, lower-case hex.
        public var certificates: Set<String> = []
        /// SHA-256 of releases' manifests.
        public var releases: Set<SHA256Value> = []

        public init() {}
    }

    /// - Parameters:
    ///   - roots: certificates in PEM, by the name of their file; a file may hold several.
    ///   - imageKeys: public keys in PEM, by the name of their file.
    /// - Throws: ``FirmwareProblem`` of code `key-unusable` at the first that can't be read.
    public init(roots: [(name: String, pem: String)], imageKeys: [(name: String, pem: String)]) throws(FirmwareProblem) {
        var certificates: [Certificate] = []
        for (name, pem) in roots {
            do {
                certificates += try PEMDocument.parseMultiple(pemString: pem).map { try Certificate(pemDocument: $0) }
            } catch {
                throw FirmwareProblem(.keyUnusable, at: nil, field: name, expected: "certificates in PEM", found: "\(error)")
            }
        }
        self.roots = certificates
        var keys: [ImageKey] = []
        for (name, pem) in imageKeys { keys.append(try ImageKey(pem: pem, name: name)) }
        self.imageKeys = keys
    }

    /// The roots, as `release trust` shows them.
    public var certificates: [CertificateSummary] { roots.map(CertificateSummary.init) }
}

extension Certificate {
    /// Its one encoding; empty where it can't be written, which one that was read always can.
    var der: [UInt8] {
        var serializer = DER.Serializer()
        guard (try? serializer.serialize(self)) != nil else { return [] }
        return serializer.serializedBytes
    }
}

/// What people want to know of a certificate.
public struct CertificateSummary: Codable, Hashable, Sendable {
    /// Its subject's distinguished name.
    public let subject: String
    /// Its issuer's distinguished name.
    public let issuer: String
    /// Its serial number, lower-case hex.
    public let serial: String
    /// SHA-256 of its DER form, lower-case hex.
    public let fingerprint: String
    /// The first moment at which it is valid.
    public let notBefore: Date
    /// The last moment at which it is valid.
    public let notAfter: Date

    /// Its certificate was found to lead to a root.
    init(_ certificate: Certificate) {
        subject = "\(certificate.subject)"
        issuer = "\(certificate.issuer)"
        serial = Hex.lowercase(Array(certificate.serialNumber.bytes))
        fingerprint = "\(SHA256Value.of(certificate.der))"
        notBefore = certificate.notValidBefore
        notAfter = certificate.notValidAfter
    }
}

/// `GET /v1/trust`: whom a bench believes.
public struct TrustSummary: Codable, Hashable, Sendable {
    /// What releasers' certificates must lead to.
    public var roots: [CertificateSummary]
    /// What supervisors' certificates must lead to; empty where no statement has to be signed.
    public var approvers: [CertificateSummary]

    public init(roots: [CertificateSummary], approvers: [CertificateSummary]) {
        self.roots = roots
        self.approvers = approvers
    }
}

extension ReleaseTrust {
    /// Reads every `.pem` file of a folder, or one file.
    /// - Parameters:
    ///   - roots: where the roots' certificates are.
    ///   - imageKeys: where the public keys are; `nil` for none.
    /// - Throws: ``FirmwareProblem`` where a path or a file can't be read.
    public init(roots: String, imageKeys: String?) throws(FirmwareProblem) {
        try self.init(roots: try Self.files(roots), imageKeys: try imageKeys.map(Self.files) ?? [])
    }

    private static func files(_ path: String) throws(FirmwareProblem) -> [(name: String, pem: String)] {
        do {
            guard try URL(filePath: path).resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true else {
                return [((path as NSString).lastPathComponent, try String(contentsOfFile: path, encoding: .utf8))]
            }
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".pem") }.sorted().map {
                ($0, try String(contentsOfFile: "\(path)/\($0)", encoding: .utf8))
            }
        } catch {
            throw FirmwareProblem(
                .unreadable, at: nil, field: path, expected: "a PEM file, or a folder of them", found: error.localizedDescription)
        }
    }
}
