public import BenchModel
public import Links

/// The host's side of a DFU conversation with one device in DFU mode, as linear code over control transfers.
///
/// It waits bwPollTimeout only where the device says that it is busy, and every wait has a bound. The question after each block is queued
/// behind the block itself, so that a device which is done at once costs one round trip and not two.
public struct DFUClient: Sendable {
    /// The open device.
    public let device: any USBDevice
    /// Its DFU interface.
    public let interface: DFUInterface
    /// Bytes in a block: wTransferSize, within what a control transfer carries.
    public let blockSize: Int
    private let clock: any BenchClock
    /// The bound of one request, and of a block's programming where the device does not ask for more.
    private let requestBound: Duration
    /// By how much a device may exceed the bounds with what it asks for, in one transfer: bwPollTimeout's 24 bits go up to four and a half hours.
    public static let longestPoll = Duration.seconds(60)

    /// Claims the device's DFU interface.
    /// - Throws: ``DFUError`` when it has none in DFU mode or it can't be claimed.
    public init(_ device: any USBDevice, clock: any BenchClock, requestBound: Duration) async throws(DFUError) {
        let interface = try DFUInterface(in: device.descriptors)
        guard interface.mode == .dfu else { throw .unsupported("the device is in run-time mode") }
        self.device = device
        self.interface = interface
        self.clock = clock
        self.requestBound = requestBound
        blockSize = min(interface.functional.transferSize, USBLimits.controlTransfer)
        do throws(USBError) {
            try await device.claim(interface: interface.number)
        } catch {
            throw .usb(error, request: .getStatus)
        }
    }

    /// Chooses the place that is written or read from here on, and brings the device to dfuIDLE.
    public func select(alternate: UInt8) async throws(DFUError) {
        guard interface.alternates.contains(alternate) else {
            throw .unsupported("the device has no alternate setting \(alternate)")
        }
        do throws(USBError) {
            try await device.select(alternate: alternate, of: interface.number)
        } catch {
            throw .usb(error, request: .getStatus)
        }
        try await toIdle()
    }

    /// Brings the device to dfuIDLE from whatever state it is in (DFU 1.1 appendix A).
    public func toIdle() async throws(DFUError) {
        let deadline = clock.now + requestBound
        var patience = Patience(bound: requestBound)
        var ordersLeft = 4
        while true {
            let status = try await getStatus()
            switch status.state {
            case .dfuIDLE:
                return
            case .dfuDNBUSY, .dfuMANIFEST, .dfuMANIFESTSYNC:
                guard clock.now < deadline else { throw .stillBusy(status.state, after: requestBound) }
                try await pause(status, &patience)
            case .appIDLE, .appDETACH, .dfuMANIFESTWAITRESET:
                throw .unexpectedState(status.state, during: "the return to dfuIDLE")
            case .dfuERROR, .dfuDNLOADSYNC, .dfuDNLOADIDLE, .dfuUPLOADIDLE:
                guard ordersLeft > 0 else { throw .unexpectedState(status.state, during: "the return to dfuIDLE") }
                ordersLeft -= 1
                try await request(status.state == .dfuERROR ? .clrStatus : .abort)
            }
        }
    }

    /// Sends all of `content` in blocks; `progress` hears the bytes that the device has taken. `queueing`: whether the question after a block
    /// may be queued behind it.
    public func download(
        _ content: any ComponentContent, queueing: Bool = true, progress: (Int) -> Void
    ) async throws(DFUError) {
        var offset = 0
        var block: UInt16 = 0
        var data: [UInt8] = []
        data.reserveCapacity(blockSize)
        var takesQueue = queueing
        var patience = Patience(bound: requestBound)
        while offset < content.count {
            let end = min(offset + blockSize, content.count)
            data.removeAll(keepingCapacity: true)
            content.append(offset..<end, to: &data)
            let status = try await send(block, data, &takesQueue)
            try await waitWhileBusy(status, at: offset, &patience)
            offset = end
            // DFU 1.1 §3.1: the block number wraps.
            block &+= 1
            progress(offset)
        }
    }

