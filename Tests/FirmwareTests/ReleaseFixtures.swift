import BenchModel
import Crypto
@testable import Firmware
import Foundation
import ReleaseKit
import X509

/// A releaser with all that belongs to one: a root, a certificate, images, a bundle.
struct ReleaseFixtures {
    static let now = Date(timeIntervalSince1970: 1_795_000_000)
    static let day = Authority.day

    let authority: Authority
    let releaser: Signer

    init() throws {
        authority = try Authority(now: Self.now)
        releaser = try authority.signer()
    }

    /// Trust in the root and in the key of ``ImageFixtures``.
    func trust(root: String? = nil) throws -> ReleaseTrust {
        try ReleaseTrust(
            roots: [("root.pem", root ?? authority.root)], imageKeys: [("manufacturer.pem", ImageFixtures.key.publicKey.pemRepresentation)]
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

    /// The bundle of these bytes, signed.
    func archive(_ manifest: [UInt8], image: [UInt8], signer: Signer? = nil) throws -> [UInt8] {
        let signer = signer ?? releaser
        let signature = try DetachedSignature(of: manifest, keyPEM: signer.key, certificatePEM: signer.certificate, at: Self.now)
        return ReleaseBundle.archive(manifest: manifest, signature: signature.bytes, files: [("release.zigbee", image)])
    }

    /// Verifies what is made of these parts; the manifest is signed as it is.
    func verify(
        image: [UInt8]? = nil, manifest change: (inout ReleaseManifest) -> Void = { _ in }, signer: Signer? = nil,
        trust: ReleaseTrust? = nil, products: CentralProductsList? = nil, at time: Date = now
    ) async throws -> ReleaseVerification {
        let image = try image ?? ImageFixtures.ota(ImageFixtures.mcuboot(payload: 600))
        let archive = try archive(try Self.manifest(image: image, change: change).encoded(), image: image, signer: signer)
        return await ReleaseVerifier(trust: try trust ?? self.trust(), products: products)
            .verify(try ReleaseBundle(archive: MemoryBytes(archive)), at: time)
    }
}
