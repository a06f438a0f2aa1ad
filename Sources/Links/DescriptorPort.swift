internal import BenchModel
internal import CSerial
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A serial line behind a file descriptor, a tty's or a socket's, driven by Dispatch: no thread waits for it.
///
/// Sendable: the timer and the descriptor are used on `queue` alone; what tasks share is behind `state`.
@safe
public final class DescriptorPort: SerialPort, @unchecked Sendable {
    /// What is kept of what nobody has read, bytes; beyond it the line itself is made to wait.
    static let inboxLimit = 65_536

    private let name: String
    private let descriptor: CInt
    private let queue: DispatchQueue
    private let watch: DescriptorWatch
    private let timer: any DispatchSourceTimer
    private let state = Mutex(State())
    private let closure = Closure()

    /// Tells when the descriptor is closed, and with it the line is free for others.
    private final class Closure: Sendable {
        private let state = Mutex<(isClosed: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

        func happened() {
            let waiting = state.withLock { state in
                state.isClosed = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for one in waiting { one.resume() }
        }

        func wait() async {
            await withCheckedContinuation { continuation in
                let isClosed = state.withLock { state in
                    if !state.isClosed { state.waiting.append(continuation) }
                    return state.isClosed
                }
                if isClosed { continuation.resume() }
            }
        }
    }

    private struct State {
        var inbox: [UInt8] = []
        var reader: (id: Int, continuation: CheckedContinuation<Result<[UInt8], SerialError>, Never>)?
        var writer: (id: Int, continuation: CheckedContinuation<SerialError?, Never>)?
        var outbox: ArraySlice<UInt8> = []
        var lastWait = 0
        var end: SerialError?
    }

    /// Used on `queue` alone.
    private var isCancelled = false

    /// Linux keeps so much for a tty (`N_TTY_BUF_SIZE`; a page for a USB-serial adapter); a pty that is given more wakes its
    /// reader's side for each byte. A TCP connection sees to that itself.
    public let capacity: Int

    /// Takes over `descriptor`, which is open, not blocking and set up.
    init(_ descriptor: CInt, name: String, isTTY: Bool) {
        self.descriptor = descriptor
        self.name = name
        capacity = isTTY ? 4096 : .max
        queue = DispatchQueue(pooled: "serial.\(name)")
        timer = DispatchSource.makeTimerSource(queue: queue)
        let me = Weak()
        watch = DescriptorWatch(descriptor, queue: queue) { [closure] in
            if isTTY {
                _ = reflash_serial_discard_output(descriptor)
                _ = reflash_serial_exclude(descriptor, 0)
            }
            Glibc.close(descriptor)
            closure.happened()
        } handler: { isReadable, isWritable in
            if isReadable { me.port?.takeIn() }
            if isWritable { me.port?.putOut() }
        }
        timer.setEventHandler { @Sendable in me.port?.expireReader() }
        timer.activate()
        me.port = self
        if watch.isDeaf { state.withLock { $0.end = SerialError(.noMemory, "\(name): no descriptor is left to watch it with") } }
        queue.async { @Sendable [watch] in watch.wantRead() }
    }

    /// What the handlers know of the port. Sendable: set before the first of them can run.
    private final class Weak: @unchecked Sendable {
        weak var port: DescriptorPort?
    }

    deinit {
        timer.cancel()
        let watch = watch
        queue.async { @Sendable in watch.cancel() }
    }

    // MARK: Reading

    public func read(timeout: Duration) async throws(SerialError) -> [UInt8] {
        let id = nextWait()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Result<[UInt8], SerialError>? = state.withLock { state in
                    if !state.inbox.isEmpty {
                        defer { state.inbox = [] }
                        return .success(state.inbox)
                    }
                    if let end = state.end { return .failure(end) }
                    if Task.isCancelled { return .failure(SerialError(.cancelled, "cancelled")) }
                    state.reader = (id, continuation)
                    return nil
                }
                if let now { return continuation.resume(returning: now) }
                timer.schedule(deadline: .now() + timeout.dispatchInterval)
            }
        } onCancel: {
            endReader(id, with: .failure(SerialError(.cancelled, "cancelled")))
        }
        // The line may have been made to wait.
        queue.async { @Sendable [weak self] in self?.resumeReading() }
        return try result.get()
    }