    /// Ends the download and follows the device through manifestation.
    /// - Returns: `true` when it is back in dfuIDLE, `false` when it waits for a reset or has gone to do that itself.
    public func manifest(bound: Duration) async throws(DFUError) -> Bool {
        try await request(.dnload, value: 0, data: [])
        let deadline = clock.now + bound
        var patience = Patience(bound: bound)
        while true {
            let status: DFUStatus
            do {
                status = try await getStatus()
            } catch  where error.isGone && !interface.functional.attributes.contains(.manifestationTolerant) {
                return false
            }
            switch status.state {
            case .dfuIDLE: return true
            case .dfuMANIFESTWAITRESET: return false
            case .dfuMANIFESTSYNC, .dfuMANIFEST:
                guard clock.now < deadline else { throw .stillBusy(status.state, after: bound) }
                try await pause(status, &patience)
            case .dfuERROR: throw .status(status.status, state: status.state, offset: nil)
            default: throw .unexpectedState(status.state, during: "manifestation")
            }
        }
    }

    /// Blocks of an upload that are asked for at once; what is queued of usbfs memory for a device is this many blocks at most.
    public static let uploadDepth = 4

    /// Reads exactly `length` bytes back, block by block, then ends the upload: a device may hold more than was written. The next blocks are
    /// asked for while the first is on its way, `depth` at once; none beyond `length`.
    public func upload(length: Int, depth: Int = uploadDepth, block consume: ([UInt8]) -> Void) async throws(DFUError) {
        guard interface.functional.attributes.contains(.canUpload) else {
            throw .unsupported("the device can't upload")
        }
        var received = 0
        var block: UInt16 = 0
        while received < length {
            let count = min(depth, (length - received + blockSize - 1) / blockSize)
            let requests = (0..<count).map { setup(.upload, type: DFU.deviceToHost, value: block &+ UInt16($0)) }
            for result in await device.controlIn(requests, length: blockSize, timeout: requestBound) {
                let bytes: [UInt8]
                do throws(USBError) { bytes = try result.get() } catch { throw Self.failure(of: .upload, error) }
                let wanted = min(bytes.count, length - received)
                consume(wanted == bytes.count ? bytes : Array(bytes[..<wanted]))
                received += wanted
                block &+= 1
                if bytes.count < blockSize {
                    // DFU 1.1 §6.1.1: a short block ends the upload and the device is back in dfuIDLE.
                    guard received == length else { throw .shortUpload(expected: length, found: received) }
                    return
                }
            }
        }
        // All that was asked for is here; the next step brings the device to dfuIDLE if this does not, and so where a short block ended it early.
        try? await request(.abort)
    }

    /// Sends a block and learns how the device is. One that can't be asked so soon, and only then, is asked once more, and from then on
    /// (`takesQueue`) only when it has taken the block.
    private func send(_ block: UInt16, _ data: [UInt8], _ takesQueue: inout Bool) async throws(DFUError) -> DFUStatus {
        guard takesQueue else {
            try await request(.dnload, value: block, data: data)
            return try await getStatus()
        }
        let (sent, answer) = await device.controlOut(
            setup(.dnload, value: block), data: data, then: setup(.getStatus, type: DFU.deviceToHost), length: DFUStatus.length,
            timeout: requestBound)
        do throws(USBError) { try sent.get() } catch { throw Self.failure(of: .dnload, error) }
        switch answer {
        case .success(let bytes): return try DFUStatus(bytes)
        case .failure(let error):
            guard error.code != .gone, error.code != .cancelled else { throw Self.failure(of: .getStatus, error) }
            takesQueue = false
            return try await getStatus()
        }
    }

