internal import BenchModel
internal import CLibUSB
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A USB device opened through libusb.
///
/// Transfers are asynchronous; what blocks in the kernel (claiming, selecting, resetting, closing) runs on a queue of this
/// device's own, so that a dead unit holds up nobody else. Sendable: the handle is used by libusb, which is thread-safe,
/// and is closed once, on `queue`, after the last transfer has ended.
@safe
public final class LibUSBDevice: USBDevice, @unchecked Sendable {
    /// What the device said of itself when it was opened.
    public let descriptors: USBDescriptors
    /// Kept alive for as long as the device is.
    private let context: USBContext
    private let handle: OpaquePointer
    private let descriptor: CInt
    private let queue: DispatchQueue
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var claimed: Set<UInt8> = []
        var pending: [ObjectIdentifier: ControlTransfer] = [:]
        var idle: CheckedContinuation<Void, Never>?
    }

    init(context: USBContext, node: String, queue: DispatchQueue) throws(USBError) {
        let descriptor = unsafe Glibc.open(node, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.openError(node, errno) }
        do throws(USBError) {
            descriptors = try USBDescriptors(Self.readAll(descriptor))
            var handle: OpaquePointer?
            try USBError.check(
                unsafe libusb_wrap_sys_device(context.context, Int(descriptor), &handle), "open \(node)")
            guard let handle = unsafe handle else { throw USBError(.io, "open \(node): libusb gave no handle") }
            do throws(USBError) { try context.expectWatched() } catch {
                unsafe libusb_close(handle)
                throw error
            }
            unsafe self.handle = handle
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.context = context
        self.descriptor = descriptor
        self.queue = queue
    }

    deinit {
        if !state.withLock({ $0.isClosed }) { closeHandle() }
    }

    public func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) {
        _ = try await run([ControlTransfer(request, out: data, context.underWay)], timeout: timeout)[0].get()
    }

    public func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>) {
        let results = await run(
            [ControlTransfer(request, out: data, context.underWay), ControlTransfer(question, inLength: length, context.underWay)],
            timeout: timeout)
        return (results[0].map { _ in }, results[1])
    }

    public func controlIn(
        _ request: ControlRequest, length: Int, timeout: Duration
    ) async throws(USBError) -> [UInt8] {
        try await run([ControlTransfer(request, inLength: length, context.underWay)], timeout: timeout)[0].get()
    }

    public func controlIn(
        _ requests: [ControlRequest], length: Int, timeout: Duration
    ) async -> [Result<[UInt8], USBError>] {
        await run(requests.map { ControlTransfer($0, inLength: length, context.underWay) }, timeout: timeout)
    }

    public func claim(interface: UInt8) async throws(USBError) {
        try await blocking { [self] () throws(USBError) in
            try USBError.check(
                unsafe libusb_set_auto_detach_kernel_driver(handle, 1), "libusb_set_auto_detach_kernel_driver")
            try USBError.check(
                unsafe libusb_claim_interface(handle, CInt(interface)), "claim interface \(interface)")
            state.withLock { _ = $0.claimed.insert(interface) }
        }
    }

    public func select(alternate: UInt8, of interface: UInt8) async throws(USBError) {
        try await blocking { [self] () throws(USBError) in
            try USBError.check(
                unsafe libusb_set_interface_alt_setting(handle, CInt(interface), CInt(alternate)),
                "select alternate \(alternate) of interface \(interface)")
        }
    }

    public func reset() async throws(USBError) {
        try await blocking { [self] () throws(USBError) in
            let result = unsafe libusb_reset_device(handle)
            let isGone = [LIBUSB_ERROR_NOT_FOUND, LIBUSB_ERROR_NO_DEVICE].contains { $0.rawValue == result }
            if !isGone { try USBError.check(result, "reset") }
        }
    }

    public func close() async {
        let pending: [ControlTransfer]? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            return Array(state.pending.values)
        }
        guard let pending else { return }
        for transfer in pending { transfer.cancel() }
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.pending.isEmpty { return true }
                state.idle = continuation
                return false
            }
            if isIdle { continuation.resume() }
        }
        _ = try? await queue.run { [self] () throws(USBError) in closeHandle() }
    }

    /// Runs what blocks on the device's queue, as long as the handle is libusb's: it is closed on that very queue.
    private func blocking(_ body: @escaping @Sendable () throws(USBError) -> Void) async throws(USBError) {
        try await queue.run { [self] () throws(USBError) in
            guard !state.withLock({ $0.isClosed }) else { throw Self.isClosed }
            try body()
        }
    }

    private static let isClosed = USBError(.gone, "the device is closed")

    private func closeHandle() {
        for interface in state.withLock({ $0.claimed }) {
            unsafe libusb_release_interface(handle, CInt(interface))
        }
        unsafe libusb_close(handle)
        Glibc.close(descriptor)
    }

    /// Queues transfers on endpoint 0, one behind the other, and waits until all have ended.
    private func run(_ transfers: [ControlTransfer], timeout: Duration) async -> [Result<[UInt8], USBError>] {
        guard !Task.isCancelled else { return transfers.map { _ in .failure(USBError(.cancelled, "cancelled")) } }
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            for transfer in transfers { state.pending[ObjectIdentifier(transfer)] = transfer }
            return true
        }
        guard isOpen else { return transfers.map { _ in .failure(Self.isClosed) } }
        defer {
            let idle = state.withLock { state in
                for transfer in transfers { state.pending[ObjectIdentifier(transfer)] = nil }
                guard state.pending.isEmpty else { return nil as CheckedContinuation<Void, Never>? }
                return state.idle.take()
            }
            idle?.resume()
        }
        for transfer in transfers { unsafe transfer.submit(handle) }
        await context.look()
        let ended = transfers.compactMap(\.ended)
        guard ended.count < transfers.count else { return ended }
        // On the device's queue, for it may block.
        let bound = Countdown(timeout) { [queue] in queue.async { for transfer in transfers { transfer.timeOut() } } }
        defer { bound.cancel() }
        return await withTaskCancellationHandler {
            // The last ends last: whoever waits is woken once.
            var results: [Result<[UInt8], USBError>] = []
            for transfer in transfers.reversed() { results.append(await transfer.result) }
            return results.reversed()
        } onCancel: {
            for transfer in transfers { transfer.cancel() }
        }
    }

    /// Device and configuration descriptors, as usbfs gives them.
    private static func readAll(_ descriptor: CInt) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            count = max(0, unsafe pread(descriptor, buffer.baseAddress, buffer.count, 0))
        }
    }

    private static func openError(_ node: String, _ number: CInt) -> USBError {
        let code: USBError.Code =
            switch number {
            case EACCES, EPERM: .access
            case ENODEV, ENOENT, ENXIO: .gone
            case EMFILE, ENFILE, ENOMEM: .noMemory
            default: .io
            }
        return USBError(code, "open \(node): \(USBError.system(number))")
    }
}
