import BenchModel
import Crypto
@testable import Firmware
import Foundation
import ReleaseKit
import Testing
import X509

@Suite struct ReleaseVerifierTests {
    private let fixtures: ReleaseFixtures
    private typealias F = ReleaseFixtures

    init() throws { fixtures = try ReleaseFixtures() }

    @Test func `a release that nothing is wrong with says what each unit is given`() async throws {
        let result = try await fixtures.verify()
        #expect(result.problems == [])
        let release = try #require(result.release)
        #expect(release.manifest.release == "autumn")
        #expect(release.signer.subject == "CN=Releaser")
        let target = try #require(release.targets[.fourG])
        #expect(target.version == FirmwareVersion(rawValue: 0x0002_012F))
        #expect(target.checksOff == [.centralProductsList])
        #expect(result.checks.map(\.kind) == [.files, .manifest, .signature, .validity, .fileHash, .image, .imageSignature])
    }

    @Test func `a certificate is valid at the time of the check, or the release is not`() async throws {
        let expired = try fixtures.authority.signer(to: F.now - F.day)
        #expect(try await fixtures.verify(signer: expired).problems.map(\.code) == [.certificateExpired])
        let early = try fixtures.authority.signer(from: F.now + F.day)
        #expect(try await fixtures.verify(signer: early).problems.map(\.code) == [.certificateNotYetValid])
    }