    private func takeIn() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        guard count > 0 else {
            let error = errno
            if count < 0, error == EAGAIN || error == EINTR { return watch.wantRead() }
            let cause = count == 0 ? "hung up" : USBError.system(error)
            return end(SerialError(.gone, "\(name): \(cause)"))
        }
        buffer.removeLast(buffer.count - count)
        let (reader, isFull) = state.withLock { state in
            if state.reader == nil { state.inbox += buffer }
            return (state.reader.take(), state.inbox.count >= Self.inboxLimit)
        }
        reader?.continuation.resume(returning: .success(buffer))
        if !isFull { watch.wantRead() }
    }

    private func resumeReading() {
        if state.withLock({ $0.inbox.count < Self.inboxLimit }) { watch.wantRead() }
    }

    private func expireReader() {
        let reader = state.withLock { $0.reader.take() }
        reader?.continuation.resume(returning: .success([]))
    }

    private func endReader(_ id: Int, with result: Result<[UInt8], SerialError>) {
        let reader = state.withLock { $0.reader?.id == id ? $0.reader.take() : nil }
        reader?.continuation.resume(returning: result)
    }

    // MARK: Writing

    public func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError) {
        let id = nextWait()
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<SerialError?, Never>) in
                let now: SerialError?? = state.withLock { state in
                    if let end = state.end { return end }
                    if Task.isCancelled { return SerialError(.cancelled, "cancelled") }
                    guard !bytes.isEmpty else { return .some(nil) }
                    state.outbox = bytes[...]
                    state.writer = (id, continuation)
                    return nil
                }
                if let now { return continuation.resume(returning: now) }
                queue.async { @Sendable [self] in
                    putOut()
                    if state.withLock({ $0.writer?.id == id }) { bound(id, timeout) }
                }
            }
        } onCancel: {
            endWriter(id, with: SerialError(.cancelled, "cancelled"))
        }
        if let error { throw error }
    }

    private func bound(_ id: Int, _ timeout: Duration) {
        queue.asyncAfter(deadline: .now() + timeout.dispatchInterval) { @Sendable [weak self] in
            guard let self else { return }
            endWriter(id, with: SerialError(.timeout, "\(name): the line did not take the bytes within \(timeout.seconds) s"))
        }
    }

    private func putOut() {
        guard !isCancelled else { return }
        let chunk = state.withLock { $0.outbox }
        if chunk.isEmpty { return }
        let count = unsafe chunk.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
            let error = errno
            if error == EAGAIN || error == EINTR { return watch.wantWrite() }
            return end(SerialError(.gone, "\(name): \(USBError.system(error))"))
        }
        let writer = state.withLock { state in
            state.outbox = state.outbox.dropFirst(count)
            return state.outbox.isEmpty ? state.writer.take() : nil
        }
        writer?.continuation.resume(returning: nil)
        if count < chunk.count { watch.wantWrite() }
    }

    private func endWriter(_ id: Int, with error: SerialError) {
        let writer = state.withLock { state in
            guard state.writer?.id == id else { return nil as (id: Int, continuation: CheckedContinuation<SerialError?, Never>)? }
            state.outbox = []
            return state.writer.take()
        }
        writer?.continuation.resume(returning: error)
    }

    private func nextWait() -> Int {
        state.withLock { state in
            state.lastWait += 1
            return state.lastWait
        }
    }

    // MARK: The end

    /// Returns when the line is free for others.
    public func close() async {
        queue.async { @Sendable [self] in end(SerialError(.gone, "\(name): closed")) }
        await closure.wait()
    }

    /// On `queue`.
    private func end(_ error: SerialError) {
        let (reader, writer) = state.withLock { state in
            if state.end == nil { state.end = error }
            state.outbox = []
            return (state.reader.take(), state.writer.take())
        }
        reader?.continuation.resume(returning: .failure(error))
        writer?.continuation.resume(returning: error)
        guard !isCancelled else { return }
        isCancelled = true
        timer.cancel()
        watch.cancel()
    }
}

extension Duration {
    /// For Dispatch, at least a nanosecond and at most a day.
    var dispatchInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        return .nanoseconds(max(1, Int(min(seconds, 86_400)) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)))
    }
}
