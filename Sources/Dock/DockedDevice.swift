public import BenchModel
internal import Foundation

/// One device of ours as udev describes it at one moment: a USB device, or the tty of one.
public struct DockedDevice: Hashable, Sendable {
    /// Which physical port: the property ID_PATH, a tty's without its configuration and interface.
    public let port: PortPath
    /// The USB interface that a tty belongs to; `nil` for a USB device as a whole.
    public let interface: UInt8?
    /// `/dev/bus/usb/BBB/DDD`, whose number is new at each enumeration, or a tty's `/dev/ttyACM0`, which is not.
    public let node: String
    /// The device's folder in sysfs.
    public let syspath: String
    /// The number of the USB device on its bus, new at each enumeration.
    public let incarnation: String
    /// Tells two attachments under the same number apart; `nil` where nothing does. udev's USEC_INITIALIZED does not: it was seen to change
    /// while a device stayed.
    public let found: String?
    /// udev's properties of the device.
    public let properties: [String: String]

    public init(
        port: PortPath, interface: UInt8? = nil, node: String, syspath: String, incarnation: String = "", found: String? = nil,
        properties: [String: String]
    ) {
        self.port = port
        self.interface = interface
        self.node = node
        self.syspath = syspath
        self.incarnation = incarnation
        self.found = found
        self.properties = properties
    }

    /// As udev's properties describe it; `nil` for a device that is at no port or has no node.
    public init?(syspath: String, incarnation: String, found: String?, properties: [String: String]) {
        guard let path = properties["ID_PATH"], let node = properties["DEVNAME"] else { return nil }
        switch properties["SUBSYSTEM"] {
        case "usb" where properties["DEVTYPE"] == "usb_device":
            self.init(
                port: PortPath(path), node: node, syspath: syspath, incarnation: incarnation, found: found, properties: properties)
        case "tty":
            // `…-usb-0:1.2:1.0`: the port, then configuration and interface.
            guard let colon = path.lastIndex(of: ":"), path[..<colon].contains("-usb-"),
                let interface = path[path.index(after: colon)...].split(separator: ".").last.flatMap({ UInt8($0) })
            else { return nil }
            self.init(
                port: PortPath(String(path[..<colon])), interface: interface, node: node, syspath: syspath, incarnation: incarnation,
                found: found, properties: properties)
        default:
            return nil
        }
    }

    /// Whether udev's properties of a tty are its own. They are kept under the tty's number, which the kernel gives anew at once: until udev has
    /// looked at a new tty it tells of the one before, which may have been at another port. What is true was found after the USB device that
    /// the tty hangs on (`parent`); udev takes the two in this order. Any other device's properties are its own.
    public static func isCurrent(_ properties: [String: String], of parent: [String: String]?) -> Bool {
        guard properties["SUBSYSTEM"] == "tty", let parent else { return true }
        func found(_ properties: [String: String]) -> UInt64? { properties["USEC_INITIALIZED"].flatMap { UInt64($0) } }
        guard let own = found(properties), let before = found(parent) else { return false }
        return own >= before
    }

    /// The folders in sysfs of what an event of the device at `path` is about: itself, and its ttys, whose truth hangs on it. What is plugged
    /// into a USB hub has events of its own: read anew for each of the hub's, 64 units that come at once would be read thousands of times.
    static func concerned(by path: String, among devices: some Sequence<DockedDevice>) -> [String] {
        devices.filter { $0.isTTY && $0.usbFolder == path }.map(\.syspath) + [path]
    }

    /// Whether this attachment is there at this moment, by what the kernel says: udev may be behind by seconds, and meanwhile the node's name
    /// may be another unit's. Asked after the node was opened it says whose node that was, for the kernel gives a name to nobody else
    /// while its device is there. A line that is always there has no attachments.
    public var isAttached: Bool {
        // Such a line is in no folder of sysfs: its path is its node.
        guard syspath != node else { return true }
        guard FileManager.default.fileExists(atPath: syspath) else { return false }
        return Self.attribute("devnum", of: usbFolder) == incarnation
    }

    /// Whether it hangs on a USB host controller of this host.
    public var isOnUSB: Bool { port.idPath.contains("-usb-") }

    /// Whether it is at full or low speed, behind a transaction translator; a device that says nothing of its speed is not.
    public var isSlow: Bool {
        // sysfs-bus-usb: Mbit/s.
        guard isOnUSB, let speed = Self.attribute("speed", of: usbFolder) else { return false }
        return speed == "12" || speed == "1.5"
    }

