import BenchModel
import Crypto
@testable import Firmware
import Foundation
import SwiftASN1
import X509

/// A releaser with all that belongs to one: a root, a certificate, images, a bundle.
struct ReleaseFixtures {
    static let now = Date(timeIntervalSince1970: 1_795_000_000)
    static let day: TimeInterval = 86_400

    let rootKey = P256.Signing.PrivateKey()
    let signerKey = P256.Signing.PrivateKey()

    /// The root's certificate, PEM.
    func root() throws -> String {
        let key = Certificate.PrivateKey(rootKey)
        return try certificate(
            "Root", by: key, issuer: "Root", key: key.publicKey, Self.now - 100 * Self.day, Self.now + 3000 * Self.day,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }
        ).serializeAsPEM().pemString
    }

    /// A releaser's certificate, PEM.
    func signer(
        from: Date = now - 10 * day, to: Date = now + 300 * day, usage: KeyUsage = KeyUsage(digitalSignature: true),
        purpose: ExtendedKeyUsage.Usage = .codeSigning, key: Certificate.PublicKey? = nil
    ) throws -> String {
        try certificate(
            "Releaser", by: Certificate.PrivateKey(rootKey), issuer: "Root", key: key ?? Certificate.PrivateKey(signerKey).publicKey, from,
            to,
            extensions: try Certificate.Extensions {
                Critical(usage)
                try ExtendedKeyUsage([purpose])
            }
        ).serializeAsPEM().pemString
    }

    private func certificate(
        _ name: String, by key: Certificate.PrivateKey, issuer: String, key publicKey: Certificate.PublicKey, _ from: Date, _ to: Date,
        extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: .init(), publicKey: publicKey, notValidBefore: from, notValidAfter: to,
            issuer: DistinguishedName { CommonName(issuer) }, subject: DistinguishedName { CommonName(name) },
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: key)
    }

    /// Trust in the root and in the key of ``ImageFixtures``.
    func trust(root: String? = nil) throws -> ReleaseTrust {
        try ReleaseTrust(
            roots: [("root.pem", try root ?? self.root())], imageKeys: [("manufacturer.pem", ImageFixtures.key.publicKey.pemRepresentation)]
        )
    }

    /// The parts of a small release for 4G.
    static func manifest(image: [UInt8], change: (inout ReleaseManifest) -> Void = { _ in }) throws -> ReleaseManifest {
        let ota = try OTAImage(MemoryBytes(image))
        var manifest = ReleaseManifest(
            formatVersion: 1, release: "autumn", issuedAt: "2026-11-01T00:00:00Z", notAfter: "2027-11-01T00:00:00Z",
            variants: [
                .init(
                    variant: .fourG, version: FirmwareVersion(rawValue: 0x0002_012F), manufacturer: "AB01", model: "010A030B",
                    hardware: .init(minimum: HardwareVersion(rawValue: 0x0100), maximum: HardwareVersion(rawValue: 0x01FF)),
                    securityCounter: 7,
                    components: [
                        .init(
                            name: "application", file: "release.zigbee", size: image.count, sha256: SHA256Value.of(image), format: .gbcsOTA,
                            manufacturerImageHash: ota.manufacturerImageHash, mcubootHash: ota.mcuboot?.hash.map { Hex.lowercase($0) },
                            version: "0002012F", signatures: [.gbcs])
                    ])
            ])
        change(&manifest)
        return manifest
    }

    /// Verifies what is made of these parts; the manifest is signed as it is.
    func verify(
        image: [UInt8]? = nil, manifest change: (inout ReleaseManifest) -> Void = { _ in }, certificate: String? = nil,
        trust: ReleaseTrust? = nil, products: CentralProductsList? = nil, at time: Date = now
    ) async throws -> ReleaseVerification {
        let image = try image ?? ImageFixtures.ota(ImageFixtures.mcuboot(payload: 600))
        let manifest = try Self.manifest(image: image, change: change).encoded()
        let signature = try DetachedSignature(
            of: manifest, keyPEM: signerKey.pemRepresentation, certificatePEM: try certificate ?? signer(), at: Self.now)
        let archive = ReleaseBundle.archive(manifest: manifest, signature: signature.bytes, files: [("release.zigbee", image)])
        return await ReleaseVerifier(trust: try trust ?? self.trust(), products: products)
            .verify(try ReleaseBundle(archive: MemoryBytes(archive)), at: time)
    }
}
