internal import BenchModel
internal import Dock

/// Something that a host has a limited amount of.
enum HostResource: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of usbfs buffers, one amount for the whole machine.
    case usbfsMemory
    /// Sessions past their checks, on the whole machine.
    case sessions
    /// Units of one host controller.
    case devices(String)
    /// Their endpoints.
    case endpoints(String)
    /// Bytes a second on one host controller.
    case bandwidth(String)
    /// Bytes a second through the transaction translator of one USB hub, by its ID_PATH.
    case translator(String)

    var description: String {
        switch self {
        case .usbfsMemory: "usbfs memory (limits.usbfsMemory)"
        case .sessions: "concurrent sessions (limits.concurrentSessions)"
        case .devices(let controller): "units on \(controller)"
        case .endpoints(let controller): "endpoints of \(controller)"
        case .bandwidth(let controller): "the bandwidth of \(controller)"
        case .translator(let hub): "the full-speed bandwidth of the USB hub \(hub)"
        }
    }
}

/// What a session asks of the host before it queues transfers.
struct GrantRequest: Sendable {
    let slot: SlotID
    let amounts: [HostResource: Int]
    /// Bytes that are still to be written: whoever is closest to being done is served first.
    let bytesLeft: Int

    init(slot: SlotID, amounts: [HostResource: Int], bytesLeft: Int) {
        self.slot = slot
        self.amounts = amounts
        self.bytesLeft = bytesLeft
    }

    /// What a unit takes at its place. `memory`: bytes of usbfs buffers; `endpoints`: with endpoint 0; `rate`: bytes a second.
    init(_ slot: SlotID, _ device: DockedDevice, memory: Int, endpoints: Int, rate: Int, bytesLeft: Int) {
        var amounts: [HostResource: Int] = [.sessions: 1]
        if device.isOnUSB {
            let controller = device.port.hostController
            if memory > 0 { amounts[.usbfsMemory] = memory }
            amounts[.devices(controller)] = 1
            amounts[.endpoints(controller)] = endpoints
            amounts[device.isSlow ? .translator(device.port.hub) : .bandwidth(controller)] = rate
        }
        self.init(slot: slot, amounts: amounts, bytesLeft: bytesLeft)
    }
}

extension PortPath {
    /// The ID_PATH of the USB hub that the port belongs to; the host controller's for one of its own ports.
    var hub: String {
        guard let ports = idPath.firstRange(of: "-usb-"), let dot = idPath[ports.upperBound...].lastIndex(of: ".") else {
            return hostController
        }
        return String(idPath[..<dot])
    }
}
