public import BenchModel
public import Links
internal import Synchronization

/// The simulated dock without anything below it: devices are opened as ``Links/USBDevice`` in this very process. For tests
/// of everything above the links.
public final class InProcessBus: Sendable {
    /// Every look at what is on the bus; only the newest unread one is kept.
    public let snapshots: AsyncStream<[VisibleDevice]>
    private let publisher: SnapshotPublisher
    private let dock: SimulatedDock
    private let time: any DockTime
    private let transferTime: Duration

    /// A device as udev would describe it.
    public struct VisibleDevice: Sendable, Hashable {
        /// udev's property ID_PATH.
        public var idPath: String
        /// The device node, `/dev/bus/usb/BBB/DDD` or `/dev/ttyACMN`.
        public var node: String
        /// The device's folder in sysfs.
        public var syspath: String
        /// The number of its USB device on the bus, by which one attachment is told from the next.
        public var incarnation: String
        /// udev's properties of the device.
        public var properties: [String: String]
    }

    /// - Throws: ``SimulatorError`` when a firmware file can't be used.
    public convenience init(_ description: DockDescription) throws(SimulatorError) { try self.init(description, time: HostTime()) }

    /// A dock in a time of its own. `transferTime`: what a control transfer takes.
    /// - Throws: ``SimulatorError`` when a firmware file can't be used.
    public init(_ description: DockDescription, time: any DockTime, transferTime: Duration = .zero) throws(SimulatorError) {
        let (stream, continuation) = AsyncStream<[VisibleDevice]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        snapshots = stream
        publisher = SnapshotPublisher(continuation)
        dock = try SimulatedDock(description, publisher: publisher, time: time)
        self.time = time
        self.transferTime = transferTime
        publisher.publish()
        try dock.plugAll()
    }

    /// Opens what is behind a node.
    public func open(node: String) throws(USBError) -> any USBDevice {
        guard let device = dock.devices.first(where: { $0.node == node }) else {
            throw USBError(.gone, "open \(node): No such file or directory")
        }
        return InProcessDevice(
            device, dock: dock, descriptors: try USBDescriptors(device.descriptors), time: time, transferTime: transferTime)
    }

    /// Opens the USB hub that a device is plugged into, or was, by its folder in sysfs, and says at which of its ports; `nil` where there is none.
    public func openHub(above syspath: String) throws(USBError) -> (hub: any USBDevice, port: UInt8)? {
        let position = dock.description.slots.compactMap(\.position.usb).first { "\(syspath)/".hasPrefix("/sys\(SysfsTree.path(of: $0))/") }
        guard let position, let port = position.ports.last, let hub = dock.devices.first(where: { $0.position == position.parent }) else {
            return nil
        }
        return (try open(node: hub.node), UInt8(port))
    }

    /// Opens the USB device that a tty hangs on; `nil` where there is none.
    public func openUSB(below tty: String) throws(USBError) -> (any USBDevice)? {
        guard let device = dock.devices.first(where: { $0.ttyNode == tty }) else { return nil }
        return try open(node: device.node)
    }

    /// Opens the serial line behind a tty's node.
    public func openSerial(node: String) throws(SerialError) -> any SerialPort {
        guard let port = dock.devices.first(where: { $0.ttyNode == node })?.openPort(time) else {
            throw SerialError(.gone, "open \(node): No such file or directory")
        }
        return port
    }

    /// Puts a unit into a slot.
    public func plug(_ chfId: EUI64, into slot: SlotID) throws(SimulatorError) { try dock.plug(chfId, into: slot) }
    /// Pulls out what is in a slot.
    public func unplug(_ slot: SlotID) throws(SimulatorError) { try dock.unplug(slot) }
    /// Makes something go wrong with a unit.
    public func add(_ fault: Fault, to chfId: EUI64) throws(SimulatorError) { try dock.addFault(fault, to: chfId) }

    /// Lets nothing go wrong with a unit any more.
    public func clearFaults(of chfId: EUI64) throws(SimulatorError) { try dock.clearFaults(of: chfId) }

    /// Who is in a slot, on the bus or not.
    public func occupant(of slot: SlotID) -> EUI64? { dock.occupant(of: slot) }
    /// Whether a unit is on the bus, its mode, and how many downloads it has seen.
    public func glance(at chfId: EUI64) throws(SimulatorError) -> (isOnBus: Bool, mode: UnitMode, downloadsBegun: Int) {
        try dock.glance(at: chfId)
    }

    /// The bytes of a unit's application flash.
    public func application(of chfId: EUI64) throws(SimulatorError) -> [UInt8] { try dock.application(of: chfId) }

    /// Every unit as it is now.
    public var units: [UnitReport] { dock.report }
}

/// Publishes whole snapshots of the units on the bus.
private final class SnapshotPublisher: DockPublisher {
    private let continuation: AsyncStream<[InProcessBus.VisibleDevice]>.Continuation
    /// What is on the bus with its node there, in the order of the nodes that are shown.
    private let visible = Mutex<[(busNode: String, shown: InProcessBus.VisibleDevice)]>([])
    private let found = Mutex(0)
    private let database = UdevDatabase(files: PrivateFiles())

    init(_ continuation: AsyncStream<[InProcessBus.VisibleDevice]>.Continuation) { self.continuation = continuation }

