internal import CFuse
internal import Foundation
internal import Synchronization

/// Publishes the dock inside the private namespace: sysfs files, udev's database, and udev's messages to whoever listens.
final class NamespacePublisher: DockPublisher {
    private let sysfs = SysfsTree(files: PrivateFiles())
    private let database = UdevDatabase(files: PrivateFiles())
    private let socket: CInt
    private let sequence = Mutex(1000)
    private let announcements = Mutex<[String: Announcement]>([:])

    /// What is said about a device with every event.
    private struct Announcement {
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
            try sysfs.add(device)
            try database.add(device)
            // As they are now: a unit that leaves may have changed its mode before.
            let announcement = announcement(of: device)
            announcements.withLock { $0[device.node] = announcement }
            // udev answers the kernel's later `bind` event with one of its own.
            try send("add", announcement)
            try send("bind", announcement)
        }
    }

    func left(_ device: BusDevice) {
        report { () throws(SimulatorError) in
            // Gone first, told after: who looks because of the message must not find it any more.
            database.remove(device)
            sysfs.remove(device)
            guard let announcement = announcements.withLock({ $0.removeValue(forKey: device.node) }) else { return }
            try send("unbind", announcement)
            try send("remove", announcement)
        }
    }

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
        if isOurs { properties += [("TAGS", ":\(UdevDatabase.tag):"), ("CURRENT_TAGS", ":\(UdevDatabase.tag):")] }
        return Announcement(properties: properties, tags: isOurs ? [UdevDatabase.tag] : [])
    }

    private func send(_ action: String, _ announcement: Announcement) throws(SimulatorError) {
        let number = sequence.withLock { sequence in
            sequence += 1
            return sequence
        }
        let message = UeventMessage(
            properties: [("ACTION", action), ("SEQNUM", "\(number)")] + announcement.properties, subsystem: "usb",
            devtype: "usb_device", tags: announcement.tags)
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