    private func waitWhileBusy(_ first: DFUStatus, at offset: Int, _ patience: inout Patience) async throws(DFUError) {
        let deadline = clock.now + requestBound
        var status = first
        while true {
            switch status.state {
            case .dfuDNLOADIDLE: return
            case .dfuDNLOADSYNC, .dfuDNBUSY:
                guard clock.now < deadline else { throw .stillBusy(status.state, after: requestBound) }
                try await pause(status, &patience)
                status = try await getStatus()
            case .dfuERROR: throw .status(status.status, state: status.state, offset: offset)
            default: throw .unexpectedState(status.state, during: "the transfer")
            }
        }
    }

    /// Leaves a busy device alone for as long as it asks, at least a millisecond: DFU 1.1 §6.1.2 forbids to ask before. A bound that passes
    /// meanwhile is seen at the next answer.
    private func pause(_ status: DFUStatus, _ patience: inout Patience) async throws(DFUError) {
        do { try await clock.sleep(for: patience.wait(for: status)) } catch { throw .cancelled }
    }

    /// How long a device is left alone: as long as it asks, unless it asks for too much too often.
    private struct Patience {
        let bound: Duration
        var excess = DFUClient.longestPoll

        init(bound: Duration) { self.bound = bound }

        mutating func wait(for status: DFUStatus) -> Duration {
            let wait = min(max(status.pollTimeout, .milliseconds(1)), bound + excess)
            excess -= max(.zero, wait - bound)
            return wait
        }
    }

    /// DFU_GETSTATUS.
    public func getStatus() async throws(DFUError) -> DFUStatus {
        try DFUStatus(await requestIn(.getStatus, value: 0, length: DFUStatus.length))
    }

    private func request(_ request: DFURequest, value: UInt16 = 0, data: [UInt8] = []) async throws(DFUError) {
        do throws(USBError) {
            try await device.controlOut(setup(request, value: value), data: data, timeout: requestBound)
        } catch {
            throw Self.failure(of: request, error)
        }
    }

    private func requestIn(_ request: DFURequest, value: UInt16, length: Int) async throws(DFUError) -> [UInt8] {
        do throws(USBError) {
            return try await device.controlIn(
                setup(request, type: DFU.deviceToHost, value: value), length: length, timeout: requestBound)
        } catch {
            throw Self.failure(of: request, error)
        }
    }

    private func setup(_ request: DFURequest, type: UInt8 = DFU.hostToDevice, value: UInt16 = 0) -> ControlRequest {
        ControlRequest(type: type, request: request.rawValue, value: value, index: UInt16(interface.number))
    }

    private static func failure(of request: DFURequest, _ error: USBError) -> DFUError {
        error.code == .cancelled ? .cancelled : .usb(error, request: request)
    }
}

/// The host's side of DFU while the device runs its firmware.
public enum DFURuntime {
    /// Sends DFU_DETACH, and resets the port where the device does not detach by itself.
    ///
    /// A device that is gone before it has answered has done what it was told to, and so may one whose answer was lost on
    /// the way: whether it has is seen by whether it comes back.
    public static func detach(_ device: any USBDevice, bound: Duration) async throws(DFUError) {
        let interface = try DFUInterface(in: device.descriptors)
        guard interface.mode == .runtime else { throw .unsupported("the device is in DFU mode") }
        let timeout = UInt16(clamping: interface.functional.detachTimeout.milliseconds)
        let setup = ControlRequest(
            type: DFU.hostToDevice, request: DFURequest.detach.rawValue, value: timeout, index: UInt16(interface.number))
        do throws(USBError) {
            try await device.claim(interface: interface.number)
            try await device.controlOut(setup, data: [], timeout: bound)
            if !interface.functional.attributes.contains(.willDetach) { try await device.reset() }
        } catch {
            if [.gone, .io, .timeout].contains(error.code) { return }
            throw error.code == .cancelled ? .cancelled : .usb(error, request: .detach)
        }
    }
}
