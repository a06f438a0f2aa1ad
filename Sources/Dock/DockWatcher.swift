internal import CUdev
internal import Dispatch
public import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

/// Sees, through libudev, what is docked: the devices that our udev rule has tagged.
///
/// A monitor event makes it read anew what the event is about; a timer makes it enumerate everything, in case an event was lost. What it hands
/// out is always all that is docked. Sendable: libudev's objects and what is known are used on `queue` alone.
@safe
public final class DockWatcher: @unchecked Sendable {
    /// The tag that `udev-rules/` puts on every device of ours.
    public static let tag = "reflash"
    /// How often the dock is looked at without an event.
    private static let interval = DispatchTimeInterval.seconds(5)

    /// Each look at the dock. Only the newest unread one is kept: each is whole.
    public let snapshots: AsyncStream<[DockedDevice]>
    private let continuation: AsyncStream<[DockedDevice]>.Continuation
    private let queue = DispatchQueue(label: "dock.udev")
    private let logger: Logger
    private let udev: OpaquePointer
    private let monitor: OpaquePointer
    private let source: any DispatchSourceRead
    private let timer: any DispatchSourceTimer
    /// By syspath; `nil` before the first look.
    private var known: [String: DockedDevice]?

    /// - Throws: ``DockError`` when udev can't be reached.
    public init(logger: Logger) throws(DockError) {
        guard let udev = unsafe udev_new() else { throw DockError(call: "udev_new") }
        guard let monitor = unsafe udev_monitor_new_from_netlink(udev, "udev") else {
            unsafe udev_unref(udev)
            throw DockError(call: "udev_monitor_new_from_netlink")
        }
        unsafe self.udev = udev
        unsafe self.monitor = monitor
        self.logger = logger
        unsafe udev_monitor_filter_add_match_subsystem_devtype(monitor, "usb", "usb_device")
        unsafe udev_monitor_filter_add_match_subsystem_devtype(monitor, "tty", nil)
        unsafe udev_monitor_set_receive_buffer_size(monitor, 1 << 20)
        let enabled = unsafe udev_monitor_enable_receiving(monitor)
        (snapshots, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        source = unsafe DispatchSource.makeReadSource(
            fileDescriptor: udev_monitor_get_fd(monitor), queue: queue)
        timer = DispatchSource.makeTimerSource(queue: queue)
        source.setEventHandler { @Sendable [weak self] in self?.lookAtChanges() }
        timer.setEventHandler { @Sendable [weak self] in self?.lookAtAll() }
        timer.schedule(deadline: .now(), repeating: Self.interval)
        source.activate()
        timer.activate()
        guard enabled >= 0 else { throw DockError(call: "udev_monitor_enable_receiving") }
    }

    deinit {
        source.cancel()
        timer.cancel()
        continuation.finish()
        let handles = unsafe Handles(udev: udev, monitor: monitor)
        // After a handler that may still run.
        queue.async { @Sendable in handles.release() }
    }

    private func lookAtAll() {
        // A look that failed says nothing about the dock.
        guard let devices = enumerate() else { return logger.error("udev can't be asked what is docked") }
        known = devices
        continuation.yield(Array(devices.values))
    }

    /// With 64 units that come at once a look at all of them for each would be thousands.
    private func lookAtChanges() {
        guard let changed = drainMonitor(), var devices = known else { return lookAtAll() }
        for path in changed {
            for each in DockedDevice.concerned(by: path, among: devices.values) { devices[each] = unsafe device(at: each) }
        }
        known = devices
        continuation.yield(Array(devices.values))
    }

    /// Takes every waiting event off the socket: one look serves them all.
    /// - Returns: the syspaths that they are about; `nil` where the socket could not hold them all.
    private func drainMonitor() -> Set<String>? {
        var paths: Set<String> = []
        errno = 0
        while let device = unsafe udev_monitor_receive_device(monitor) {
            let path = unsafe Self.text(udev_device_get_syspath(device))
            logger.trace(
                "udev event",
                metadata: ["action": "\(unsafe Self.text(udev_device_get_action(device)) ?? "?")", "device": "\(path ?? "?")"])
            if let path { paths.insert(path) }
            unsafe udev_device_unref(device)
            errno = 0
        }
        return errno == ENOBUFS ? nil : paths
    }

    private func enumerate() -> [String: DockedDevice]? {
        guard let enumeration = unsafe udev_enumerate_new(udev) else { return nil }
        defer { unsafe udev_enumerate_unref(enumeration) }
        unsafe udev_enumerate_add_match_subsystem(enumeration, "usb")
        unsafe udev_enumerate_add_match_subsystem(enumeration, "tty")
        unsafe udev_enumerate_add_match_tag(enumeration, Self.tag)
        guard unsafe udev_enumerate_scan_devices(enumeration) >= 0 else { return nil }
        var devices: [String: DockedDevice] = [:]
        var entry = unsafe udev_enumerate_get_list_entry(enumeration)
        while let current = unsafe entry {
            if let device = unsafe device(at: udev_list_entry_get_name(current)) { devices[device.syspath] = device }
            unsafe entry = udev_list_entry_get_next(current)
        }
        return devices
    }

    /// The device with this sysfs path; `nil` when it is not ours, neither a USB device nor a tty of one, or went away while it was being read.
    private func device(at syspath: UnsafePointer<CChar>?) -> DockedDevice? {
        guard let device = unsafe udev_device_new_from_syspath(udev, syspath) else { return nil }
        defer { unsafe udev_device_unref(device) }
        // Before udev is through with a device, its node may not be open to us yet.
        guard unsafe udev_device_get_is_initialized(device) > 0, unsafe udev_device_has_tag(device, Self.tag) > 0 else { return nil }
        var properties = unsafe properties(of: device)
        guard let path = unsafe Self.text(udev_device_get_syspath(device)) else { return nil }
        properties["SUBSYSTEM"] = unsafe Self.text(udev_device_get_subsystem(device))
        let parent = unsafe udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device").map {
            unsafe self.properties(of: $0)
        }
        guard DockedDevice.isCurrent(properties, of: parent) else { return nil }
        // What was read together belongs together: an attribute that is read now may be the next device's at this port.
        guard let usb = properties["DEVTYPE"] == "usb_device" ? properties : parent, let number = usb["DEVNUM"].flatMap({ Int($0) }) else {
            return nil
        }
        return DockedDevice(syspath: path, incarnation: "\(number)", found: nil, properties: properties)
    }

    private func properties(of device: OpaquePointer) -> [String: String] {
        var properties: [String: String] = [:]
        var entry = unsafe udev_device_get_properties_list_entry(device)
        while let current = unsafe entry {
            if let name = unsafe Self.text(udev_list_entry_get_name(current)) {
                properties[name] = unsafe Self.text(udev_list_entry_get_value(current)) ?? ""
            }
            unsafe entry = udev_list_entry_get_next(current)
        }
        return properties
    }

    /// Sendable: used once, on the watcher's queue, after its last handler.
    @safe
    private struct Handles: @unchecked Sendable {
        let udev: OpaquePointer
        let monitor: OpaquePointer

        func release() {
            unsafe udev_monitor_unref(monitor)
            unsafe udev_unref(udev)
        }
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: pointer)
    }
}

/// A call to libudev that failed.
public struct DockError: Error, Sendable, CustomStringConvertible {
    /// The function's name.
    public let call: String

    public var description: String {
        "\(call) failed: is udev running (is there a /run/udev/control)?"
    }
}
