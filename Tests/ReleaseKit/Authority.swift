import Crypto
package import Foundation
import SwiftASN1
package import X509

/// A root, and the certificates that it gives to those who sign.
package struct Authority: Sendable {
    private let key = P256.Signing.PrivateKey()
    private let name: String
    private let now: Date
    /// The root's certificate, PEM.
    package let root: String

    package static let day: TimeInterval = 86_400

    /// A root that is valid around `now`.
    package init(_ name: String = "Root", now: Date = .now) throws {
        self.name = name
        self.now = now
        let key = Certificate.PrivateKey(self.key)
        root = try Self.certificate(
            name, key: key.publicKey, by: key, issuer: name, now - 100 * Self.day, now + 3000 * Self.day,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            })
    }

    /// Somebody who may sign, unless something else is asked for.
    package func signer(
        _ subject: String = "Releaser", from: Date? = nil, to: Date? = nil, usage: KeyUsage = KeyUsage(digitalSignature: true),
        purpose: ExtendedKeyUsage.Usage = .codeSigning
    ) throws -> Signer {
        let key = P256.Signing.PrivateKey()
        let certificate = try Self.certificate(
            subject, key: Certificate.PrivateKey(key).publicKey, by: Certificate.PrivateKey(self.key), issuer: name,
            from ?? now - 10 * Self.day, to ?? now + 300 * Self.day,
            extensions: try Certificate.Extensions {
                Critical(usage)
                try ExtendedKeyUsage([purpose])
            })
        return Signer(key: key.pemRepresentation, certificate: certificate)
    }

    private static func certificate(
        _ name: String, key: Certificate.PublicKey, by issuerKey: Certificate.PrivateKey, issuer: String, _ from: Date, _ to: Date,
        extensions: Certificate.Extensions
    ) throws -> String {
        try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: from, notValidAfter: to,
            issuer: DistinguishedName { CommonName(issuer) }, subject: DistinguishedName { CommonName(name) },
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: issuerKey
        ).serializeAsPEM().pemString
    }
}

/// A key and its certificate, both PEM.
package struct Signer: Sendable {
    package let key: String
    package let certificate: String

    /// SHA-256 of the certificate's DER, lower-case hex.
    package var fingerprint: String {
        get throws {
            let der = try PEMDocument(pemString: certificate).derBytes
            return SHA256.hash(data: der).map { String(format: "%02x", $0) }.joined()
        }
    }
}
