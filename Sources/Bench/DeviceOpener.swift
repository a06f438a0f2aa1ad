public import BenchModel
public import Dock
public import Links

/// Opens the devices of docked units. The seam below which the simulator's in-process links go.
public protocol DeviceOpener: Sendable {
    /// - Throws: ``USBError``; `access` or `gone` may pass by themselves just after plug-in.
    func open(_ device: DockedDevice) async throws(USBError) -> any USBDevice

    /// Opens the USB hub that a device is plugged into, for requests to its endpoint 0 alone, and says at which of its ports; `nil` where
    /// there is none.
    /// - Throws: ``USBError``; `access` where this user may not open it.
    func openHub(above device: DockedDevice) async throws(USBError) -> (hub: any USBDevice, port: UInt8)?

    /// Opens the USB device that a tty hangs on, for a reset of its port alone; `nil` where the line hangs on none.
    /// - Throws: ``USBError``; `access` where this user may not open it.
    func openUSB(below tty: DockedDevice) async throws(USBError) -> (any USBDevice)?

    /// Opens a tty, or connects to a serial device server.
    /// - Throws: ``SerialError``; `access`, `busy` and `gone` may pass by themselves just after plug-in.
    func openLine(_ device: DockedDevice, _ settings: LineSettings, timeout: Duration) async throws(SerialError) -> any SerialPort
}

/// The links of this host: libusb's devices, ttys and TCP connections.
public struct HostLinks: DeviceOpener {
    private let usb: USBHost
    private let serial = SerialHost()

    /// - Throws: ``USBError`` when libusb can't start.
    public init() throws(USBError) { usb = try USBHost() }

    public func open(_ device: DockedDevice) async throws(USBError) -> any USBDevice {
        // Before, so that another unit's is not touched; and after, for what came between.
        guard device.isAttached else { throw USBError(.gone, Self.isOthers(device)) }
        let opened = try await usb.open(node: device.node)
        guard device.isAttached else {
            await opened.close()
            throw USBError(.gone, Self.isOthers(device))
        }
        return opened
    }

    public func openHub(above device: DockedDevice) async throws(USBError) -> (hub: any USBDevice, port: UInt8)? {
        guard let (node, port) = device.hubPort else { return nil }
        let hub = try await usb.open(node: node)
        // The node's name may have been another device's by then.
        guard let again = device.hubPort, again == (node, port) else {
            await hub.close()
            throw USBError(.gone, "\(node): the USB hub has left")
        }
        return (hub, port)
    }

    public func openUSB(below tty: DockedDevice) async throws(USBError) -> (any USBDevice)? {
        guard let node = tty.usbNode else { return nil }
        guard tty.isAttached else { throw USBError(.gone, Self.isOthers(tty)) }
        let opened = try await usb.open(node: node)
        guard tty.isAttached else {
            await opened.close()
            throw USBError(.gone, Self.isOthers(tty))
        }
        return opened
    }

    public func openLine(
        _ device: DockedDevice, _ settings: LineSettings, timeout: Duration
    ) async throws(SerialError) -> any SerialPort {
        guard let address = SerialAddress(device.node) else {
            throw SerialError(.settings, "'\(device.node)' is neither a tty nor tcp://HOST:PORT")
        }
        guard device.isAttached else { throw SerialError(.gone, Self.isOthers(device)) }
        let port = try await serial.open(address, settings, timeout: timeout)
        guard device.isAttached else {
            await port.close()
            throw SerialError(.gone, Self.isOthers(device))
        }
        return port
    }

    private static func isOthers(_ device: DockedDevice) -> String { "\(device.node): the unit has left; the name may be another one's" }
}
