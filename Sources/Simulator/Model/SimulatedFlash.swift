internal import BenchModel
internal import Firmware

#if canImport(Glibc)
    internal import Glibc
#endif

/// One partition of a unit's flash: what was written into it, then 0xFF to its end. Where a file stands behind it, every
/// write goes there at once, so that the file holds what the flash holds even when the simulator is killed.
struct SimulatedFlash: Sendable {
    private(set) var content: [UInt8] = []
    /// Bytes.
    private let capacity: Int
    private let file: String?

    /// Takes up what the file holds, if there is one.
    init(capacity: Int = 4 << 20, file: String?) {
        self.capacity = capacity
        self.file = file
        if let file, let mapped = try? MappedFile(file) { content = mapped.bytes(0..<mapped.count) }
    }

    mutating func erase() {
        content = []
        if let file { unsafe truncate(file, 0) }
    }

    /// - Returns: `false` where the partition is full.
    mutating func append(_ bytes: [UInt8]) -> Bool {
        guard content.count + bytes.count <= capacity else { return false }
        let offset = content.count
        content += bytes
        persist(offset..<content.count)
        return true
    }

    mutating func replace(with bytes: [UInt8]) {
        erase()
        _ = append(bytes)
    }

    mutating func flipBit(at offset: Int) {
        guard content.indices.contains(offset) else { return }
        content[offset] ^= 0x01
        persist(offset..<offset + 1)
    }

    /// The bytes from `offset` on, at most `count`, as reading the flash gives them.
    func read(from offset: Int, count: Int) -> [UInt8] {
        guard offset < capacity else { return [] }
        let end = min(offset + count, capacity)
        let written = offset < content.count ? Array(content[offset..<min(end, content.count)]) : []
        return written + [UInt8](repeating: 0xFF, count: end - offset - written.count)
    }

    private func persist(_ range: Range<Int>) {
        guard let file else { return }
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        let bytes = content[range]
        _ = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(range.lowerBound)) }
        close(descriptor)
    }
}

/// The firmware that simulated units left the factory with.
enum FactoryFirmware {
    /// An MCUboot image of this version.
    static func image(_ version: FirmwareVersion) -> [UInt8] {
        let payload = (0..<32_768).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(version.rawValue)) }
        return MCUbootImageBuilder(version: MCUbootImage.Version(version), payload: payload).build()
    }
}
