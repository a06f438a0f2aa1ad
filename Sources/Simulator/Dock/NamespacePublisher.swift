internal import CFuse
internal import Foundation
internal import Synchronization

/// Publishes the dock inside the private namespace: sysfs files, udev's database, and udev's messages to whoever listens.
final class NamespacePublisher: DockPublisher {
    private let sysfs = SysfsTree(files: PrivateFiles())
    private let database = UdevDatabase(files: PrivateFiles())
    private let socket: CInt
    private let sequence = Mutex(1000)
    private let announcements = Mutex<[String: [Announcement]]>([:])
    /// What is said about each USB hub, by its path in sysfs.
    private let hubs = Mutex<[String: [Announcement]]>([:])
    private let terminals = Mutex<[String: PseudoTerminal]>([:])

    /// What is said about a device, or its tty, with every event.
    private struct Announcement {
        let subsystem: String
        let devtype: String
        let properties: [(key: String, value: String)]
        let tags: [String]
    }

    /// - Throws: ``SimulatorError`` when the tree can't be written or the socket not be opened.
    init() throws(SimulatorError) {
        socket = try SystemCall.check("socket(NETLINK_KOBJECT_UEVENT)", hubsim_open_uevent_socket())
        try sysfs.prepare()
        try database.prepare()
    }

    func appeared(_ device: BusDevice) {
        report { () throws(SimulatorError) in
            try addTerminal(of: device)
            try sysfs.add(device)
            try database.add(device)
            // As they are now: a unit that leaves may have changed its mode before.
            let all = [announcement(of: device), ttyAnnouncement(of: device)].compactMap { $0 }
            announcements.withLock { $0[device.node] = all }
            for announcement in all {
                try send("add", announcement)
                // udev answers the kernel's later `bind` event with one of its own.
                if announcement.subsystem == "usb" { try send("bind", announcement) }
            }
            if device.seat == nil { hubs.withLock { $0[SysfsTree.path(of: device.position)] = all } }
            try hubsSpeak(above: device)
        }
    }

    /// USB hubs tell of themselves too, whenever somebody triggers udev anew: that says nothing of what hangs on them.
    private func hubsSpeak(above device: BusDevice) throws(SimulatorError) {
        let path = SysfsTree.path(of: device.position)
        let above = hubs.withLock { hubs in hubs.filter { path.hasPrefix($0.key + "/") }.flatMap(\.value) }
        for announcement in above { try send("change", announcement) }
    }

    func left(_ device: BusDevice) {
        report { () throws(SimulatorError) in
            // Gone first, told after: who looks because of the message must not find it any more.
            removeTerminal(of: device)
            database.remove(device)
            sysfs.remove(device)
            for announcement in (announcements.withLock { $0.removeValue(forKey: device.node) } ?? []).reversed() {
                if announcement.subsystem == "usb" { try send("unbind", announcement) }
                try send("remove", announcement)
            }
        }
    }

    /// A pty for the unit's line, bound to the tty's name.
    private func addTerminal(of device: BusDevice) throws(SimulatorError) {
        guard let node = device.ttyNode, let line = device.line else { return }
        let terminal = try PseudoTerminal(line)
        try PrivateFiles().write("", to: node)
        try SystemCall.check("bind \(node)", unsafe hubsim_bind(terminal.slave, node))
        terminals.withLock { $0[node] = terminal }
    }

    private func removeTerminal(of device: BusDevice) {
        guard let node = device.ttyNode, let terminal = terminals.withLock({ $0.removeValue(forKey: node) }) else { return }
        terminal.remove()
        _ = unsafe hubsim_unmount(node)
        PrivateFiles().remove(node)
    }

    private func ttyAnnouncement(of device: BusDevice) -> Announcement? {
        guard let path = SysfsTree.ttyPath(of: device), let node = device.ttyNode else { return nil }
        let properties: [(key: String, value: String)] =
            [
                ("DEVPATH", path), ("SUBSYSTEM", "tty"), ("MAJOR", "\(SysfsTree.ttyMajor)"), ("MINOR", "\(device.ttyNumber ?? 0)"),
                ("DEVNAME", node), ("USEC_INITIALIZED", "\(Int(ProcessInfo.processInfo.systemUptime * 1_000_000))"),
            ] + database.ttyProperties(of: device) + Self.tags
        return Announcement(subsystem: "tty", devtype: "", properties: properties, tags: [UdevDatabase.tag])
    }

    private static let tags: [(key: String, value: String)] = [
        ("TAGS", ":\(UdevDatabase.tag):"), ("CURRENT_TAGS", ":\(UdevDatabase.tag):"),
    ]

    private func announcement(of device: BusDevice) -> Announcement {
        let isOurs = database.isOurs(device)
        var properties: [(key: String, value: String)] = [
            ("DEVPATH", SysfsTree.path(of: device.position)), ("SUBSYSTEM", "usb"),
        ]
        for line in sysfs.uevent(of: device).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 {
                let value = parts[0] == "DEVNAME" ? "/dev/\(parts[1])" : String(parts[1])
                properties.append((String(parts[0]), value))
            }
        }
        properties.append(("USEC_INITIALIZED", "\(Int(ProcessInfo.processInfo.systemUptime * 1_000_000))"))
        properties += database.properties(of: device)
        if isOurs { properties += Self.tags }
        return Announcement(
            subsystem: "usb", devtype: "usb_device", properties: properties, tags: isOurs ? [UdevDatabase.tag] : [])
    }

    private func send(_ action: String, _ announcement: Announcement) throws(SimulatorError) {
        let number = sequence.withLock { sequence in
            sequence += 1
            return sequence
        }
        let message = UeventMessage(
            properties: [("ACTION", action), ("SEQNUM", "\(number)")] + announcement.properties,
            subsystem: announcement.subsystem, devtype: announcement.devtype, tags: announcement.tags)
        let bytes = message.bytes
        let result = unsafe bytes.withUnsafeBytes { unsafe hubsim_send_uevent(socket, $0.baseAddress, $0.count) }
        try SystemCall.check("sendto(NETLINK_KOBJECT_UEVENT)", result)
    }

    /// A dock that can't show what happens is of no use, but it must not die in the middle of it either: it says so.
    private func report(_ body: () throws(SimulatorError) -> Void) {
        do throws(SimulatorError) { try body() } catch {
            FileHandle.standardError.write(Data("hubsim: \(error)\n".utf8))
        }
    }
}

/// Results of the C wrappers in `CFuse`: a value, or -errno.
enum SystemCall {
    @discardableResult
    static func check(_ call: String, _ result: CInt) throws(SimulatorError) -> CInt {
        guard result < 0 else { return result }
        throw SimulatorError("\(call): \(unsafe String(cString: strerror(-result)))")
    }
}
