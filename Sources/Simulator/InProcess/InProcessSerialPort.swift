internal import BenchModel
internal import Links
internal import Synchronization

/// One open serial line of an ``InProcessBus``: the unit's line with memory at the host's end.
final class InProcessSerialPort: SerialPort, LineEnd {
    private let line: UnitLine
    private let device: BusDevice
    private let state = Mutex(State())

    private struct State {
        var toUnit: ArraySlice<UInt8> = []
        var toHost: [UInt8] = []
        var reader: (id: Int, continuation: CheckedContinuation<Result<[UInt8], SerialError>, Never>)?
        var lastReader = 0
        var isClosed = false
    }

    /// As much as a tty's driver keeps, bytes.
    private static let room = 65_536

    private let queue: any DockQueue

    init(_ line: UnitLine, device: BusDevice, time: any DockTime) {
        self.line = line
        self.device = device
        queue = time.queue("port")
        line.connect(self)
    }

    // MARK: The bench's side

    /// As a tty has it.
    let capacity = 4096

    func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError) {
        guard !Task.isCancelled else { throw SerialError(.cancelled, "cancelled") }
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.toUnit += bytes
            return true
        }
        guard isTaken, !device.isGone else { throw SerialError(.gone, "\(device.node): the device is gone") }
        line.wake()
    }

    func read(timeout: Duration) async throws(SerialError) -> [UInt8] {
        let id = state.withLock { state in
            state.lastReader += 1
            return state.lastReader
        }
        let timer = queue.timer { [weak self] in self?.end(id, .success([])) }
        defer { timer.cancel() }
        let result: Result<[UInt8], SerialError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Result<[UInt8], SerialError>? = state.withLock { state in
                    if !state.toHost.isEmpty {
                        defer { state.toHost = [] }
                        return .success(state.toHost)
                    }
                    if state.isClosed { return .failure(SerialError(.gone, "\(device.node): the device is gone")) }
                    if Task.isCancelled { return .failure(SerialError(.cancelled, "cancelled")) }
                    state.reader = (id, continuation)
                    return nil
                }
                // Only now: it must not go off before there is somebody to wake.
                if let now { continuation.resume(returning: now) } else { timer.set(after: timeout) }
            }
        } onCancel: {
            end(id, .failure(SerialError(.cancelled, "cancelled")))
        }
        return try result.get()
    }

    func close() async { hangUp() }

    /// The device has left, or the bench has closed the port.
    func hangUp() {
        let reader = state.withLock { state in
            state.isClosed = true
            return state.reader.take()
        }
        reader?.continuation.resume(returning: .failure(SerialError(.gone, "\(device.node): the device is gone")))
    }

    private func end(_ id: Int, _ result: Result<[UInt8], SerialError>) {
        let reader = state.withLock { $0.reader?.id == id ? $0.reader.take() : nil }
        reader?.continuation.resume(returning: result)
    }

    // MARK: The unit's side

    func take(_ limit: Int) -> [UInt8] {
        state.withLock { state in
            guard !state.isClosed else { return [] }
            let bytes = Array(state.toUnit.prefix(limit))
            state.toUnit = state.toUnit.dropFirst(bytes.count)
            return bytes
        }
    }

    func give(_ bytes: [UInt8]) {
        let reader = state.withLock { state in
            guard !state.isClosed, state.toHost.count + bytes.count <= Self.room else {
                return nil as (id: Int, continuation: CheckedContinuation<Result<[UInt8], SerialError>, Never>)?
            }
            if state.reader == nil { state.toHost += bytes }
            return state.reader.take()
        }
        reader?.continuation.resume(returning: .success(bytes))
    }

    var baud: Int? { nil }
}