    /// The node of the USB hub that it is plugged into, and the port's number there; `nil` where sysfs does not say.
    public var hubPort: (node: String, port: UInt8)? {
        let folder = usbFolder
        guard let slash = folder.lastIndex(of: "/") else { return nil }
        // `1-1.4` is port 4 of `1-1`, and `1-4` is port 4 of `usb1`.
        let name = folder[folder.index(after: slash)...]
        guard let port = name.split(whereSeparator: { ".-".contains($0) }).last.flatMap({ UInt8($0) }) else { return nil }
        return Self.usbNode(of: String(folder[..<slash])).map { ($0, port) }
    }

    /// The node of the USB device that this is, or that the tty hangs on; `nil` where sysfs does not say.
    public var usbNode: String? { Self.usbNode(of: usbFolder) }

    private static func usbNode(of folder: String) -> String? {
        guard let bus = attribute("busnum", of: folder).flatMap({ Int($0) }),
            let number = attribute("devnum", of: folder).flatMap({ Int($0) })
        else { return nil }
        return "/dev/bus/usb/\(padded(bus))/\(padded(number))"
    }

    private static func padded(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 3 - text.count)) + text
    }

    /// The USB device's folder in sysfs: this one, or the one above the tty's. By the path's text, so that it is the same once the device has
    /// left: the next folder that is still there then is its USB hub's.
    public var usbFolder: String {
        let parts = syspath.split(separator: "/", omittingEmptySubsequences: false)
        // `1-1.4/1-1.4:1.0`: an interface is named after its device.
        let device = parts.indices.dropFirst().first { index in
            parts[index].split(separator: ":").first == parts[index - 1] && parts[index].contains(":")
        }
        return device.map { parts[..<$0].joined(separator: "/") } ?? syspath
    }

    private static func attribute(_ name: String, of folder: String) -> String? {
        (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Whether it is a serial line rather than a USB device.
    public var isTTY: Bool { interface != nil }

    /// Which attachment this is.
    public var attachment: Attachment {
        Attachment(syspath: syspath, node: node, incarnation: incarnation, found: found)
    }

    /// Tells one attachment of a device from the next, whatever the events said or failed to say.
    public struct Attachment: Hashable, Sendable {
        let syspath: String
        let node: String
        let incarnation: String
        /// The kernel gives 127 numbers in turn, and a full bench may use them up within seconds.
        let found: String?
    }
}

/// What changed between two looks at the dock.
public enum DockChange: Hashable, Sendable {
    case appeared(DockedDevice)
    case disappeared(DockedDevice)

    /// What has come or gone.
    public var device: DockedDevice {
        switch self {
        case .appeared(let device), .disappeared(let device): device
        }
    }

    /// For the log.
    public var word: String {
        switch self {
        case .appeared: "docked"
        case .disappeared: "gone"
        }
    }

    /// The changes that lead from `old` to `new`, departures first, each in the order of ports.
    ///
    /// Events only say that it is time to look; what is true is what is there. So a removal and an addition that were
    /// coalesced, or lost, still show as both.
    public static func changes(from old: some Collection<DockedDevice>, to new: some Collection<DockedDevice>) -> [DockChange] {
        let oldOnes = Set(old.map(\.attachment))
        let newOnes = Set(new.map(\.attachment))
        let byPort: (DockedDevice, DockedDevice) -> Bool = { $0.port.idPath < $1.port.idPath }
        return old.filter { !newOnes.contains($0.attachment) }.sorted(by: byPort).map(DockChange.disappeared)
            + new.filter { !oldOnes.contains($0.attachment) }.sorted(by: byPort).map(DockChange.appeared)
    }

    /// Two looks at the dock without what both begin with and what both end with: where one device comes, goes or says something else of itself,
    /// that is hardly more than it, however many are docked. Correct for looks in any order; small for those in the same.
    public static func differing(
        _ old: [DockedDevice], _ new: [DockedDevice]
    ) -> (old: ArraySlice<DockedDevice>, new: ArraySlice<DockedDevice>) {
        let start = zip(old, new).prefix { $0 == $1 }.count
        let (old, new) = (old[start...], new[start...])
        let end = zip(old.reversed(), new.reversed()).prefix { $0 == $1 }.count
        return (old.dropLast(end), new.dropLast(end))
    }
}