    @Test func `a certificate for something else signs no releases`() async throws {
        let server = try fixtures.authority.signer(purpose: .serverAuth)
        #expect(throws: FirmwareProblem.self) {
            try DetachedSignature(of: [1], keyPEM: server.key, certificatePEM: server.certificate, at: F.now)
        }
    }

    @Test func `a root that the bench does not have is not believed`() async throws {
        let stranger = try ReleaseFixtures().authority.root
        let result = try await fixtures.verify(trust: try fixtures.trust(root: stranger))
        #expect(result.problems.map(\.code) == [.certificateUntrusted])
        #expect(result.release == nil)
    }

    @Test func `a release has its time`() async throws {
        let late = try await fixtures.verify(manifest: { $0.notAfter = "2026-11-10T00:00:00Z" })
        #expect(late.problems.map(\.code) == [.releaseExpired])
        let early = try await fixtures.verify(manifest: { $0.issuedAt = "2027-01-01T00:00:00Z" })
        #expect(early.problems.map(\.code) == [.releaseNotYetValid])
    }

    struct Lie: Sendable {
        let name: String
        let code: FirmwareProblem.Code
        let change: @Sendable (inout ReleaseManifest) -> Void
    }

    @Test(arguments: [
        Lie(name: "size", code: .mismatch) { $0.variants[0].components[0].size += 1 },
        Lie(name: "SHA-256", code: .mismatch) { $0.variants[0].components[0].sha256 = .of([1]) },
        Lie(name: "Manufacturer Image Hash", code: .mismatch) { $0.variants[0].components[0].manufacturerImageHash = .of([1]) },
        Lie(name: "MCUboot hash", code: .mismatch) { $0.variants[0].components[0].mcubootHash = SHA256Value.of([1]).description },
        Lie(name: "file version", code: .mismatch) { $0.variants[0].components[0].version = "00020130" },
        Lie(name: "manufacturer code", code: .mismatch) { $0.variants[0].manufacturer = "AB02" },
        Lie(name: "hardware versions", code: .mismatch) { $0.variants[0].hardware.maximum = HardwareVersion(rawValue: 0x0200) },
        Lie(name: "release.zigbee MCUboot signature", code: .signatureMissing) {
            $0.variants[0].components[0].signatures = [.gbcs, .mcuboot]
        },
        Lie(name: "other.zigbee", code: .bundleEntry) { $0.variants[0].components[0].file = "other.zigbee" },
    ])
    func `what a manifest states and the bytes do not bear out is refused`(lie: Lie) async throws {
        let result = try await fixtures.verify(manifest: lie.change)
        #expect(result.problems.contains { $0.code == lie.code }, "\(lie.name): \(result.problems)")
        #expect(result.release == nil)
    }

    @Test func `two files that have changed places are refused, each by its hash`() async throws {
        let maker = try ReleaseMaker(now: F.now)
        let version = FirmwareVersion(rawValue: 0x0002_012F)
        let archive = try maker.archive(
            "autumn",
            [
                .init(.fourG, version, image: ImageFixtures.mcuboot(payload: 64)),
                .init(.twoG3G, version, image: ImageFixtures.mcuboot(payload: 65)),
            ])
        let bundle = try ReleaseBundle(archive: MemoryBytes(archive))
        func bytes(_ name: String) throws -> [UInt8] { try #require(bundle[name].map { $0.bytes(0..<$0.count) }) }
        let swapped = ReleaseBundle.archive(
            manifest: try bytes("manifest.json"), signature: try bytes("manifest.p7s"),
            files: [("4g.zigbee", try bytes("2g3g.zigbee")), ("2g3g.zigbee", try bytes("4g.zigbee"))])
        let trust = try ReleaseTrust(
            roots: [("roots.pem", maker.authority.root)], imageKeys: [("keys.pem", maker.imageKey.publicKey.pemRepresentation)])
        let verifier = ReleaseVerifier(trust: trust, products: nil)
        #expect(await verifier.verify(bundle, at: F.now).release != nil)
        let result = await verifier.verify(try ReleaseBundle(archive: MemoryBytes(swapped)), at: F.now)
        #expect(result.problems.map(\.code) == [.mismatch, .mismatch])
        #expect(result.problems.first?.field == "4g.zigbee size")
    }

    @Test func `a release is made of an image with a DFU suffix, which is checked and left out`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let image = ImageFixtures.mcuboot(payload: 64)
        let suffixed = DFUSuffixTests.suffixed(image)
        func make(_ bytes: [UInt8]) throws -> [UInt8]? {
            try Data(bytes).write(to: URL(filePath: "\(folder)/app.dfu"))
            let draft = ReleaseDraft(
                release: "r", issuedAt: "2026-11-01T00:00:00Z", notAfter: "2027-11-01T00:00:00Z",
                variants: [
                    .init(
                        variant: .fourG, version: FirmwareVersion(rawValue: 0x0002_012F), manufacturer: "AB01", model: "010A030B",
                        hardware: HardwareVersion(rawValue: 0)...HardwareVersion(rawValue: 1), securityCounter: 1,
                        components: [.init(name: "application", path: "\(folder)/app.dfu", signatures: [.mcuboot])])
                ])
            return try draft.made().files.first?.bytes
        }
        #expect(try make(suffixed) == image)
        var broken = suffixed
        broken[3] ^= 1
        #expect(throws: FirmwareProblem.self) { try make(broken) }
    }

    @Test func `an image signed by a key that the bench lacks is refused, not skipped`() async throws {
        let trust = try ReleaseTrust(roots: [("root.pem", fixtures.authority.root)], imageKeys: [])
        #expect(try await fixtures.verify(trust: trust).problems.map(\.code) == [.keyMissing])
        let other = try ReleaseTrust(
            roots: [("root.pem", fixtures.authority.root)],
            imageKeys: [("other.pem", P256.Signing.PrivateKey().publicKey.pemRepresentation)])
        #expect(try await fixtures.verify(trust: other).problems.map(\.code) == [.signatureWrong])
    }

    @Test(arguments: [
        ("", FirmwareProblem.Code?.none), ("Removed", .removedFromList), ("no line", .notListed), ("model", .mismatch),
    ])
    func `the Central Products List must have the image, current, for just this hardware`(change: String, code: FirmwareProblem.Code?)
        async throws
    {
        let image = try ImageFixtures.ota(ImageFixtures.mcuboot(payload: 600))
        let hash = try OTAImage(MemoryBytes(image)).manufacturerImageHash
        let line =
            "AB01,\(change == "model" ? "010A030C" : "010A030B"),0101,0002012F,\(hash),\(change == "Removed" ? "Removed" : "Current")\r\n"
        let text = "manufacturer,model,hardwareVersion,firmwareVersion,manufacturerImageHash,status\r\n" + (change == "no line" ? "" : line)
        let list = try CentralProductsList(csv: Array(text.utf8), name: "cpl.csv")
        let result = try await fixtures.verify(image: image, products: list)
        #expect(result.problems.first?.code == code)
    }

    @Test func `no change of a single byte gets through, and no shortened bundle`() async throws {
        let image = try ImageFixtures.ota(ImageFixtures.mcuboot(payload: 60))
        let manifest = try F.manifest(image: image).encoded()
        let archive = try fixtures.archive(manifest, image: image)
        let verifier = ReleaseVerifier(trust: try fixtures.trust(), products: nil)
        func identity(_ bytes: [UInt8]) async -> SHA256Value? {
            guard let bundle = try? ReleaseBundle(archive: MemoryBytes(bytes)) else { return nil }
            return await verifier.verify(bundle, at: F.now).release?.manifestHash
        }
        #expect(await identity(archive) == SHA256Value.of(manifest))
        for length in 0..<archive.count - 1 { #expect(await identity(Array(archive[..<length])) == nil, "\(length)") }
        for index in archive.indices {
            for bits: UInt8 in [0x01, 0x20, 0x80, 0xFF] {
                var changed = archive
                changed[index] ^= bits
                #expect(await identity(changed) == nil, "byte \(index), bits \(bits)")
            }
        }
    }
}
