internal import CLibUSB
internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#endif

/// The USB devices of this host, through libusb.
///
/// Devices are opened by their node, which udev named; libusb never scans the host for devices, so nothing that is not ours is touched.
public struct USBHost: Sendable {
    private let events: USBEvents

    /// - Throws: ``USBError`` when libusb can't start.
    public init() throws(USBError) {
        reflash_libusb_no_discovery()
        events = try USBEvents()
        _ = try USBContext(events, queue: DispatchQueue(pooled: "usb.trial"))
    }

    /// Opens the device behind a node such as `/dev/bus/usb/001/005`.
    ///
    /// Opening asks the kernel, which may ask the device: it runs on a queue of its own.
    /// - Throws: ``USBError``; `access` where the node's mode does not let this user in (yet), `gone` where it went away.
    public func open(node: String) async throws(USBError) -> LibUSBDevice {
        let queue = DispatchQueue(pooled: "usb.\(node)")
        return try await queue.run { [events] () throws(USBError) in
            try LibUSBDevice(context: USBContext(events, queue: queue), node: node, queue: queue)
        }
    }
}

extension USBError {
    /// Throws what a negative libusb return value means.
    static func check(_ result: CInt, _ call: String) throws(USBError) {
        guard result < 0 else { return }
        throw USBError(code(result), "\(call): \(unsafe String(cString: libusb_strerror(result)))")
    }

    static func system(_ number: CInt) -> String { unsafe String(cString: strerror(number)) }

    private static func code(_ result: CInt) -> Code {
        switch libusb_error(rawValue: result) {
        case LIBUSB_ERROR_NO_DEVICE, LIBUSB_ERROR_NOT_FOUND: .gone
        case LIBUSB_ERROR_ACCESS: .access
        case LIBUSB_ERROR_BUSY: .busy
        case LIBUSB_ERROR_TIMEOUT: .timeout
        case LIBUSB_ERROR_PIPE: .stall
        case LIBUSB_ERROR_NO_MEM: .noMemory
        default: .io
        }
    }
}
