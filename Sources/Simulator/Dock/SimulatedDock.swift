internal import BenchModel
internal import Firmware
internal import Foundation
internal import Synchronization

/// Who makes the dock's devices visible: sysfs, udev's database and its messages.
protocol DockPublisher: Sendable {
    func appeared(_ device: BusDevice)
    func left(_ device: BusDevice)
}

/// The simulated dock: USB hubs, slots, units, and what is on the bus at this moment.
///
/// Sendable: the state is behind a lock; publishing is ordered by `queue`, on which the order of events is made.
final class SimulatedDock: Sendable {
    let description: DockDescription
    private let time: any DockTime
    private let queue: any DockQueue
    private let publisher: any DockPublisher
    private let seats: [EUI64: UnitSeat]
    private let tcpSlots: [SlotID: TCPSlot]
    private let state = Mutex(State())

    fileprivate struct State {
        /// What is on the bus, by bus and device number.
        var devices: [DeviceAddress: BusDevice] = [:]
        /// Who sits in which slot, on the bus or not.
        var occupants: [SlotID: EUI64] = [:]
        var lastNumber: [Int: Int] = [:]
        /// Ports that a USB hub has switched off.
        var unpowered: Set<USBPosition> = []
        /// The serial lines of units behind a device server.
        var lines: [SlotID: UnitLine] = [:]
    }

    /// A device's place on its bus.
    struct DeviceAddress: Hashable, Sendable {
        var bus: Int
        var number: Int
    }

    /// Makes the dock and its USB hubs; units are plugged by ``plugAll()``.
    /// - Throws: ``SimulatorError`` when a firmware file or the state folder can't be used.
    init(_ description: DockDescription, publisher: any DockPublisher, time: any DockTime = HostTime()) throws(SimulatorError) {
        self.description = description
        self.time = time
        queue = time.queue("dock")
        self.publisher = publisher
        var seats: [EUI64: UnitSeat] = [:]
        for (unit, _) in description.units {
            seats[unit.chfId] = try UnitSeat(unit, stateFolder: description.stateFolder)
        }
        self.seats = seats
        var tcpSlots: [SlotID: TCPSlot] = [:]
        for (slot, position) in description.slots {
            if case .tcp(let port) = position { tcpSlots[slot] = try TCPSlot(slot, port: port) }
        }
        self.tcpSlots = tcpSlots
        addHubs()
    }

    // MARK: What is on the bus

    func device(_ address: DeviceAddress) -> BusDevice? { state.withLock { $0.devices[address] } }

    var devices: [BusDevice] {
        state.withLock { Array($0.devices.values) }.sorted { ($0.position.bus, $0.number) < ($1.position.bus, $1.number) }
    }

    var now: Duration { time.now }

    // MARK: Hands

    /// Plugs in every unit that the dock file puts in a slot.
    func plugAll() throws(SimulatorError) {
        for (unit, slot) in description.units {
            if let slot { try plug(unit.chfId, into: slot) }
        }
    }

    /// Puts a unit into a slot, which gives it power.
    func plug(_ chfId: EUI64, into slot: SlotID) throws(SimulatorError) {
        let seat = try seat(chfId)
        guard let position = position(of: slot) else { throw SimulatorError("there is no slot \(slot)") }
        if position.usb == nil, seat.unit.withLock({ $0.baud }) == nil {
            throw SimulatorError("slot \(slot) is a serial line, and \(chfId) has none")
        }
        let problem: String? = state.withLock { state in
            if let other = state.occupants[slot] { return "slot \(slot) is taken by \(other)" }
            if let other = state.occupants.first(where: { $0.value == chfId })?.key { return "\(chfId) is in slot \(other)" }
            state.occupants[slot] = chfId
            return nil
        }
        if let problem { throw SimulatorError(problem) }
        seat.unit.withLock { $0.powerCycle() }
        queue.sync { enter(seat, slot, at: position) }
    }

    /// Pulls whatever is in a slot out of it.
    func unplug(_ slot: SlotID) throws(SimulatorError) {
        guard position(of: slot) != nil else { throw SimulatorError("there is no slot \(slot)") }
        let occupant = state.withLock { $0.occupants.removeValue(forKey: slot) }
        guard let occupant else { throw SimulatorError("slot \(slot) is empty") }
        queue.sync { leave(occupant) }
    }

    /// Pulls out every unit.
    func unplugAll() {
        for slot in state.withLock({ Array($0.occupants.keys) }) { try? unplug(slot) }
    }

    func addFault(_ fault: Fault, to chfId: EUI64) throws(SimulatorError) {
        try seat(chfId).unit.withLock { $0.faults.add(fault) }
    }

    func clearFaults(of chfId: EUI64) throws(SimulatorError) {
        try seat(chfId).unit.withLock { $0.faults.clear() }
    }

    /// The unit in a slot.
    func occupant(of slot: SlotID) -> EUI64? { state.withLock { $0.occupants[slot] } }

