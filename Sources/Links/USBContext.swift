internal import CLibUSB
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// libusb for one device: a context whose descriptors are watched by ``USBEvents``, and whose events are handled on the device's queue, or by who
/// has just submitted something.
///
/// Each device has a context of its own: at every event libusb asks all descriptors of a context, so that with one for all an event of
/// one unit would cost as much as there are units. Sendable: libusb's context is thread-safe and everything else is behind a lock or never changes.
@safe
final class USBContext: @unchecked Sendable {
    let context: OpaquePointer
    /// Transfers that are submitted and have not ended.
    let underWay = TransferCount()
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
        watch = unsafe Watch(events, context, underWay)
        events.listen(watch.listener, on: queue) { [watch] in watch.handleEvents() }
        watchDescriptors()
        try expectWatched()
    }

    /// - Throws: ``USBError`` where one of the descriptors can't be watched: its device would be heard only when transfers have timed out.
    func expectWatched() throws(USBError) {
        if let failure = watch.failure.withLock({ $0 }) { throw failure }
    }

    /// The context goes when the last event handler has ended.
    deinit {
        watch.events.stopListening(watch.listener)
        queue.async { @Sendable [watch] in watch.exit() }
    }

    /// Looks for transfers that have ended, when some have been submitted: a unit that answers at once is heard without its node being watched,
    /// which costs a wake-up for each of its answers. What is still under way is watched for.
    ///
    /// On the caller's lane, and not at once: a lane that never waits would never give its thread to another.
    func look() async {
        await Task.yield()
        watch.handleEvents()
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

    /// What libusb tells of its descriptors, and what is done when something has happened to them. Sendable: libusb's context is thread-safe.
    @safe
    private final class Watch: @unchecked Sendable {
        let events: USBEvents
        let listener: UInt
        private let context: OpaquePointer
        private let underWay: TransferCount
        /// Why a descriptor is not watched.
        let failure = Mutex<USBError?>(nil)
        /// The device's node, and what is waited for there.
        private let node = Mutex<(descriptor: CInt, wanted: Int16)?>(nil)

        init(_ events: USBEvents, _ context: OpaquePointer, _ underWay: TransferCount) {
            self.events = events
            unsafe self.context = context
            self.underWay = underWay
            listener = events.newListener()
        }

        static func of(_ user: UnsafeMutableRawPointer?) -> Watch? {
            unsafe user.map { unsafe Unmanaged<Watch>.fromOpaque($0).takeUnretainedValue() }
        }

        func add(_ descriptor: CInt, _ wanted: Int16) {
            do throws(USBError) {
                // libusb writes to nothing but usbfs: its own descriptors are read.
                guard wanted & Int16(POLLOUT) != 0 else { return try events.watch(descriptor, wanted, for: listener) }
                node.withLock { $0 = (descriptor, wanted) }
                try events.watchOnce(descriptor, wanted, for: listener)
            } catch {
                failure.withLock { $0 = error }
            }
        }

        func remove(_ descriptor: CInt) {
            node.withLock { if $0?.descriptor == descriptor { $0 = nil } }
            events.stopWatching(descriptor)
        }

        func handleEvents() {
            var now = timeval()
            // What it could not do now is there at the next event still, and at a transfer's time-out at the latest.
            unsafe libusb_handle_events_timeout_completed(context, &now, nil)
            guard underWay.isAny else { return }
            // Within the lock: once the node is closed its number may be another device's.
            node.withLock { node in
                if let node { events.arm(node.descriptor, node.wanted, for: listener) }
            }
        }

        func exit() {
            // libusb_exit would call the notifiers; what it closes is watched no more.
            unsafe libusb_set_pollfd_notifiers(context, nil, nil, nil)
            unsafe libusb_exit(context)
        }
    }
}

/// How many transfers are under way.
final class TransferCount: Sendable {
    private let count = Atomic(0)

    var isAny: Bool { count.load(ordering: .acquiring) > 0 }
    func begin() { count.add(1, ordering: .acquiringAndReleasing) }
    func end() { count.subtract(1, ordering: .acquiringAndReleasing) }
}
