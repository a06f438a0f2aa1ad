internal import BenchModel

/// Makes an MCUboot image with a SHA-256 TLV and no signature: what a simulated unit left the factory with, and what tests are made of.
public struct MCUbootImageBuilder: Sendable {
    /// `ih_ver`.
    public var version: MCUbootImage.Version
    /// What the image carries.
    public var payload: [UInt8]
    /// `ih_flags`.
    public var flags: UInt32 = 0
    /// Type and value of each protected TLV.
    public var protectedTLVs: [(type: UInt16, value: [UInt8])] = []

    public init(version: MCUbootImage.Version, payload: [UInt8]) {
        self.version = version
        self.payload = payload
    }

    /// The whole image.
    public func build() -> [UInt8] {
        let protectedArea = protectedTLVs.isEmpty ? [] : Self.area(MCUbootImage.protectedMagic, protectedTLVs)
        var image: [UInt8] = []
        image.appendLittleEndian(MCUbootImage.magic)
        image.appendLittleEndian(UInt32(0))
        image.appendLittleEndian(UInt16(MCUbootImage.headerLength))
        image.appendLittleEndian(UInt16(protectedArea.count))
        image.appendLittleEndian(UInt32(payload.count))
        image.appendLittleEndian(flags)
        image += [version.major, version.minor]
        image.appendLittleEndian(version.revision)
        image.appendLittleEndian(version.build)
        image.appendLittleEndian(UInt32(0))
        image += payload
        image += protectedArea
        let hash = SHA256Value.of(image)
        return image + Self.area(MCUbootImage.tlvMagic, [(type: 0x10, value: hash.bytes)])
    }

    private static func area(_ magic: UInt16, _ entries: [(type: UInt16, value: [UInt8])]) -> [UInt8] {
        var area: [UInt8] = []
        area.appendLittleEndian(magic)
        area.appendLittleEndian(UInt16(4 + entries.reduce(0) { $0 + 4 + $1.value.count }))
        for entry in entries {
            area.appendLittleEndian(entry.type)
            area.appendLittleEndian(UInt16(entry.value.count))
            area += entry.value
        }
        return area
    }
}
