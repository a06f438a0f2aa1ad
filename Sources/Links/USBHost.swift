internal import CLibUSB
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// libusb, driven by Dispatch: one context whose descriptors lie in one epoll set, which one read source watches.
///
/// Devices are opened by their node, which udev named; libusb never scans the host for devices, so nothing that is not
/// ours is touched. Sendable: libusb's context is thread-safe and everything else is immutable after `init`.
@safe
public final class USBHost: @unchecked Sendable {
    let context: OpaquePointer
    private let epoll: CInt
    private let source: any DispatchSourceRead

    /// - Throws: ``USBError`` when libusb can't start.
    public init() throws(USBError) {
        reflash_libusb_no_discovery()
        var context: OpaquePointer?
        try USBError.check(unsafe libusb_init(&context), "libusb_init")
        guard let context = unsafe context else { throw USBError(.io, "libusb_init gave no context") }
        let epoll = reflash_epoll_create()
        guard epoll >= 0 else {
            unsafe libusb_exit(context)
            throw USBError(.io, "epoll_create: \(USBError.system(errno))")
        }
        unsafe self.context = context
        self.epoll = epoll
        source = DispatchSource.makeReadSource(
            fileDescriptor: epoll, queue: DispatchQueue(pooled: "usb.events"))
        watchDescriptors()
        let handle = unsafe Handle(context)
        source.setEventHandler { @Sendable in
            var now = timeval()
            unsafe libusb_handle_events_timeout_completed(handle.context, &now, nil)
        }
        source.setCancelHandler { @Sendable in
            // libusb_exit would call the notifiers, whose epoll set is going.
            unsafe libusb_set_pollfd_notifiers(handle.context, nil, nil, nil)
            unsafe libusb_exit(handle.context)
            close(epoll)
        }
        source.activate()
    }

    /// The context goes when the last event handler has ended.
    deinit { source.cancel() }

    /// Opens the device behind a node such as `/dev/bus/usb/001/005`.
    ///
    /// Opening asks the kernel, which may ask the device: it runs on a queue of its own.
    /// - Throws: ``USBError``; `access` where the node's mode does not let this user in (yet), `gone` where it went away.
    public func open(node: String) async throws(USBError) -> LibUSBDevice {
        let queue = DispatchQueue(pooled: "usb.\(node)")
        return try await queue.run { () throws(USBError) in try LibUSBDevice(host: self, node: node, queue: queue) }
    }

    private func watchDescriptors() {
        let added: libusb_pollfd_added_cb = { descriptor, events, user in
            reflash_epoll_add(CInt(Int(bitPattern: user)), descriptor, events)
        }
        let removed: libusb_pollfd_removed_cb = { descriptor, user in
            reflash_epoll_remove(CInt(Int(bitPattern: user)), descriptor)
        }
        let user = unsafe UnsafeMutableRawPointer(bitPattern: Int(epoll))
        unsafe libusb_set_pollfd_notifiers(context, added, removed, user)
        guard let list = unsafe libusb_get_pollfds(context) else { return }
        var index = 0
        while let entry = unsafe list[index] {
            unsafe reflash_epoll_add(epoll, entry.pointee.fd, entry.pointee.events)
            index += 1
        }
        unsafe libusb_free_pollfds(list)
    }

    /// Carries the context into the event handler. Sendable: libusb's context is thread-safe.
    @safe
    private struct Handle: @unchecked Sendable {
        let context: OpaquePointer
        init(_ context: OpaquePointer) { unsafe self.context = context }
    }
}

extension DispatchQueue {
    /// Runs `body`, which may block in the kernel, on this queue and waits for it without holding a thread.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(USBError) -> Value
    ) async throws(USBError) -> Value {
        let result: Result<Value, USBError> = await withCheckedContinuation { continuation in
            async { @Sendable in
                do throws(USBError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
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
