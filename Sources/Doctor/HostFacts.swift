internal import BenchModel
internal import CHost
public import Dock
internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// What the host says of itself, as far as a bench has to do with it. A value: tests make their own.
public struct HostFacts: Sendable {
    /// usbcore's `usbfs_memory_mb`; `nil` where the kernel has no USB, 0 for no limit.
    public var usbfsMemoryMiB: Int?
    /// The host controllers that have a root hub, by udev's name of their place (`pci-0000:00:14.0`).
    public var hostControllers: Set<String> = []
    /// Each docked device of ours by its port (ID_PATH): `power/control` of the USB device.
    public var powerControl: [String: String] = [:]
    /// Each FTDI adapter's latency timer by its tty, milliseconds.
    public var latencyTimers: [String: Int] = [:]
    /// The contents of udev's rule files, by name; the first folder that has a name counts.
    public var rules: [String: String] = [:]
    /// The groups of who asks, by name; `nil` where it is root.
    public var groups: Set<String>?
    /// What is docked at full or low speed, by its port (ID_PATH).
    public var slowPorts: Set<String> = []
    /// Nodes of docked units that who asks may not open.
    public var closedNodes: [String] = []
    /// Nodes of the USB hubs above them, and of the USB devices below their ttys, that who asks may not open.
    public var closedRemedyNodes: [String] = []
    /// Who has the tty of a docked unit open, or a line that is a slot.
    public var ttyHolders: [Holder] = []
    /// The programs that run, by name, with their processes.
    public var programs: [String: [Int]] = [:]
    /// Whether the kernel takes its clock for synchronised.
    public var isClockSynchronised = true
    /// Bytes that are free where the journal is; `nil` where that can't be asked.
    public var freeBytes: Int?
    /// How long writing and syncing a small file takes there, seconds; `nil` where nothing can be written.
    public var syncSeconds: Double?

    /// A program that has a tty open.
    public struct Holder: Hashable, Sendable {
        /// `/dev/ttyACM0`.
        public var tty: String
        /// The program's name.
        public var program: String
        /// The process.
        public var pid: Int

        public init(tty: String, program: String, pid: Int) {
            self.tty = tty
            self.program = program
            self.pid = pid
        }
    }

    public init() {}
}

extension HostFacts {
    /// Where udev looks for rules, the first that has a name wins (udev(7)).
    private static let ruleFolders = ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/lib/udev/rules.d"]

    /// Looks at this host. `journalFolder` is where the journal is; `devices` are those of ours that are docked; `lines` the ttys that are slots
    /// whatever is docked.
    public static func gather(journalFolder: String, devices: [DockedDevice], lines: [String] = []) -> HostFacts {
        var facts = HostFacts()
        facts.usbfsMemoryMiB = USBFSLimit.mebibytes()
        for bus in names("/sys/bus/usb/devices") where bus.hasPrefix("usb") {
            guard let path = resolved("/sys/bus/usb/devices/\(bus)"), let place = controller(of: path) else { continue }
            facts.hostControllers.insert(place)
        }
        for device in devices {
            facts.powerControl[device.port.idPath] = text("\(device.usbFolder)/power/control")
            if device.isSlow { facts.slowPorts.insert(device.port.idPath) }
        }
        facts.closedNodes = closed(devices.map(\.node) + lines)
        facts.closedRemedyNodes = closed(devices.compactMap(\.hubPort?.node) + devices.filter(\.isTTY).compactMap(\.usbNode))
        for tty in names("/sys/bus/usb-serial/devices") {
            facts.latencyTimers["/dev/\(tty)"] = text("/sys/bus/usb-serial/devices/\(tty)/latency_timer").flatMap { Int($0) }
        }
        for folder in ruleFolders.reversed() {
            for name in names(folder) where name.hasSuffix(".rules") {
                facts.rules[name] = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            }
        }
        facts.groups = geteuid() == 0 ? nil : ownGroups()
        (facts.programs, facts.ttyHolders) = processes(holding: devices.filter(\.isTTY).map(\.node) + lines)
        facts.isClockSynchronised = reflash_clock_is_synchronised() != 0
        facts.freeBytes = (try? FileManager.default.attributesOfFileSystem(forPath: journalFolder))?[.systemFreeSize] as? Int
        facts.syncSeconds = syncTime(in: journalFolder)
        return facts
    }

    /// The controller's place as udev's path_id writes it, from the folder of its root hub: the last PCI address on the way.
    static func controller(of path: String) -> String? {
        path.split(separator: "/").last { $0.wholeMatch(of: /[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/) != nil }.map { "pci-\($0)" }
            ?? path.split(separator: "/").last { $0.contains(".") && path.contains("/platform/") }.map { "platform-\($0)" }
    }

    private static func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    private static func text(_ file: String) -> String? {
        (try? String(contentsOfFile: file, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func resolved(_ path: String) -> String? {
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func ownGroups() -> Set<String> {
        var groups = [gid_t](repeating: 0, count: 256)
        let count = unsafe getgroups(CInt(groups.count), &groups)
        let names = (groups.prefix(Int(max(0, count))) + [getegid()]).compactMap { group in
            unsafe getgrgid(group).flatMap { unsafe String(cString: $0.pointee.gr_name) }
        }
        return Set(names)
    }

    /// Those that are there and may not be read and written.
    private static func closed(_ nodes: [String]) -> [String] {
        Set(nodes).filter { unsafe access($0, F_OK) == 0 && access($0, R_OK | W_OK) != 0 }.sorted()
    }

    private static func processes(holding ttys: [String]) -> (programs: [String: [Int]], holders: [Holder]) {
        // A slot's line may be named by a link; what is open is not.
        let names = Dictionary(ttys.map { (resolved($0) ?? $0, $0) }, uniquingKeysWith: { first, _ in first })
        var programs: [String: [Int]] = [:]
        var holders: Set<Holder> = []
        for pid in Self.names("/proc").compactMap({ Int($0) }).sorted() {
            guard let program = text("/proc/\(pid)/comm") else { continue }
            programs[program, default: []].append(pid)
            // Of other users' processes only root sees the open files.
            for file in Self.names("/proc/\(pid)/fd") {
                guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(file)"),
                    let tty = names[target]
                else { continue }
                holders.insert(Holder(tty: tty, program: program, pid: pid))
            }
        }
        return (programs, holders.sorted { ($0.tty, $0.pid) < ($1.tty, $1.pid) })
    }

    /// The median of some small writes, each synced.
    private static func syncTime(in folder: String) -> Double? {
        let path = "\(folder)/.doctor-\(getpid())"
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return nil }
        defer {
            close(file)
            unsafe unlink(path)
        }
        var times: [Duration] = []
        for _ in 0..<15 {
            let began = ContinuousClock.now
            guard unsafe write(file, "0123456789abcdef", 16) == 16, fdatasync(file) == 0 else { return nil }
            times.append(ContinuousClock.now - began)
        }
        let median = times.sorted()[times.count / 2]
        return Double(median.components.seconds) + Double(median.components.attoseconds) / 1e18
    }
}