    /// Every unit, as `hubsim ctl list` shows it.
    var report: [UnitReport] {
        let (occupants, devices, lines) = state.withLock { ($0.occupants, Array($0.devices.values), Set($0.lines.keys)) }
        return description.units.map { entry in
            let chfId = entry.unit.chfId
            let device = devices.first { $0.seat?.description.chfId == chfId }
            guard let seat = seats[chfId] else { preconditionFailure("each unit has a seat") }
            let slot = occupants.first { $0.value == chfId }?.key
            let server = slot.flatMap { lines.contains($0) ? position(of: $0)?.description : nil }
            return seat.unit.withLock { unit in
                UnitReport(
                    chfId: chfId, slot: slot, mode: unit.mode,
                    isOnBus: device != nil || server != nil, node: device?.ttyNode ?? device?.node ?? server, version: unit.reportedVersion,
                    applicationHash: SHA256Value.of(unit.application), downloadsBegun: unit.counters.downloadsBegun,
                    downloadsManifested: unit.counters.downloadsManifested, hostLine: unit.hostLine, faults: unit.faults.faults)
            }
        }
    }

    /// What of a unit can be seen at a glance: whether it is on the bus, its mode, and how many downloads it has seen.
    func glance(at chfId: EUI64) throws(SimulatorError) -> (isOnBus: Bool, mode: UnitMode, downloadsBegun: Int) {
        let seat = try seat(chfId)
        let isOnBus = state.withLock { state in state.devices.values.contains { $0.seat === seat } }
        return seat.unit.withLock { (isOnBus, $0.mode, $0.counters.downloadsBegun) }
    }

    /// The bytes of a unit's application flash.
    func application(of chfId: EUI64) throws(SimulatorError) -> [UInt8] {
        try seat(chfId).unit.withLock { $0.application }
    }

    // MARK: What devices do

    /// Carries out what a device does beyond answering, after its answer.
    func perform(_ actions: [DeviceAction], by device: BusDevice) {
        guard let seat = device.seat else { return switchPorts(actions, of: device.position) }
        // An attachment that has ended meanwhile does nothing any more.
        perform(actions, by: seat) { !device.isGone }
    }

    private func perform(_ actions: [DeviceAction], by seat: UnitSeat, while isThere: @escaping @Sendable () -> Bool) {
        guard !actions.isEmpty else { return }
        let chfId = seat.description.chfId
        queue.add { [self] in
            guard isThere() else { return }
            for action in actions {
                switch action {
                case .unplug:
                    state.withLock { state in
                        if let slot = state.occupants.first(where: { $0.value == chfId })?.key { state.occupants[slot] = nil }
                    }
                    leave(chfId)
                case .die:
                    leave(chfId)
                case .switchPort:
                    break
                case .startFirmware(let delay, let start):
                    queue.add(after: delay) { [self] in
                        guard seat.unit.withLock({ $0.startFirmware(start: start) }) else { return }
                        leave(chfId)
                        queue.add(after: seat.description.timing.detach) { [self] in comeBack(seat) }
                    }
                case .reenumerate(let delay, let slot):
                    // Behind a device server nothing is seen of it: the unit is silent for a while.
                    if slot == nil, isBehindServer(chfId) { continue }
                    leave(chfId)
                    if let slot { move(chfId, to: slot) }
                    queue.add(after: delay) { [self] in comeBack(seat) }
                }
            }
        }
    }

    private func switchPorts(_ actions: [DeviceAction], of hub: USBPosition) {
        queue.add { [self] in
            for case .switchPort(let number, let on) in actions {
                let position = USBPosition(bus: hub.bus, ports: hub.ports + [number])
                let slot = description.slots.first { $0.position.usb == position }?.slot
                let chfId = state.withLock { state in
                    if on { state.unpowered.remove(position) } else { state.unpowered.insert(position) }
                    return slot.flatMap { state.occupants[$0] }
                }
                guard let chfId, let seat = seats[chfId] else { continue }
                guard on else {
                    leave(chfId)
                    continue
                }
                seat.unit.withLock { $0.powerCycle() }
                comeBack(seat)
            }
        }
    }

    private func isBehindServer(_ chfId: EUI64) -> Bool {
        state.withLock { state in state.lines.keys.contains { state.occupants[$0] == chfId } }
    }

    private func move(_ chfId: EUI64, to label: String) {
        guard let slot = SlotID(label), position(of: slot) != nil else { return }
        state.withLock { state in
            guard state.occupants[slot] == nil else { return }
            if let old = state.occupants.first(where: { $0.value == chfId })?.key { state.occupants[old] = nil }
            state.occupants[slot] = chfId
        }
    }

    /// A unit that was pulled meanwhile, or is back already, stays as it is.
    private func comeBack(_ seat: UnitSeat) {
        let chfId = seat.description.chfId
        let slot: SlotID? = state.withLock { state in
            guard !state.devices.values.contains(where: { $0.seat === seat }) else { return nil }
            return state.occupants.first { $0.value == chfId }?.key
        }
        if let slot, let position = position(of: slot) { enter(seat, slot, at: position) }
    }

