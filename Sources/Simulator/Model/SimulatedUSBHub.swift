internal import Firmware

/// A USB hub, root or not: enough of USB 2.0 chapter 11 that `lsusb -v` and the kernel's names for ports have what they ask for.
struct SimulatedUSBHub: SimulatedDevice {
    let isRoot: Bool
    let ports: Int
    var connected: Set<Int> = []
    private var unpowered: Set<Int> = []
    private var alternates: [UInt8: UInt8] = [:]

    init(isRoot: Bool, ports: Int) {
        self.isRoot = isRoot
        self.ports = ports
    }

    var strings: (manufacturer: String, product: String, serial: String) {
        isRoot ? ("Linux", "Simulated Host Controller", "0000:00:14.0") : ("Simulated", "USB2.0 Hub", "")
    }

    var descriptors: [UInt8] {
        DescriptorBuilder(
            deviceClass: 9, idVendor: isRoot ? 0x1D6B : 0x1209, idProduct: isRoot ? 0x0002 : 0x4C10, bcdDevice: 0x0100,
            manufacturer: 1, product: 2, serial: isRoot ? 3 : 0,
            interfaces: [
                .init(
                    number: 0, interfaceClass: 9, interfaceSubclass: 0, interfaceProtocol: 0,
                    following: [DescriptorBuilder.endpoint(0x81, attributes: 3, maxPacket: 1, interval: 12)])
            ]
        ).bytes
    }

    mutating func control(_ setup: SetupPacket, _ data: [UInt8], now: Duration) -> (ControlReply, [DeviceAction]) {
        let reply = StandardRequests.answer(setup, descriptors: descriptors, strings: strings, alternates: &alternates)
        if reply == nil, let action = portPower(setup) { return (.done, [action]) }
        return (reply ?? classRequest(setup), [])
    }

    /// §11.24.2.2 and §11.24.2.13: Clear and Set Port Feature, PORT_POWER.
    private mutating func portPower(_ setup: SetupPacket) -> DeviceAction? {
        let port = Int(setup.index & 0xFF)
        guard setup.type == 0x23, setup.request == 1 || setup.request == 3, setup.value == 8, (1...ports).contains(port) else { return nil }
        if setup.request == 3 { unpowered.remove(port) } else { unpowered.insert(port) }
        return .switchPort(port, on: setup.request == 3)
    }

    mutating func portReset(now: Duration) -> [DeviceAction] { [] }

    /// USB 2.0 §11.24.2.
    private func classRequest(_ setup: SetupPacket) -> ControlReply {
        switch (setup.type, setup.request) {
        case (0xA0, 6):
            // §11.23.2.1: individual port power, individual over-current; 100 ms to power good; all devices removable.
            let masks = [UInt8](repeating: 0, count: ports / 8 + 1) + [UInt8](repeating: 0xFF, count: ports / 8 + 1)
            let descriptor = [UInt8(7 + masks.count), 0x29, UInt8(ports), 0x09, 0x00, 50, 0] + masks
            return .data(Array(descriptor.prefix(Int(setup.length))))
        case (0xA0, 0):
            return .data([0, 0, 0, 0])
        case (0xA3, 0):
            let port = Int(setup.index & 0xFF)
            guard (1...ports).contains(port) else { return .stall }
            // §11.24.2.7.1: power; with a device also connection, enabled and high speed.
            let status: UInt16 = unpowered.contains(port) ? 0 : connected.contains(port) ? 0x0503 : 0x0100
            return .data([UInt8(status & 0xFF), UInt8(status >> 8), 0, 0])
        case (0x20, 1), (0x20, 3), (0x23, 1), (0x23, 3):
            return .done
        default:
            return .stall
        }
    }
}
