internal import CSerial
public import Dispatch

#if canImport(Glibc)
    internal import Glibc
#endif

/// Tells when a descriptor that can be hung up, a tty's or a socket's, can be read or written.
///
/// Dispatch's own sources on such a descriptor crash its event loop when a hang-up comes while they are being cancelled; so the
/// descriptor lies in an epoll set of its own, which is never hung up, and Dispatch watches that. Sendable: everything is used on
/// the one queue.
public final class DescriptorWatch: @unchecked Sendable {
    private let descriptor: CInt
    private let epoll: CInt
    private let source: (any DispatchSourceRead)?
    private let closing: @Sendable () -> Void
    private var isReadWanted = false
    private var isWriteWanted = false
    private var isCancelled = false

    /// Whether nothing is ever told: there was no descriptor left to watch with.
    public var isDeaf: Bool { source == nil }

    /// `handler` is called on `queue`, once for each time that something was wanted. `closing` is called there after
    /// ``cancel()``, when nothing uses the descriptor any more.
    public init(
        _ descriptor: CInt, queue: DispatchQueue, closing: @escaping @Sendable () -> Void,
        handler: @escaping @Sendable (_ isReadable: Bool, _ isWritable: Bool) -> Void
    ) {
        self.descriptor = descriptor
        let epoll = reflash_watch_create(descriptor)
        self.epoll = epoll
        self.closing = closing
        guard epoll >= 0 else {
            // Out of descriptors.
            source = nil
            return
        }
        let source = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: queue)
        self.source = source
        source.setCancelHandler { @Sendable in
            Glibc.close(epoll)
            closing()
        }
        source.setEventHandler { @Sendable [weak self] in
            let happened = reflash_watch_take(epoll)
            guard happened != 0, let self, !isCancelled else { return }
            let (isReadable, isWritable) = (happened & 1 != 0 && isReadWanted, happened & 2 != 0 && isWriteWanted)
            if isReadable { isReadWanted = false }
            if isWritable { isWriteWanted = false }
            if isReadWanted || isWriteWanted { arm() }
            handler(isReadable, isWritable)
        }
        source.activate()
    }

    deinit { if !isCancelled { source?.cancel() } }

    /// Asks to be told once when the descriptor can be read. On the queue.
    public func wantRead() {
        guard !isReadWanted, !isCancelled else { return }
        isReadWanted = true
        arm()
    }

    /// Asks to be told once when the descriptor can be written. On the queue.
    public func wantWrite() {
        guard !isWriteWanted, !isCancelled else { return }
        isWriteWanted = true
        arm()
    }

    /// Nothing is told any more. On the queue.
    public func cancel() {
        guard !isCancelled else { return }
        isCancelled = true
        if let source { source.cancel() } else { closing() }
    }

    private func arm() { _ = reflash_watch_arm(epoll, descriptor, isReadWanted ? 1 : 0, isWriteWanted ? 1 : 0) }
}
