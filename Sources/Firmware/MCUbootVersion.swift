public import BenchModel

extension MCUbootImage.Version {
    /// Reads what SMP's image state shows: `1.2.3`, or `1.2.3.4` with a build number.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 || parts.count == 4, let major = UInt8(parts[0]), let minor = UInt8(parts[1]),
            let revision = UInt16(parts[2])
        else { return nil }
        let build = parts.count == 4 ? UInt32(parts[3]) : 0
        guard let build else { return nil }
        self.init(major: major, minor: minor, revision: revision, build: build)
    }

    /// The GBCS version that stands for it: major, minor and revision are its first byte, its second byte and its low half.
    /// The build number has no place there; the image's hash tells builds apart.
    public var firmwareVersion: FirmwareVersion {
        FirmwareVersion(rawValue: UInt32(major) << 24 | UInt32(minor) << 16 | UInt32(revision))
    }

    /// The version that stands for a GBCS version, with build number 0.
    public init(_ version: FirmwareVersion) {
        self.init(
            major: UInt8(version.rawValue >> 24), minor: UInt8(version.rawValue >> 16 & 0xFF),
            revision: UInt16(version.rawValue & 0xFFFF), build: 0)
    }
}
