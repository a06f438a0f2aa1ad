internal import BenchModel
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

    /// A request of USB 2.0 §9.4, not a class's or a vendor's.
    var isStandard: Bool { type & 0x60 == 0 }
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
    /// Its bootloader starts the firmware after a time, unless it was given something to do or the unit has started anew meanwhile.
    /// `start`: which start of the unit it is of.
    case startFirmware(after: Duration, start: Int)
    /// Is pulled out of its slot.
    case unplug
    /// Leaves the bus for good though it is still in its slot.
    case die
    /// A USB hub switches one of its ports, counted from 1.
    case switchPort(Int, on: Bool)
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

/// A Communications Hub, of either variant.
protocol SimulatedUnit: SimulatedDevice {
    var mode: UnitMode { get }
    var counters: Bootloader.Counters { get }
    var faults: FaultPlan { get set }
    /// What the application's flash holds.
    var application: [UInt8] { get }
    /// The version that the unit would tell; `nil` in its bootloader.
    var reportedVersion: FirmwareVersion? { get }
    /// The speed of its serial line, bits a second; `nil` for a unit without one.
    var baud: Int? { get }
    /// How the host has set the unit's CDC-ACM line; `nil` before it has, and for a unit without one.
    var hostLine: HostLine? { get }
    /// Power is gone and comes back.
    mutating func powerCycle()
    /// The bootloader's wait for DFU is over, at that start of the unit.
    /// - Returns: whether the unit leaves the bus for its firmware.
    mutating func startFirmware(start: Int) -> Bool
    /// Bytes that the serial line has carried to the unit.
    mutating func receive(_ bytes: [UInt8], now: Duration)
    /// What the unit sends and does by itself now.
    mutating func proceed(now: Duration) -> SerialTurn
}

/// What a unit with a serial line does at one moment.
struct SerialTurn: Sendable {
    /// Bytes for the line.
    var output: [UInt8] = []
    var actions: [DeviceAction] = []
    /// When it wants to be asked again, if nothing comes before.
    var wake: Duration?
}

extension SimulatedUnit {
    var baud: Int? { nil }
    var hostLine: HostLine? { nil }
    mutating func startFirmware(start: Int) -> Bool { false }
    mutating func receive(_ bytes: [UInt8], now: Duration) {}
    mutating func proceed(now: Duration) -> SerialTurn { SerialTurn() }
}
