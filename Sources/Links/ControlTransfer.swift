internal import CLibUSB
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// One control transfer on its way: libusb's transfer, its buffer, and whoever waits for it.
///
/// Sendable: the pointers never change; the buffer is libusb's between submission and completion, ours before and after.
@safe
final class ControlTransfer: @unchecked Sendable {
    private let transfer: UnsafeMutablePointer<libusb_transfer>
    private let buffer: UnsafeMutablePointer<UInt8>
    private let request: ControlRequest
    private let underWay: TransferCount
    private let state = Mutex(State.underWay)
    private let isLate = Atomic(false)

    private enum State {
        case underWay
        case awaited(CheckedContinuation<Result<[UInt8], USBError>, Never>)
        case ended(Result<[UInt8], USBError>)
    }

    /// `underWay` counts the transfer from its submission to its end.
    convenience init(_ request: ControlRequest, out data: [UInt8], _ underWay: TransferCount) {
        self.init(request, length: data.count, underWay)
        for (index, byte) in data.enumerated() { unsafe buffer[Self.setupLength + index] = byte }
    }

    convenience init(_ request: ControlRequest, inLength: Int, _ underWay: TransferCount) {
        self.init(request, length: inLength, underWay)
    }

    /// USB 2.0 §9.3: the set-up packet has 8 bytes.
    private static let setupLength = 8

    private init(_ request: ControlRequest, length: Int, _ underWay: TransferCount) {
        precondition(length <= USBLimits.controlTransfer, "a control transfer carries at most 4,096 bytes")
        guard let transfer = unsafe libusb_alloc_transfer(0) else { preconditionFailure("out of memory") }
        unsafe self.transfer = transfer
        self.request = request
        self.underWay = underWay
        unsafe buffer = .allocate(capacity: Self.setupLength + length)
        unsafe libusb_fill_control_setup(
            buffer, request.type, request.request, request.value, request.index, UInt16(length))
    }

    deinit {
        unsafe libusb_free_transfer(transfer)
        unsafe buffer.deallocate()
    }

    /// Submits the transfer, without a bound in time: ``timeOut()`` has to be called. Called once.
    func submit(_ handle: OpaquePointer) {
        underWay.begin()
        let user = unsafe Unmanaged.passRetained(self).toOpaque()
        unsafe libusb_fill_control_transfer(
            transfer, handle, buffer, controlTransferEnded, user, 0)
        errno = 0
        var result = unsafe libusb_submit_transfer(transfer)
        // libusb calls it an I/O error where usbfs has no memory left for a control transfer.
        if result == LIBUSB_ERROR_IO.rawValue, errno == ENOMEM { result = LIBUSB_ERROR_NO_MEM.rawValue }
        guard result < 0 else { return }
        unsafe Unmanaged<ControlTransfer>.fromOpaque(user).release()
        do throws(USBError) { try USBError.check(result, name) } catch { finish(.failure(error)) }
    }

    /// Returns once the transfer has ended, however it ended. Awaited by one task.
    var result: Result<[UInt8], USBError> {
        get async {
            await withCheckedContinuation { continuation in
                let ended: Result<[UInt8], USBError>? = state.withLock { state in
                    if case .ended(let result) = state { return result }
                    state = .awaited(continuation)
                    return nil
                }
                if let ended { continuation.resume(returning: ended) }
            }
        }
    }

    /// How it ended; `nil` where it is under way.
    var ended: Result<[UInt8], USBError>? {
        state.withLock { if case .ended(let result) = $0 { result } else { nil } }
    }

    /// Ends the transfer, which has had its time.
    func timeOut() {
        // Within the lock: the device of one that has ended may be closed.
        state.withLock { state in
            if case .ended = state { return }
            isLate.store(true, ordering: .releasing)
            cancel()
        }
    }

    /// Asks libusb to end the transfer; one that has ended already is left alone.
    func cancel() {
        unsafe libusb_cancel_transfer(transfer)
    }

    fileprivate func end() { finish(outcome) }

    private func finish(_ result: Result<[UInt8], USBError>) {
        underWay.end()
        let waiting: CheckedContinuation<Result<[UInt8], USBError>, Never>? = state.withLock { state in
            defer { state = .ended(result) }
            if case .awaited(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(returning: result)
    }

    private var outcome: Result<[UInt8], USBError> {
        switch unsafe transfer.pointee.status {
        case LIBUSB_TRANSFER_COMPLETED:
            let data = unsafe UnsafeBufferPointer(
                start: buffer + Self.setupLength, count: Int(transfer.pointee.actual_length))
            return unsafe .success(Array(data))
        case LIBUSB_TRANSFER_STALL: return .failure(USBError(.stall, "\(name): the device answered STALL"))
        case LIBUSB_TRANSFER_NO_DEVICE: return .failure(USBError(.gone, "\(name): the device is gone"))
        case LIBUSB_TRANSFER_CANCELLED where isLate.load(ordering: .acquiring):
            return .failure(USBError(.timeout, "\(name): no answer in time"))
        case LIBUSB_TRANSFER_CANCELLED: return .failure(USBError(.cancelled, "\(name): cancelled"))
        case LIBUSB_TRANSFER_OVERFLOW: return .failure(USBError(.io, "\(name): the device sent more than was asked for"))
        default: return .failure(USBError(.io, "\(name): transfer error"))
        }
    }

    private var name: String {
        "request \(request.request) (type 0x\(String(request.type, radix: 16)), value \(request.value))"
    }
}

/// libusb's callback: hands the transfer back to its owner.
private let controlTransferEnded: libusb_transfer_cb_fn = { transfer in
    guard let user = unsafe transfer?.pointee.user_data else { return }
    unsafe Unmanaged<ControlTransfer>.fromOpaque(user).takeRetainedValue().end()
}