    func appeared(_ device: BusDevice) {
        if device.ttyNode != nil { return appearedTTY(device) }
        guard database.isOurs(device) else { return }
        var properties = Dictionary(
            database.properties(of: device).map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        properties["SUBSYSTEM"] = "usb"
        properties["DEVTYPE"] = "usb_device"
        properties["DEVNAME"] = device.node
        properties["USEC_INITIALIZED"] = nextFound()
        let shown = InProcessBus.VisibleDevice(
            idPath: UdevDatabase.idPath(of: device.position), node: device.node,
            syspath: "/sys" + SysfsTree.path(of: device.position), incarnation: "\(device.number)", properties: properties)
        show(shown, for: device)
    }

    private func appearedTTY(_ device: BusDevice) {
        guard let node = device.ttyNode, let path = SysfsTree.ttyPath(of: device) else { return }
        var properties = Dictionary(
            database.ttyProperties(of: device).map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        properties["SUBSYSTEM"] = "tty"
        properties["DEVNAME"] = node
        properties["USEC_INITIALIZED"] = nextFound()
        let shown = InProcessBus.VisibleDevice(
            idPath: UdevDatabase.ttyPath(of: device), node: node, syspath: "/sys" + path, incarnation: "\(device.number)",
            properties: properties)
        show(shown, for: device)
    }

    /// As udev's time of first sight: no two devices have the same.
    private func nextFound() -> String {
        found.withLock { found in
            found += 1
            return "\(found)"
        }
    }

    private func show(_ shown: InProcessBus.VisibleDevice, for device: BusDevice) {
        visible.withLock { devices in
            devices.insert((device.node, shown), at: devices.firstIndex { $0.shown.node > shown.node } ?? devices.endIndex)
        }
        publish()
    }

    func left(_ device: BusDevice) {
        let node = device.node
        visible.withLock { devices in devices.removeAll { $0.busNode == node } }
        publish()
    }

    func publish() { continuation.yield(visible.withLock { $0.map(\.shown) }) }
}

/// One open device of an ``InProcessBus``.
private final class InProcessDevice: USBDevice {
    let descriptors: USBDescriptors
    private let device: BusDevice
    private let dock: SimulatedDock
    private let time: any DockTime
    private let transferTime: Duration
    private let isClosed = Mutex(false)

    init(_ device: BusDevice, dock: SimulatedDock, descriptors: USBDescriptors, time: any DockTime, transferTime: Duration) {
        self.time = time
        self.transferTime = transferTime
        self.device = device
        self.dock = dock
        self.descriptors = descriptors
    }

    func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) {
        _ = try await transfer(request, data, length: data.count, timeout)
    }

    func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8] {
        try await transfer(request, [], length: length, timeout)
    }

    func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>) {
        let sent = await result(request, data, length: data.count, timeout)
        let answer = await Self.isOver(sent) ? sent : result(question, [], length: length, timeout)
        return (sent.map { _ in }, answer)
    }

    func controlIn(
        _ requests: [ControlRequest], length: Int, timeout: Duration
    ) async -> [Result<[UInt8], USBError>] {
        var results: [Result<[UInt8], USBError>] = []
        for request in requests {
            if let last = results.last, Self.isOver(last) {
                results.append(last)
            } else {
                results.append(await result(request, [], length: length, timeout))
            }
        }
        return results
    }

    /// What is queued behind a transfer is asked whatever came of that one, unless the time of both has passed or the device has left.
    private static func isOver(_ result: Result<[UInt8], USBError>) -> Bool {
        if case .failure(let error) = result { [.timeout, .gone, .cancelled].contains(error.code) } else { false }
    }

    private func result(
        _ request: ControlRequest, _ data: [UInt8], length: Int, _ timeout: Duration
    ) async -> Result<[UInt8], USBError> {
        do throws(USBError) { return .success(try await transfer(request, data, length: length, timeout)) } catch { return .failure(error) }
    }

    func claim(interface: UInt8) async throws(USBError) { try present() }

    func select(alternate: UInt8, of interface: UInt8) async throws(USBError) {
        _ = try await transfer(
            ControlRequest(type: 0x01, request: 11, value: UInt16(alternate), index: UInt16(interface)), [], length: 0, .seconds(1))
    }

    func reset() async throws(USBError) {
        try present()
        dock.perform(device.portReset(now: dock.now), by: device)
    }

    func close() async { isClosed.withLock { $0 = true } }

    private func present() throws(USBError) {
        guard !isClosed.withLock({ $0 }) else { throw USBError(.gone, "the device is closed") }
        guard !device.isGone else { throw USBError(.gone, "the device is gone") }
    }

    private func transfer(
        _ request: ControlRequest, _ data: [UInt8], length: Int, _ timeout: Duration
    ) async throws(USBError) -> [UInt8] {
        try present()
        guard !Task.isCancelled else { throw USBError(.cancelled, "cancelled") }
        let setup = SetupPacket(
            type: request.type, request: request.request, value: request.value, index: request.index, length: UInt16(length))
        if transferTime > .zero { await device.departure(within: transferTime, time) }
        try present()
        let (reply, actions) = device.control(setup, data, now: dock.now)
        dock.perform(actions, by: device)
        switch reply {
        case .data(let bytes): return Array(bytes.prefix(length))
        case .stall: throw USBError(.stall, "the device answered STALL")
        case .lineError: throw USBError(.io, "transfer error")
        case .silence:
            // A host's transfer ends at its time-out, or at once when the device leaves.
            await device.departure(within: timeout, time)
            try present()
            throw Task.isCancelled ? USBError(.cancelled, "cancelled") : USBError(.timeout, "no answer in time")
        }
    }
}
