internal import BenchModel
internal import CFuse
internal import Dispatch
internal import Foundation
internal import Links
internal import Synchronization

/// A slot behind a serial device server: a TCP port that stays, whatever is plugged in behind it.
///
/// One connection at a time, the newest. Sendable: what changes is behind `state`.
final class TCPSlot: Sendable {
    let slot: SlotID
    let port: UInt16
    private let listener: SourceHandle
    private let state = Mutex(State())

    private struct State {
        var line: UnitLine?
        var connection: TCPConnection?
    }

    /// Listens on the loopback interface.
    /// - Throws: ``SimulatorError`` where the port is taken.
    init(_ slot: SlotID, port: UInt16) throws(SimulatorError) {
        self.slot = slot
        self.port = port
        let descriptor = try TCPListener.open("127.0.0.1", port)
        listener = SourceHandle(DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: DispatchQueue(label: "tcp.\(port)")))
        listener.source.setEventHandler { @Sendable [weak self] in self?.accept(descriptor) }
        listener.source.setCancelHandler { @Sendable in close(descriptor) }
        listener.source.activate()
    }

    deinit { listener.source.cancel() }

    /// A unit is plugged in, or pulled out. What the server's connection carries then goes nowhere.
    func attach(_ line: UnitLine?) {
        let connection = state.withLock { state in
            state.line = line
            return state.connection
        }
        connection?.line.withLock { $0 = line }
        line?.connect(connection)
    }

    private func accept(_ descriptor: CInt) {
        guard let socket = TCPListener.accept(descriptor) else { return }
        let connection = TCPConnection(socket)
        let (line, old) = state.withLock { state in
            defer { state.connection = connection }
            return (state.line, state.connection)
        }
        old?.close()
        connection.line.withLock { $0 = line }
        line?.connect(connection)
        connection.wake()
    }
}

/// Sendable: a Dispatch source may be used from any thread; the protocol does not say so.
struct SourceHandle: @unchecked Sendable {
    let source: any DispatchSourceRead
    init(_ source: any DispatchSourceRead) { self.source = source }
}

/// A connection to a slot's TCP port, as the host's end of a line. Sendable: what changes is used on `queue` alone.
final class TCPConnection: LineEnd, @unchecked Sendable {
    let line = Mutex<UnitLine?>(nil)
    private let socket: CInt
    private let queue: DispatchQueue
    private var watch: DescriptorWatch?
    private var isClosed = false

    init(_ socket: CInt) {
        self.socket = socket
        queue = DispatchQueue(label: "tcp.connection.\(socket)")
        let me = Weak()
        watch = DescriptorWatch(socket, queue: queue) {
            Foundation.close(socket)
        } handler: { _, _ in
            me.connection?.hasBytes()
        }
        me.connection = self
        wake()
    }

    /// What the handler knows of the connection. Sendable: set before the handler can run.
    private final class Weak: @unchecked Sendable {
        weak var connection: TCPConnection?
    }

    deinit {
        let watch = watch
        queue.async { @Sendable in watch?.cancel() }
    }

    private func hasBytes() {
        guard !isClosed else { return }
        guard let line = line.withLock({ $0 }) else { return discard() }
        line.wake()
    }

    /// Nothing is plugged in: the bytes leave the server on a wire that ends nowhere.
    private func discard() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(socket, &bytes, bytes.count)
        if count == 0 || (count < 0 && errno != EAGAIN) { end() } else { watch?.wantRead() }
    }

    func wake() { queue.async { @Sendable [self] in watch?.wantRead() } }

    /// On `queue`.
    private func end() {
        guard !isClosed else { return }
        isClosed = true
        watch?.cancel()
    }

    func close() { queue.async { @Sendable [self] in end() } }

    func take(_ limit: Int) -> [UInt8] {
        queue.sync {
            guard !isClosed else { return [] }
            var bytes = [UInt8](repeating: 0, count: limit)
            let count = unsafe read(socket, &bytes, limit)
            if count == 0 || (count < 0 && errno != EAGAIN) {
                end()
            } else if count < limit {
                watch?.wantRead()
            }
            return Array(bytes.prefix(max(0, count)))
        }
    }

    func give(_ bytes: [UInt8]) {
        queue.sync {
            guard !isClosed else { return }
            _ = unsafe bytes.withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
    }

    var baud: Int? { nil }
}
