internal import CFuse
internal import Dispatch
internal import Foundation
internal import Links

/// A stream socket whose bytes are handed on as they come, on one queue. While the peer does not take what was sent, nothing more is read
/// of it: what waits here stays within what one message may bring.
///
/// Sendable: everything that changes is used on `queue` alone.
final class PeerSocket: @unchecked Sendable {
    let queue: DispatchQueue
    private let descriptor: CInt
    private let handlers: Handlers
    private var watch: DescriptorWatch?
    private var outbox: ArraySlice<UInt8> = []
    private var isClosed = false
    private var closesWhenSent = false

    private static let portion = 65_536

    /// Who is told, on the queue. Sendable: set and used there alone, but for the first, which is set before anything can happen.
    private final class Handlers: @unchecked Sendable {
        weak var socket: PeerSocket?
        var received: (@Sendable ([UInt8]) -> Void)?
        var ended: (@Sendable () -> Void)?
    }

    /// Takes over the descriptor of a connected socket.
    init(_ descriptor: CInt, name: String) {
        self.descriptor = descriptor
        queue = DispatchQueue(label: "usbip.\(name)")
        let handlers = Handlers()
        self.handlers = handlers
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        watch = DescriptorWatch(descriptor, queue: queue) {
            Foundation.close(descriptor)
        } handler: { isReadable, isWritable in
            if isWritable { handlers.socket?.flush() }
            if isReadable { handlers.socket?.take() }
        }
        handlers.socket = self
    }

    /// Begins to read, or goes on with another reader. What they hold is kept until the socket ends, of which each reader is told once: at once
    /// where it has ended already. On the queue.
    func read(_ received: @escaping @Sendable ([UInt8]) -> Void, ended: @escaping @Sendable () -> Void) {
        guard !isClosed else { return ended() }
        handlers.received = received
        handlers.ended = ended
        watch?.wantRead()
    }

    /// On the queue.
    func send(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        outbox += bytes
        flush()
    }

    /// Ends the connection when what was sent has left. On the queue.
    func close() {
        closesWhenSent = true
        flush()
    }

    /// Notices now, and not when its turn comes, whether the peer has ended the connection. On the queue.
    func lookForEnd() {
        while take() {}
    }

    private func flush() {
        guard !isClosed else { return }
        while !outbox.isEmpty {
            let count = unsafe outbox.withUnsafeBytes { unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count >= 0 else {
                if errno == EAGAIN { watch?.wantWrite() } else { end() }
                return
            }
            outbox = outbox.dropFirst(count)
        }
        if closesWhenSent { end() } else { watch?.wantRead() }
    }

    /// - Returns: whether there may be more.
    @discardableResult private func take() -> Bool {
        guard !isClosed, outbox.isEmpty else { return false }
        var bytes = [UInt8](repeating: 0, count: Self.portion)
        let count = unsafe Foundation.read(descriptor, &bytes, bytes.count)
        guard count > 0 else {
            if count < 0, errno == EAGAIN { watch?.wantRead() } else { end() }
            return false
        }
        handlers.received?(Array(bytes.prefix(count)))
        if outbox.isEmpty, !isClosed { watch?.wantRead() }
        return true
    }

    private func end() {
        guard !isClosed else { return }
        isClosed = true
        watch?.cancel()
        let ended = handlers.ended
        (handlers.received, handlers.ended) = (nil, nil)
        ended?()
    }
}