    private func enter(_ seat: UnitSeat, _ slot: SlotID, at position: SlotPosition) {
        switch position {
        case .usb(let position): enter(seat, at: position)
        case .tcp:
            guard let line = line(for: seat, while: { [weak self] in self?.state.withLock { $0.lines[slot] != nil } ?? false }) else {
                return
            }
            let isNew = state.withLock { state in
                guard state.lines[slot] == nil else { return false }
                state.lines[slot] = line
                return true
            }
            if isNew { tcpSlots[slot]?.attach(line) }
        }
    }

    private func enter(_ seat: UnitSeat, at position: USBPosition) {
        let isSerial = seat.unit.withLock { $0.baud } != nil
        let device: BusDevice? = state.withLock { state in
            // A unit that was plugged in while it was about to come back is on the bus once.
            guard !state.devices.values.contains(where: { $0.seat === seat }), !state.unpowered.contains(position) else { return nil }
            let device = BusDevice(
                seat: seat, position: position, number: state.nextNumber(on: position.bus), ttyNumber: isSerial ? state.nextTTY() : nil)
            state.devices[DeviceAddress(bus: position.bus, number: device.number)] = device
            return device
        }
        guard let device else { return }
        if let line = line(for: seat, while: { [weak device] in device.map { !$0.isGone } ?? false }) { device.setLine(line) }
        connectPort(at: position)
        publisher.appeared(device)
    }

    /// `nil` for a unit without a serial line.
    private func line(for seat: UnitSeat, while isThere: @escaping @Sendable () -> Bool) -> UnitLine? {
        guard let baud = seat.unit.withLock({ $0.baud }) else { return nil }
        return UnitLine(seat, baud: baud, time: time) { [weak self] actions in
            self?.perform(actions, by: seat, while: isThere)
        }
    }

    private func leave(_ chfId: EUI64) {
        let (device, server) = state.withLock { state -> (BusDevice?, (slot: SlotID, line: UnitLine)?) in
            if let entry = state.devices.first(where: { $0.value.seat?.description.chfId == chfId }) {
                return (state.devices.removeValue(forKey: entry.key), nil)
            }
            // Who sits there now, or nobody any more.
            guard let slot = state.lines.keys.first(where: { (state.occupants[$0] ?? chfId) == chfId }),
                let line = state.lines.removeValue(forKey: slot)
            else { return (nil, nil) }
            return (nil, (slot, line))
        }
        if let server {
            tcpSlots[server.slot]?.attach(nil)
            server.line.stop()
        }
        guard let device else { return }
        device.leave()
        connectPort(at: device.position)
        publisher.left(device)
    }

    // MARK: Topology

    private func position(of slot: SlotID) -> SlotPosition? { description.slots.first { $0.slot == slot }?.position }

    private func seat(_ chfId: EUI64) throws(SimulatorError) -> UnitSeat {
        guard let seat = seats[chfId] else { throw SimulatorError("there is no unit \(chfId)") }
        return seat
    }

    /// Puts every USB hub on the way to a slot on the bus, root hubs first.
    private func addHubs() {
        var hubs: Set<USBPosition> = []
        for slot in description.slots {
            var parent = slot.position.usb?.parent
            while let hub = parent {
                hubs.insert(hub)
                parent = hub.parent
            }
        }
        let ordered = hubs.sorted { ($0.bus, $0.ports.count, $0.description) < ($1.bus, $1.ports.count, $1.description) }
        for position in ordered {
            let used = (hubs.union(description.slots.compactMap(\.position.usb))).filter { $0.parent == position }.compactMap(\.ports.last)
            let hub = SimulatedUSBHub(isRoot: position.ports.isEmpty, ports: max(4, used.max() ?? 0))
            let device = state.withLock { state in
                let device = BusDevice(hub: hub, position: position, number: state.nextNumber(on: position.bus))
                state.devices[DeviceAddress(bus: position.bus, number: device.number)] = device
                return device
            }
            connectPort(at: position)
            publisher.appeared(device)
        }
    }

    /// Tells the USB hub above a position whether there is a device.
    private func connectPort(at position: USBPosition) {
        guard let parent = position.parent, let port = position.ports.last else { return }
        let (hub, isConnected) = state.withLock { state in
            (
                state.devices.values.first { $0.seat == nil && $0.position == parent },
                state.devices.values.contains { $0.position == position }
            )
        }
        hub?.setConnected(port, isConnected)
    }
}

extension SimulatedDock.State {
    /// As the kernel's cdc_acm numbers ttys: the lowest that is free.
    func nextTTY() -> Int {
        let used = Set(devices.values.compactMap(\.ttyNumber))
        return (0...used.count).first { !used.contains($0) } ?? used.count
    }

    /// As Linux numbers devices: the next free one after the last given, up to 127.
    mutating func nextNumber(on bus: Int) -> Int {
        var number = lastNumber[bus] ?? 0
        repeat {
            number = number % 127 + 1
        } while devices[SimulatedDock.DeviceAddress(bus: bus, number: number)] != nil
        lastNumber[bus] = number
        return number
    }
}
