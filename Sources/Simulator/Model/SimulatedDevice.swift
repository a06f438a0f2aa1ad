internal import Links

/// A set-up packet, USB 2.0 §9.3, 8 bytes little-endian.
struct SetupPacket: Hashable, Sendable {
    var type: UInt8
    var request: UInt8
    var value: UInt16
    var index: UInt16
    var length: UInt16

    init(type: UInt8, request: UInt8, value: UInt16, index: UInt16, length: UInt16) {
        self.type = type
        self.request = request
        self.value = value
        self.index = index
        self.length = length
    }

    /// `nil` unless there are 8 bytes.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 8 else { return nil }
        let bytes = Array(bytes)
        func word(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8 }
        self.init(type: bytes[0], request: bytes[1], value: word(2), index: word(4), length: word(6))
    }

    var isDeviceToHost: Bool { type & 0x80 != 0 }
}

/// How a device answers a control transfer.
enum ControlReply: Hashable, Sendable {
    /// The data stage of an IN transfer, or empty for a completed OUT transfer.
    case data([UInt8])
    case stall
    /// No answer, ever.
    case silence
    /// A broken transfer, as a unit that is being pulled out causes before the USB hub has noticed.
    case lineError

    static let done = ControlReply.data([])
}

/// What a device does beyond answering.
enum DeviceAction: Hashable, Sendable {
    /// Leaves the bus and comes back after a time, perhaps in another slot.
    case reenumerate(after: Duration, slot: String?)
    /// Is pulled out of its slot.
    case unplug
    /// Leaves the bus for good though it is still in its slot.
    case die
}

/// A device on the simulated bus, whatever carries its requests.
protocol SimulatedDevice: Sendable {
    /// Device descriptor and configurations, as usbfs gives them.
    var descriptors: [UInt8] { get }
    /// The strings of the device descriptor, for sysfs: manufacturer, product, serial number.
    var strings: (manufacturer: String, product: String, serial: String) { get }
    /// Answers a control transfer on endpoint 0. `now` is the dock's monotonic time.
    mutating func control(_ setup: SetupPacket, _ data: [UInt8], now: Duration) -> (ControlReply, [DeviceAction])
    /// A reset of the port.
    mutating func portReset(now: Duration) -> [DeviceAction]
}
