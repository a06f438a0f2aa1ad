import BenchModel
import Crypto
import Firmware

/// Images made here, small and whole.
enum ImageFixtures {
    static func mcuboot(payload count: Int = 5000, version: MCUbootImage.Version = .init(major: 0, minor: 2, revision: 303, build: 0))
        -> [UInt8]
    {
        MCUbootImageBuilder(version: version, payload: (0..<count).map { UInt8(truncatingIfNeeded: $0) }).build()
    }

    static let key = P256.Signing.PrivateKey()

    static func ota(_ manufacturerImage: [UInt8] = mcuboot()) throws -> [UInt8] {
        try OTAImageBuilder(
            manufacturerCode: 0xAB01, imageType: 0x0001, fileVersion: FirmwareVersion(rawValue: 0x0002_012F),
            hardware: HardwareVersion(rawValue: 0x0100)...HardwareVersion(rawValue: 0x01FF), headerString: "Test"
        ).build(manufacturerImage: manufacturerImage) { Array(try key.signature(for: $0).rawRepresentation) }
    }
}
