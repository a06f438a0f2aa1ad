internal import BenchModel
internal import Dock

/// Something that a host has a limited amount of.
enum HostResource: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of usbfs buffers, one amount for the whole machine.
    case usbfsMemory
    /// Sessions past their checks, on the whole machine.
    case sessions
    /// Units behind a host controller or a USB hub.
    case devices(USBPlace)
    /// Their endpoints.
    case endpoints(USBPlace)
    /// Their bytes a second.
    case bandwidth(USBPlace)
    /// Bytes a second through the transaction translator of one USB hub, by its ID_PATH.
    case translator(String)

    var description: String {
        switch self {
        case .usbfsMemory: "usbfs memory (limits.usbfsMemory)"
        case .sessions: "concurrent sessions (limits.concurrentSessions)"
        case .devices(let place): "units on \(place)"
        case .endpoints(let place): "endpoints of \(place)"
        case .bandwidth(let place): "the bandwidth of \(place)"
        case .translator(let hub): "the full-speed bandwidth of the USB hub \(hub)"
        }
    }
}

/// What units hang on, by its ID_PATH.
enum USBPlace: Hashable, Sendable, CustomStringConvertible {
    case hostController(String)
    case hub(String)

    var description: String {
        switch self {
        case .hostController(let path): path
        case .hub(let path): "the USB hub \(path)"
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

    /// What a unit takes at its place, and at every USB hub on the way there. `memory`: bytes of usbfs buffers; `endpoints`: those that
    /// the conversation uses, with endpoint 0; `rate`: bytes a second.
    init(_ slot: SlotID, _ device: DockedDevice, memory: Int, endpoints: Int, rate: Int, bytesLeft: Int) {
        var amounts: [HostResource: Int] = [.sessions: 1]
        if device.isOnUSB {
            if memory > 0 { amounts[.usbfsMemory] = memory }
            for place in device.port.places {
                amounts[.devices(place)] = 1
                amounts[.endpoints(place)] = endpoints
                if !device.isSlow { amounts[.bandwidth(place)] = rate }
            }
            if device.isSlow { amounts[.translator(device.port.hub)] = rate }
        }
        self.init(slot: slot, amounts: amounts, bytesLeft: bytesLeft)
    }
}

extension PortPath {
    /// The host controller, and the USB hubs behind it that lead to the port.
    fileprivate var places: [USBPlace] { [.hostController(hostController)] + hubs.map(USBPlace.hub) }
}
