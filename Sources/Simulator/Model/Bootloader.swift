internal import BenchModel
internal import Firmware
internal import Protocols

/// A 4G unit's bootloader: the device's side of DFU 1.1 as a state machine, with a flash that takes its time.
///
/// A host that asks while the flash is busy is told so (dfuDNBUSY); one that sends while it is busy gets a STALL and dfuERROR.
struct Bootloader: Sendable {
    /// The places that can be written: alternate setting → name.
    static let partitions: [UInt8: String] = [0: "application", 1: "modem"]

    private(set) var state = DFUState.dfuIDLE
    private var status = DFUStatusCode.ok
    private var busyUntil: Duration = .zero
    private var alternate: UInt8 = 0
    private var block = 0
    private var offset = 0
    private let timing: UnitTiming
    private let transferSize: Int
    private let isTolerant: Bool
    /// What the host has done, for tests that ask whether it was needed.
    struct Counters: Sendable, Equatable {
        var downloadsBegun = 0
        var downloadsManifested = 0
    }

    init(_ description: UnitDescription) {
        timing = description.timing
        transferSize = description.transferSize
        isTolerant = description.manifestationTolerant
    }

    mutating func select(alternate: UInt8) { self.alternate = alternate }

    mutating func request(
        _ request: DFURequest, _ setup: SetupPacket, _ data: [UInt8], now: Duration,
        flash: inout [UInt8: SimulatedFlash], faults: inout FaultPlan, counters: inout Counters
    ) -> (ControlReply, [DeviceAction]) {
        if faults.take(.stall, where: { $0.request == request.name }) != nil { return (fail(.errSTALLEDPKT), []) }
        if faults.take(.silence, where: { $0.request == request.name }) != nil { return (.silence, []) }
        if faults.take(.lineError, where: { $0.request == request.name }) != nil { return (.lineError, []) }
        var reply: ControlReply
        var actions: [DeviceAction] = []
        let before = state
        switch request {
        case .dnload:
            (reply, actions) = download(data, now: now, flash: &flash, faults: &faults, counters: &counters)
        case .upload:
            reply = upload(Int(setup.length), flash: flash, faults: &faults)
        case .getStatus:
            reply = getStatus(now: now, flash: &flash, faults: &faults, counters: &counters)
        case .getState:
            reply = .data([state.rawValue])
        case .clrStatus:
            guard state == .dfuERROR else { return (fail(.errSTALLEDPKT), []) }
            (state, status) = (.dfuIDLE, .ok)
            reply = .done
        case .abort:
            guard [.dfuIDLE, .dfuDNLOADSYNC, .dfuDNLOADIDLE, .dfuMANIFESTSYNC, .dfuUPLOADIDLE].contains(state) else {
                return (fail(.errSTALLEDPKT), [])
            }
            state = .dfuIDLE
            reply = .done
        case .detach:
            reply = fail(.errSTALLEDPKT)
        }
        if state != before {
            if faults.take(.unplug, where: { $0.inState == state.name }) != nil { actions.append(.unplug) }
            if faults.take(.silence, where: { $0.inState == state.name }) != nil { reply = .silence }
        }
        return (reply, actions)
    }

    private mutating func fail(_ status: DFUStatusCode) -> ControlReply {
        (state, self.status) = (.dfuERROR, status)
        return .stall
    }

