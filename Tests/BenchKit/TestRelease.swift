public import BenchModel
internal import Firmware

/// Images and targets that are made on the spot.
public enum TestRelease {
    /// A valid image of a version with `bytes` of payload.
    public static func image(_ version: FirmwareVersion, bytes: Int) -> [UInt8] {
        MCUbootImageBuilder(
            version: .init(major: 0, minor: 2, revision: UInt16(version.rawValue & 0xFFFF), build: 0),
            payload: (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        ).build()
    }

    /// A target of one component, for hardware 0100 to 01FF.
    /// - Throws: where `image` is no MCUboot image.
    public static func target(
        _ name: String, _ version: FirmwareVersion, _ image: [UInt8], for variant: Variant, model: String? = nil,
        over: [FirmwareVersion]? = nil, checksOff: Set<PolicyCheck> = []
    ) throws -> Target {
        guard let hash = try MCUbootImage(MemoryBytes(image)).hash else { preconditionFailure("the builder puts a hash in") }
        return Target(
            release: name, manifestHash: SHA256Value.of(Array(name.utf8)), variant: variant, version: version, model: model,
            hardware: HardwareVersion(rawValue: 0x0100)...HardwareVersion(rawValue: 0x01FF), over: over,
            components: [
                TargetComponent(
                    name: "application", hash: SHA256Value.of(image), content: MemoryBytes(image),
                    bootImage: .init(hash: hash, version: version))
            ], checksOff: checksOff)
    }
}

/// The profiles of the simulator's units.
public enum TestProfiles {
    public static func profile4G(_ bounds: SessionBounds) -> DeviceProfile {
        DeviceProfile(
            name: "4g", variant: .fourG, runtime: ["ID_VENDOR_ID": "1209", "ID_MODEL_ID": "4c01"],
            bootloader: ["ID_VENDOR_ID": "1209", "ID_MODEL_ID": "4c02"], version: .string(4), model: .string(5),
            hardwareVersion: .string(6), components: ["application": 0], bounds: bounds)
    }

    public static func profile2G3G(
        _ bounds: SessionBounds, _ settings: SMPSettings, identity: IdentitySource = .serialNumber, hardware: ValueSource = .osInfo("i")
    ) -> DeviceProfile {
        DeviceProfile(
            name: "2g3g", variant: .twoG3G, conversation: .smp(settings), runtime: ["ID_VENDOR_ID": "1209", "ID_MODEL_ID": "2c01"],
            identity: identity, version: .imageState, model: .osInfo("m"), hardwareVersion: hardware, components: ["application": 0],
            bounds: bounds, leastProof: .bootloaderValidated)
    }
}
