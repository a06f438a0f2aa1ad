internal import CLibUSB
internal import Dispatch
internal import Synchronization

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

/// libusb for one device: a context whose descriptors are watched by ``USBEvents``, and whose events are handled on the device's queue.
///
/// Each device has a context of its own: at every event libusb asks all descriptors of a context, so that with one for all an event of
/// one unit would cost as much as there are units. Sendable: libusb's context is thread-safe and everything else is immutable after `init`.
@safe
final class USBContext: @unchecked Sendable {
    let context: OpaquePointer
    private let queue: DispatchQueue
    private let watch: Watch

    /// `queue` is the device's.
    /// - Throws: ``USBError`` when libusb can't start.
    init(_ events: USBEvents, queue: DispatchQueue) throws(USBError) {
        var context: OpaquePointer?
        try USBError.check(unsafe libusb_init(&context), "libusb_init")
        guard let context = unsafe context else { throw USBError(.io, "libusb_init gave no context") }
        unsafe self.context = context
        self.queue = queue
        let handle = unsafe Handle(context)
        watch = Watch(
            events,
            listener: events.listen(on: queue) {
                var now = timeval()
                unsafe libusb_handle_events_timeout_completed(handle.context, &now, nil)
            })
        watchDescriptors()
    }

    /// The context goes when the last event handler has ended.
    deinit {
        watch.events.stopListening(watch.listener)
        let handle = unsafe Handle(context)
        queue.async { @Sendable [watch] in
            // libusb_exit would call the notifiers; what it closes is watched no more.
            unsafe libusb_set_pollfd_notifiers(handle.context, nil, nil, nil)
            unsafe libusb_exit(handle.context)
            _ = watch
        }
    }

    private func watchDescriptors() {
        let added: libusb_pollfd_added_cb = { descriptor, events, user in unsafe Watch.of(user)?.add(descriptor, events) }
        let removed: libusb_pollfd_removed_cb = { descriptor, user in unsafe Watch.of(user)?.remove(descriptor) }
        unsafe libusb_set_pollfd_notifiers(context, added, removed, Unmanaged.passUnretained(watch).toOpaque())
        guard let list = unsafe libusb_get_pollfds(context) else { return }
        var index = 0
        while let entry = unsafe list[index] {
            unsafe watch.add(entry.pointee.fd, entry.pointee.events)
            index += 1
        }
        unsafe libusb_free_pollfds(list)
    }

    /// What libusb tells of its descriptors.
    private final class Watch: Sendable {
        let events: USBEvents
        let listener: UInt

        init(_ events: USBEvents, listener: UInt) {
            self.events = events
            self.listener = listener
        }

        static func of(_ user: UnsafeMutableRawPointer?) -> Watch? {
            unsafe user.map { unsafe Unmanaged<Watch>.fromOpaque($0).takeUnretainedValue() }
        }

        func add(_ descriptor: CInt, _ wanted: Int16) { events.watch(descriptor, wanted, for: listener) }
        func remove(_ descriptor: CInt) { events.stopWatching(descriptor) }
    }

    /// Carries the context to its queue. Sendable: libusb's context is thread-safe.
    @safe
    private struct Handle: @unchecked Sendable {
        let context: OpaquePointer
        init(_ context: OpaquePointer) { unsafe self.context = context }
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