    private mutating func download(
        _ data: [UInt8], now: Duration, flash: inout [UInt8: SimulatedFlash], faults: inout FaultPlan,
        counters: inout Counters
    ) -> (ControlReply, [DeviceAction]) {
        guard state == .dfuIDLE || state == .dfuDNLOADIDLE, data.count <= transferSize else {
            return (fail(.errSTALLEDPKT), [])
        }
        if data.isEmpty {
            guard state == .dfuDNLOADIDLE else { return (fail(.errSTALLEDPKT), []) }
            state = .dfuMANIFESTSYNC
            return (.done, [])
        }
        if state == .dfuIDLE {
            (block, offset) = (0, 0)
            counters.downloadsBegun += 1
            flash[alternate]?.erase()
        }
        let bytes = offset..<offset + data.count
        let here = block
        if faults.take(.stall, where: { $0.request == nil && $0.meets(block: here, bytes: bytes) }) != nil {
            return (fail(.errSTALLEDPKT), [])
        }
        if faults.take(.silence, where: { $0.request == nil && $0.meets(block: here, bytes: bytes) }) != nil {
            return (.silence, [])
        }
        if faults.take(.lineError, where: { $0.request == nil && $0.meets(block: here, bytes: bytes) }) != nil {
            return (.lineError, [])
        }
        let unplugs = faults.take(.unplug) { $0.inState == nil && $0.meets(block: here, bytes: bytes) } != nil
        if unplugs { return (.silence, [.unplug]) }
        if let fault = faults.take(.errorStatus, where: { $0.meets(block: here, bytes: bytes) }) {
            status = DFUStatusCode.allCases.first { "\($0)" == fault.status } ?? .errPROG
            state = .dfuERROR
            return (.done, [])
        }
        guard flash[alternate]?.append(data) == true else { return (fail(.errADDRESS), []) }
        let erases = bytes.lowerBound / 65_536 != bytes.upperBound / 65_536 || bytes.lowerBound == 0
        let slow = faults.take(.slow) { $0.meets(block: here, bytes: bytes) }?.value.flatMap { Int($0) } ?? 0
        busyUntil = now + timing.program + (erases ? timing.erase : .zero) + .milliseconds(slow)
        block += 1
        offset = bytes.upperBound
        state = .dfuDNLOADSYNC
        return (.done, [])
    }

    private mutating func upload(
        _ length: Int, flash: [UInt8: SimulatedFlash], faults: inout FaultPlan
    ) -> ControlReply {
        guard state == .dfuIDLE || state == .dfuUPLOADIDLE else { return fail(.errSTALLEDPKT) }
        if state == .dfuIDLE { (block, offset) = (0, 0) }
        let here = block
        let range = offset..<offset + length
        let isCut = faults.take(.shortUpload) { $0.meets(block: here, bytes: range) } != nil
        let bytes = flash[alternate]?.read(from: offset, count: isCut ? length / 2 : length) ?? []
        block += 1
        offset += bytes.count
        state = bytes.count < length ? .dfuIDLE : .dfuUPLOADIDLE
        return .data(bytes)
    }

    private mutating func getStatus(
        now: Duration, flash: inout [UInt8: SimulatedFlash], faults: inout FaultPlan, counters: inout Counters
    ) -> ControlReply {
        let isBusy = now < busyUntil
        switch state {
        case .dfuDNLOADSYNC, .dfuDNBUSY:
            state = isBusy ? .dfuDNBUSY : .dfuDNLOADIDLE
        case .dfuMANIFESTSYNC:
            busyUntil = now + timing.manifest
            state = .dfuMANIFEST
            return answer(pollTimeout: timing.manifest, faults)
        case .dfuMANIFEST where !isBusy:
            manifest(&flash, &faults, &counters)
        default:
            break
        }
        return answer(pollTimeout: isBusy ? busyUntil - now : .zero, faults)
    }

    private mutating func manifest(
        _ flash: inout [UInt8: SimulatedFlash], _ faults: inout FaultPlan, _ counters: inout Counters
    ) {
        guard alternate != 0 || Self.validImage(in: flash[0]) != nil else {
            (state, status) = (.dfuERROR, .errVERIFY)
            return
        }
        counters.downloadsManifested += 1
        if let flip = faults.take(.bitFlip) { flash[alternate]?.flipBit(at: flip.atByte ?? 0) }
        state = isTolerant ? .dfuIDLE : .dfuMANIFESTWAITRESET
    }

    /// The image that the bootloader would boot: one whose hash is right, as MCUboot sees it.
    static func validImage(in flash: SimulatedFlash?) -> MCUbootImage? {
        guard let content = flash?.content, !content.isEmpty else { return nil }
        return try? MCUbootImage(MemoryBytes(content))
    }

    private func answer(pollTimeout: Duration, _ faults: FaultPlan) -> ControlReply {
        let lie = faults.lasting(.pollTimeout)?.value.flatMap { Int($0) }.map { Duration.milliseconds($0) }
        // Rounded up: a host that waits as long as it was told finds the flash done.
        let told = lie ?? (pollTimeout > .zero ? pollTimeout + .microseconds(999) : .zero)
        return .data(DFUStatus(status: status, pollTimeout: told, state: state).bytes)
    }
}
