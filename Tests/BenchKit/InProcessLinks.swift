public import Bench
public import BenchModel
public import Dock
public import Links
public import Simulator
internal import Synchronization

/// Opens the devices of an in-process bus, as long as the bench has power.
public struct InProcessLinks: DeviceOpener {
    private let bus: InProcessBus
    private let power: Power

    public init(_ bus: InProcessBus, power: Power = Power()) {
        self.bus = bus
        self.power = power
    }

    public func open(_ device: DockedDevice) async throws(USBError) -> any USBDevice {
        guard power.isOn else { throw USBError(.cancelled, Power.isOff) }
        return PoweredDevice(try bus.open(node: device.node), power)
    }

    public func openHub(above device: DockedDevice) async throws(USBError) -> (hub: any USBDevice, port: UInt8)? {
        guard power.isOn else { throw USBError(.cancelled, Power.isOff) }
        guard let (hub, port) = try bus.openHub(above: device.syspath) else { return nil }
        return (PoweredDevice(hub, power), port)
    }

    public func openUSB(below tty: DockedDevice) async throws(USBError) -> (any USBDevice)? {
        guard power.isOn else { throw USBError(.cancelled, Power.isOff) }
        return try bus.openUSB(below: tty.node).map { PoweredDevice($0, power) }
    }

    public func openLine(_ device: DockedDevice, _ settings: LineSettings, timeout: Duration) async throws(SerialError) -> any SerialPort {
        guard power.isOn else { throw SerialError(.cancelled, Power.isOff) }
        return PoweredPort(try bus.openSerial(node: device.node), power)
    }
}

extension BenchController {
    /// Follows what is on a bus, until the task is cancelled.
    public nonisolated func follow(_ bus: InProcessBus) async {
        let (stream, continuation) = AsyncStream<[DockedDevice]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup { group in
            group.addTask { await self.run(stream) }
            group.addTask { for await looks in bus.snapshots { continuation.yield(looks.compactMap(DockedDevice.init)) } }
        }
    }
}

extension DockedDevice {
    init?(_ device: InProcessBus.VisibleDevice) {
        self.init(syspath: device.syspath, incarnation: device.incarnation, found: device.found, properties: device.properties)
    }
}

extension InProcessBus.VisibleDevice {
    var found: String? { properties["USEC_INITIALIZED"] }
}

/// The bench's power. Once it is cut, nothing that the bench still does reaches a unit.
public final class Power: Sendable {
    static let isOff = "the bench's power is cut"
    private let state = Mutex(true)

    public init() {}

    public var isOn: Bool { state.withLock { $0 } }

    public func cut() { state.withLock { $0 = false } }
}

private final class PoweredDevice: USBDevice {
    private let device: any USBDevice
    private let power: Power

    init(_ device: any USBDevice, _ power: Power) {
        self.device = device
        self.power = power
    }

    var descriptors: USBDescriptors { device.descriptors }

    func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) {
        try expectPower()
        try await device.controlOut(request, data: data, timeout: timeout)
        try expectPower()
    }

    func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>) {
        guard power.isOn else { return (.failure(Self.isOff), .failure(Self.isOff)) }
        let results = await device.controlOut(request, data: data, then: question, length: length, timeout: timeout)
        return power.isOn ? results : (.failure(Self.isOff), .failure(Self.isOff))
    }

    func controlIn(
        _ requests: [ControlRequest], length: Int, timeout: Duration
    ) async -> [Result<[UInt8], USBError>] {
        guard power.isOn else { return [.failure(Self.isOff)] }
        let results = await device.controlIn(requests, length: length, timeout: timeout)
        return power.isOn ? results : [.failure(Self.isOff)]
    }

    func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8] {
        try expectPower()
        let bytes = try await device.controlIn(request, length: length, timeout: timeout)
        try expectPower()
        return bytes
    }

    func claim(interface: UInt8) async throws(USBError) {
        try expectPower()
        try await device.claim(interface: interface)
    }

    func select(alternate: UInt8, of interface: UInt8) async throws(USBError) {
        try expectPower()
        try await device.select(alternate: alternate, of: interface)
    }

    func reset() async throws(USBError) {
        try expectPower()
        try await device.reset()
    }

    func close() async { await device.close() }

    private func expectPower() throws(USBError) {
        guard power.isOn else { throw Self.isOff }
    }

    private static let isOff = USBError(.cancelled, Power.isOff)
}

private final class PoweredPort: SerialPort {
    private let port: any SerialPort
    private let power: Power

    init(_ port: any SerialPort, _ power: Power) {
        self.port = port
        self.power = power
    }

    var capacity: Int { port.capacity }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError) {
        guard power.isOn else { throw SerialError(.cancelled, Power.isOff) }
        try await port.write(bytes, timeout: timeout)
    }

    func read(timeout: Duration) async throws(SerialError) -> [UInt8] {
        guard power.isOn else { throw SerialError(.cancelled, Power.isOff) }
        return try await port.read(timeout: timeout)
    }

    func close() async { await port.close() }
}
