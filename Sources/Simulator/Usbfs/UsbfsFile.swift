internal import CFuse
internal import Links
internal import Synchronization

/// One open usbdevfs node: the URBs that a client has queued on it, and those that wait to be reaped.
///
/// A negative result is -errno, as the ioctl returns it.
final class UsbfsFile: DeviceUser {
    let device: BusDevice
    private let dock: SimulatedDock
    private let memory = ProcessMemory()
    private let queue = Mutex(Queue())

    private struct Queue {
        var pending: [URB] = []
        var done: [URB] = []
        var claimed: Set<UInt32> = []
        var poll: PollHandle?
    }

    /// A client's `struct usbdevfs_urb` at `address` of its memory.
    private struct URB {
        var address: UInt64
        var type: UInt8
        var buffer: UInt64
        var status: CInt = 0
        var actualLength: Int = 0
        /// What goes into the client's buffer when it reaps.
        var data: [UInt8] = []
        /// A control transfer that waits for the one before it: endpoint 0 carries one after the other.
        var held: ControlRequestBytes?
    }

    private struct ControlRequestBytes {
        var setup: SetupPacket
        var data: [UInt8]
    }

    /// linux/usbdevice_fs.h, USBDEVFS_URB_TYPE_CONTROL.
    private static let controlType: UInt8 = 2
    private static let setupLength = 8

    init(device: BusDevice, dock: SimulatedDock) {
        self.device = device
        self.dock = dock
    }

    /// The events that poll(2) finds, after keeping `handle` to say when there are more.
    func poll(_ handle: PollHandle?) -> Int16 {
        let isGone = device.isGone
        let (isReady, old): (Bool, PollHandle?) = queue.withLock { queue in
            let old = queue.poll
            if let handle { queue.poll = handle }
            return (!queue.done.isEmpty, handle == nil ? nil : old)
        }
        old?.destroy()
        return (isReady ? Int16(POLLOUT | POLLWRNORM) : 0) | (isGone ? Int16(POLLERR | POLLHUP) : 0)
    }

    func close() {
        device.remove(self)
        let poll = queue.withLock { queue in
            queue.pending = []
            queue.done = []
            return queue.poll.take()
        }
        poll?.destroy()
    }

    /// The device has left: what is pending ends with -ESHUTDOWN.
    func deviceLeft() {
        queue.withLock { queue in
            for var urb in queue.pending {
                urb.status = -ESHUTDOWN
                queue.done.append(urb)
            }
            queue.pending = []
        }
        wake()
    }

    /// Answers one ioctl of the process (or thread) `pid` with `argument` as it was given.
    func ioctl(_ request: UInt32, argument: UInt64, pid: Int32) -> CInt {
        let process = memory.process(of: pid)
        if device.isGone, request != hubsim_REAPURBNDELAY { return -ENODEV }
        switch request {
        case hubsim_SUBMITURB: return submit(argument, process)
        case hubsim_REAPURBNDELAY, hubsim_REAPURB: return reap(argument, process)
        case hubsim_DISCARDURB: return discard(argument)
        case hubsim_GET_CAPABILITIES:
            // Zero packets, no packet size limit, reap after disconnect.
            return memory.write(UInt32(0x01 | 0x04 | 0x10), to: argument, of: process)
        case hubsim_CLAIMINTERFACE, hubsim_DISCONNECT_CLAIM, hubsim_RELEASEINTERFACE:
            return claim(request, argument, process)
        case hubsim_GETDRIVER: return -ENODATA
        case hubsim_SETINTERFACE: return setInterface(argument, process)
        case hubsim_SETCONFIGURATION, hubsim_CLEAR_HALT: return 0
        case hubsim_CONTROL: return control(argument, process)
        case hubsim_CONNECTINFO: return memory.write(UInt64(device.number), to: argument, of: process)
        case hubsim_GET_SPEED: return 3
        case hubsim_RESET: return reset()
        case hubsim_IOCTL: return -ENODATA
        default: return -ENOTTY
        }
    }

    // MARK: URBs

    private func submit(_ address: UInt64, _ process: Int32) -> CInt {
        guard let head = memory.read(56, from: address, of: process) else { return -EFAULT }
        let buffer = Self.number(head, 16, UInt64.self)
        let length = Int(Self.number(head, 24, Int32.self))
        var urb = URB(address: address, type: head[0], buffer: buffer)
        guard urb.type == Self.controlType else {
            // The model has no traffic on other endpoints: it stays quiet.
            queue.withLock { $0.pending.append(urb) }
            return 0
        }
        guard (Self.setupLength...Self.setupLength + USBLimits.controlTransfer).contains(length) else { return -EINVAL }
        guard let bytes = memory.read(length, from: buffer, of: process),
            let setup = SetupPacket(bytes.prefix(Self.setupLength))
        else { return -EFAULT }
        // As usbfs does: what is asked for must fit into the client's buffer.
        guard Int(setup.length) <= length - Self.setupLength else { return -EINVAL }
        let request = ControlRequestBytes(setup: setup, data: setup.isDeviceToHost ? [] : Array(bytes.dropFirst(Self.setupLength)))
        let mustWait = queue.withLock { queue in
            guard queue.pending.contains(where: { $0.type == Self.controlType }) else { return false }
            urb.held = request
            queue.pending.append(urb)
            return true
        }
        if !mustWait { answer(urb, request) }
        return 0
    }

