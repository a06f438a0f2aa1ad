internal import Firmware

/// A udev monitor message: the header that libudev's socket filter looks at, then `KEY=VALUE` strings
/// (systemd `src/libsystemd/sd-device/device-monitor.c`, `monitor_netlink_header`).
struct UeventMessage {
    /// `UDEV_MONITOR_MAGIC`, in network byte order.
    private static let magic: UInt32 = 0xFEED_CAFE
    private static let headerLength = 40

    var properties: [(key: String, value: String)]
    var subsystem: String
    var devtype: String
    var tags: [String]

    var bytes: [UInt8] {
        let body = properties.flatMap { Array("\($0.key)=\($0.value)\0".utf8) }
        let bloom = tags.reduce(UInt64(0)) { $0 | Self.bloom($1) }
        var bytes = Array("libudev".utf8) + [0]
        bytes.appendBigEndian(Self.magic)
        bytes.appendLittleEndian(UInt32(Self.headerLength))
        bytes.appendLittleEndian(UInt32(Self.headerLength))
        bytes.appendLittleEndian(UInt32(body.count))
        bytes.appendBigEndian(Self.murmur(subsystem))
        bytes.appendBigEndian(Self.murmur(devtype))
        bytes.appendBigEndian(UInt32(bloom >> 32))
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: bloom))
        return bytes + body
    }

    /// `string_bloom64`: four bits chosen by a 32-bit hash.
    private static func bloom(_ text: String) -> UInt64 {
        let hash = murmur(text)
        return [0, 6, 12, 18].reduce(UInt64(0)) { $0 | 1 << UInt64(hash >> UInt32($1) & 63) }
    }

    /// MurmurHash2 with seed 0.
    static func murmur(_ text: String) -> UInt32 {
        let multiplier: UInt32 = 0x5BD1_E995
        let bytes = Array(text.utf8)
        var hash = UInt32(bytes.count)
        var offset = 0
        while bytes.count - offset >= 4 {
            var word = UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
            word |= UInt32(bytes[offset + 3]) << 24
            word &*= multiplier
            word ^= word >> 24
            hash = hash &* multiplier ^ word &* multiplier
            offset += 4
        }
        let rest = bytes[offset...]
        if !rest.isEmpty {
            for (index, byte) in rest.enumerated() { hash ^= UInt32(byte) << (8 * UInt32(index)) }
            hash &*= multiplier
        }
        hash ^= hash >> 13
        hash &*= multiplier
        return hash ^ hash >> 15
    }
}
