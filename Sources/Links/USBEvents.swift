internal import CLibUSB
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Tells libusb's contexts that something has happened to their descriptors: one epoll set and one thread for all devices, however many
/// there are. The thread only waits and tells; what there is to do is done on each device's queue.
///
/// Dispatch's own sources would do, but ask every descriptor several times at each event.
final class USBEvents: Sendable {
    private let loop: Loop

    /// - Throws: ``USBError`` where the system has no descriptors left.
    init() throws(USBError) {
        loop = try Loop()
        DispatchQueue(label: "usb.events").async { @Sendable [loop] in loop.run() }
    }

    deinit { loop.end() }

    /// The number of somebody who is to be told.
    func newListener() -> UInt {
        loop.state.withLock { state in
            state.last += 1
            return state.last
        }
    }

    /// Calls `handler` on `queue` whenever something has happened to one of the descriptors that are watched for `listener`.
    func listen(_ listener: UInt, on queue: DispatchQueue, _ handler: @escaping @Sendable () -> Void) {
        loop.state.withLock { $0.listeners[listener] = Listener(queue: queue, handler: handler) }
    }

    /// The handler is not called any more, save for a call that is in its queue already.
    func stopListening(_ listener: UInt) { loop.state.withLock { $0.listeners[listener] = nil } }

    /// `events` are poll(2)'s.
    /// - Throws: ``USBError`` where the system watches no more (`fs.epoll.max_user_watches`).
    func watch(_ descriptor: CInt, _ events: Int16, for listener: UInt) throws(USBError) {
        try Self.check(reflash_epoll_add(loop.epoll, descriptor, events, listener))
    }

    /// Watches a descriptor that tells the next of its events, and nothing more until ``arm(_:_:for:)`` is called.
    /// - Throws: as ``watch(_:_:for:)`` does.
    func watchOnce(_ descriptor: CInt, _ events: Int16, for listener: UInt) throws(USBError) {
        try Self.check(reflash_epoll_add_once(loop.epoll, descriptor, events, listener))
    }

    private static func check(_ result: CInt) throws(USBError) {
        guard result < 0 else { return }
        throw USBError(.io, "a device can't be watched: epoll_ctl: \(USBError.system(errno))")
    }

    /// The next of `events`, or the one that is there already, is told once.
    func arm(_ descriptor: CInt, _ events: Int16, for listener: UInt) {
        reflash_epoll_arm(loop.epoll, descriptor, events, listener)
    }

    func stopWatching(_ descriptor: CInt) { reflash_epoll_remove(loop.epoll, descriptor) }

    private struct State {
        var listeners: [UInt: Listener] = [:]
        var last: UInt = 0
    }

    private struct Listener {
        let queue: DispatchQueue
        let handler: @Sendable () -> Void
        /// Whether it has been told, and has not begun yet.
        var isTold = false
    }

    /// What the thread works with. It outlives the ``USBEvents`` by as long as the thread takes to end.
    private final class Loop: Sendable {
        let epoll: CInt
        let state = Mutex(State())
        /// Written to when the thread is to end.
        private let ending: CInt

        /// Of ``ending``; no listener has it.
        private static let end: UInt = 0
        private static let most = 64

        init() throws(USBError) {
            epoll = reflash_epoll_create()
            guard epoll >= 0 else { throw USBError(.io, "epoll_create: \(USBError.system(errno))") }
            ending = eventfd(0, CInt(EFD_CLOEXEC))
            guard ending >= 0 else {
                close(epoll)
                throw USBError(.io, "eventfd: \(USBError.system(errno))")
            }
            reflash_epoll_add(epoll, ending, Int16(POLLIN), Self.end)
        }

        func end() { eventfd_write(ending, 1) }

        func run() {
            var owners = [UInt](repeating: 0, count: Self.most)
            while true {
                let count = Int(unsafe reflash_epoll_wait(epoll, &owners))
                for owner in owners.prefix(max(0, count)) {
                    guard owner != Self.end else {
                        close(epoll)
                        close(ending)
                        return
                    }
                    tell(owner)
                }
            }
        }

        func tell(_ owner: UInt) {
            state.withLock { state in
                guard let listener = state.listeners[owner], !listener.isTold else { return }
                state.listeners[owner]?.isTold = true
                listener.queue.async { @Sendable [self] in
                    // Before the handler: what happens while it runs may be after its last look.
                    self.state.withLock { $0.listeners[owner]?.isTold = false }
                    listener.handler()
                }
            }
        }
    }
}
