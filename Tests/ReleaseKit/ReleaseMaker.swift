package import BenchModel
package import Crypto
import Firmware
package import Foundation

/// A manufacturer and a releaser: from an application's bytes to a signed bundle.
package struct ReleaseMaker: Sendable {
    /// The manufacturer's key, with which OTA images are signed.
    package let imageKey = P256.Signing.PrivateKey()
    package let authority: Authority
    package let releaser: Signer
    private let now: Date

    package init(now: Date = .now) throws {
        authority = try Authority("Releases", now: now)
        releaser = try authority.signer()
        self.now = now
    }

    /// What a release holds for a variant.
    package struct Part: Sendable {
        package var variant: Variant
        package var version: FirmwareVersion
        /// The Manufacturer Image.
        package var image: [UInt8]
        package var counter: UInt32
        package var over: [FirmwareVersion]?
        package var model: String

        package init(
            _ variant: Variant, _ version: FirmwareVersion, image: [UInt8], counter: UInt32 = 1, over: [FirmwareVersion]? = nil,
            model: String = "010A030B"
        ) {
            self.variant = variant
            self.version = version
            self.image = image
            self.counter = counter
            self.over = over
            self.model = model
        }
    }

    /// An MCUboot image whose version stands for a GBCS one.
    package static func mcuboot(_ version: FirmwareVersion, payload: [UInt8]) -> [UInt8] {
        MCUbootImageBuilder(
            version: .init(
                major: UInt8(version.rawValue >> 24), minor: UInt8(version.rawValue >> 16 & 0xFF),
                revision: UInt16(version.rawValue & 0xFFFF),
                build: 0), payload: payload
        ).build()
    }

    private static let hardware = HardwareVersion(rawValue: 0x100)...HardwareVersion(rawValue: 0x1FF)

    /// A part's GBCS OTA image, signed by the manufacturer.
    package func ota(_ part: Part) throws -> [UInt8] {
        try OTAImageBuilder(
            manufacturerCode: 0xAB01, imageType: part.variant == .fourG ? 1 : 2, fileVersion: part.version, hardware: Self.hardware,
            headerString: "Test"
        ).build(manufacturerImage: part.image) { Array(try imageKey.signature(for: $0).rawRepresentation) }
    }

    /// A signed bundle, as a tar archive.
    package func archive(_ name: String, _ parts: [Part], signer: Signer? = nil, notAfter: Date? = nil) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let variants = try parts.map { part in
            let path = "\(folder)/\(part.variant == .fourG ? "4g" : "2g3g").zigbee"
            try Data(try ota(part)).write(to: URL(filePath: path))
            return ReleaseDraft.VariantDraft(
                variant: part.variant, version: part.version, manufacturer: "AB01", model: part.model, hardware: Self.hardware,
                securityCounter: part.counter, over: part.over, components: [.init(name: "application", path: path)])
        }
        let draft = ReleaseDraft(
            release: name, issuedAt: (now - Authority.day).formatted(.iso8601),
            notAfter: (notAfter ?? now + 200 * Authority.day).formatted(.iso8601), variants: variants)
        let made = try draft.made()
        let signer = signer ?? releaser
        let signature = try DetachedSignature(of: made.manifest, keyPEM: signer.key, certificatePEM: signer.certificate, at: now)
        return ReleaseBundle.archive(manifest: made.manifest, signature: signature.bytes, files: made.files)
    }

    /// Writes the files that a bench's config names: `roots.pem` and `keys.pem`.
    package func writeTrust(to folder: String) throws {
        try authority.root.write(toFile: "\(folder)/roots.pem", atomically: true, encoding: .utf8)
        try imageKey.publicKey.pemRepresentation.write(toFile: "\(folder)/keys.pem", atomically: true, encoding: .utf8)
    }
}
