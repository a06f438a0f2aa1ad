public import BenchModel

/// One USB device of ours as udev describes it at one moment.
public struct DockedDevice: Hashable, Sendable {
    /// The property ID_PATH: which physical port.
    public let port: PortPath
    /// `/dev/bus/usb/BBB/DDD`. The number in it is new at each enumeration, so it tells one attachment from the next.
    public let node: String
    /// The device's folder in sysfs.
    public let syspath: String
    /// udev's properties of the device.
    public let properties: [String: String]

    public init(port: PortPath, node: String, syspath: String, properties: [String: String]) {
        self.port = port
        self.node = node
        self.syspath = syspath
        self.properties = properties
    }

    /// Which attachment this is.
    public var attachment: Attachment { Attachment(syspath: syspath, node: node) }

    /// Tells one attachment of a device from the next, whatever the events said or failed to say.
    public struct Attachment: Hashable, Sendable {
        let syspath: String
        let node: String
    }
}

/// What changed between two looks at the dock.
public enum DockChange: Hashable, Sendable {
    case appeared(DockedDevice)
    case disappeared(DockedDevice)

    /// The changes that lead from `old` to `new`, departures first, each in the order of ports.
    ///
    /// Events only say that it is time to look; what is true is what is there. So a removal and an addition that were
    /// coalesced, or lost, still show as both.
    public static func changes(from old: [DockedDevice], to new: [DockedDevice]) -> [DockChange] {
        let oldOnes = Set(old.map(\.attachment))
        let newOnes = Set(new.map(\.attachment))
        let byPort: (DockedDevice, DockedDevice) -> Bool = { $0.port.idPath < $1.port.idPath }
        return old.filter { !newOnes.contains($0.attachment) }.sorted(by: byPort).map(DockChange.disappeared)
            + new.filter { !oldOnes.contains($0.attachment) }.sorted(by: byPort).map(DockChange.appeared)
    }
}