    private func answer(_ urb: URB, _ request: ControlRequestBytes) {
        var urb = urb
        let (setup, data) = (request.setup, request.data)
        let (reply, actions) = device.control(setup, data, now: dock.now)
        switch reply {
        case .data(let answer):
            urb.data = setup.isDeviceToHost ? Array(answer.prefix(Int(setup.length))) : []
            urb.actualLength = setup.isDeviceToHost ? urb.data.count : data.count
            finish(urb)
        case .stall:
            urb.status = -EPIPE
            finish(urb)
        case .lineError:
            urb.status = -EPROTO
            finish(urb)
        case .silence:
            urb.held = nil
            queue.withLock { $0.pending.insert(urb, at: 0) }
        }
        dock.perform(actions, by: device)
    }

    private func finish(_ urb: URB) {
        queue.withLock { $0.done.append(urb) }
        wake()
    }

    private func wake() {
        queue.withLock { $0.poll.take() }?.notify()
    }

    private func reap(_ argument: UInt64, _ process: Int32) -> CInt {
        let urb: URB? = queue.withLock { $0.done.isEmpty ? nil : $0.done.removeFirst() }
        guard let urb else { return device.isGone ? -ENODEV : -EAGAIN }
        var pieces = ProcessMemory.Pieces()
        pieces.add(urb.data, at: urb.buffer + UInt64(Self.setupLength))
        pieces.add(urb.status, at: urb.address + 4)
        pieces.add(CInt(urb.actualLength), at: urb.address + 28)
        pieces.add(urb.address, at: argument)
        return memory.write(pieces, of: process)
    }

    private func discard(_ address: UInt64) -> CInt {
        let urb: URB? = queue.withLock { queue in
            queue.pending.firstIndex { $0.address == address }.map { queue.pending.remove(at: $0) }
        }
        guard var urb else { return -EINVAL }
        urb.status = -ENOENT
        finish(urb)
        answerNext()
        return 0
    }

    /// Endpoint 0 may be free for the next that waits.
    private func answerNext() {
        while true {
            let next: (URB, ControlRequestBytes)? = queue.withLock { queue in
                guard !queue.pending.contains(where: { $0.type == Self.controlType && $0.held == nil }),
                    let index = queue.pending.firstIndex(where: { $0.held != nil })
                else { return nil }
                let urb = queue.pending.remove(at: index)
                return urb.held.map { (urb, $0) }
            }
            guard let (urb, request) = next else { return }
            answer(urb, request)
        }
    }

    // MARK: Requests that wait for their answer

    private func claim(_ request: UInt32, _ argument: UInt64, _ process: Int32) -> CInt {
        guard let bytes = memory.read(4, from: argument, of: process) else { return -EFAULT }
        let interface = Self.number(bytes, 0, UInt32.self)
        queue.withLock { queue in
            if request == hubsim_RELEASEINTERFACE { queue.claimed.remove(interface) } else { queue.claimed.insert(interface) }
        }
        return 0
    }

    private func setInterface(_ argument: UInt64, _ process: Int32) -> CInt {
        guard let bytes = memory.read(8, from: argument, of: process) else { return -EFAULT }
        let interface = Self.number(bytes, 0, UInt32.self)
        guard queue.withLock({ $0.claimed.contains(interface) }) else { return -EINVAL }
        let setup = SetupPacket(
            type: 0x01, request: 11, value: UInt16(truncatingIfNeeded: Self.number(bytes, 4, UInt32.self)),
            index: UInt16(truncatingIfNeeded: interface), length: 0)
        return result(of: device.control(setup, [], now: dock.now).0)
    }

    /// `struct usbdevfs_ctrltransfer`: set-up packet of 8 bytes, timeout u32, padding, data pointer.
    private func control(_ argument: UInt64, _ process: Int32) -> CInt {
        guard let head = memory.read(24, from: argument, of: process), let setup = SetupPacket(head.prefix(8)) else {
            return -EFAULT
        }
        let address = Self.number(head, 16, UInt64.self)
        var data: [UInt8] = []
        if !setup.isDeviceToHost, setup.length > 0 {
            guard let bytes = memory.read(Int(setup.length), from: address, of: process) else { return -EFAULT }
            data = bytes
        }
        let (reply, actions) = device.control(setup, data, now: dock.now)
        defer { dock.perform(actions, by: device) }
        guard case .data(let answer) = reply, setup.isDeviceToHost else { return result(of: reply) }
        let bytes = Array(answer.prefix(Int(setup.length)))
        let written = bytes.isEmpty ? 0 : memory.write(bytes, to: address, of: process)
        return written < 0 ? written : CInt(bytes.count)
    }

    private func reset() -> CInt {
        let actions = device.portReset(now: dock.now)
        dock.perform(actions, by: device)
        // The kernel finds other descriptors after the reset and disconnects the device.
        return actions.isEmpty ? 0 : -ENODEV
    }

    private func result(of reply: ControlReply) -> CInt {
        switch reply {
        case .data: 0
        case .stall: -EPIPE
        case .silence: -ETIMEDOUT
        case .lineError: -EPROTO
        }
    }

    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int, _: Number.Type) -> Number {
        bytes[offset..<offset + Number.bitWidth / 8].reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}

/// libfuse's means of waking a poll(2). Used up by either call. Sendable: it is handed over, never shared.
@safe
struct PollHandle: @unchecked Sendable {
    private let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

    func notify() {
        unsafe fuse_lowlevel_notify_poll(pointer)
        destroy()
    }

    func destroy() { unsafe fuse_pollhandle_destroy(pointer) }
}
