internal import BenchModel
internal import Synchronization

/// Who has an attachment in use: an open node, or a kernel far away. It holds nothing of it any more once it is told that the device left.
protocol DeviceUser: AnyObject, Sendable {
    func deviceLeft()
}

/// One attachment of a device to a simulated bus: it has a number there until it leaves, and never comes back under the same one.
final class BusDevice: Sendable {
    let position: USBPosition
    let number: Int
    /// Whose it is; `nil` for a USB hub.
    let seat: UnitSeat?
    /// The number of its tty, ttyACM0 and so on; `nil` for a device without one.
    let ttyNumber: Int?
    private let hub: Mutex<SimulatedUSBHub>?
    private let attachment = Mutex(Attachment())

    private struct Attachment {
        var isGone = false
        /// Whether a unit has been told to restart, or is being pulled out.
        var isLeaving = false
        var users: [ObjectIdentifier: any DeviceUser] = [:]
        /// The one client that has it.
        var borrower: PeerSocket?
        /// Who waits for it to leave, by number.
        var departures: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastDeparture = 0
        var line: UnitLine?
        var ports: [InProcessSerialPort] = []
    }

    init(seat: UnitSeat, position: USBPosition, number: Int, ttyNumber: Int?) {
        self.seat = seat
        self.ttyNumber = ttyNumber
        self.position = position
        self.number = number
        hub = nil
    }

    init(hub: SimulatedUSBHub, position: USBPosition, number: Int) {
        seat = nil
        ttyNumber = nil
        self.position = position
        self.number = number
        self.hub = Mutex(hub)
    }

    /// Linux' minor number of major 189.
    var minor: Int { (position.bus - 1) * 128 + number - 1 }
    var node: String { "/dev/bus/usb/\(Self.padded(position.bus))/\(Self.padded(number))" }

    /// The name of its tty; `nil` for a device without one.
    var ttyName: String? { ttyNumber.map { "ttyACM\($0)" } }
    var ttyNode: String? { ttyName.map { "/dev/\($0)" } }

    /// Ports of a USB hub; 0 for a unit.
    var ports: Int { hub?.withLock { $0.ports } ?? 0 }

    var isGone: Bool { attachment.withLock { $0.isGone } }

    var descriptors: [UInt8] {
        seat?.unit.withLock { $0.descriptors } ?? hub?.withLock { $0.descriptors } ?? []
    }

    var strings: (manufacturer: String, product: String, serial: String) {
        seat?.unit.withLock { $0.strings } ?? hub?.withLock { $0.strings } ?? ("", "", "")
    }

    /// An attachment that is about to leave answers nothing any more: what it would answer is the next one's.
    func control(_ setup: SetupPacket, _ data: [UInt8], now: Duration) -> (ControlReply, [DeviceAction]) {
        guard let seat else { return hub?.withLock { $0.control(setup, data, now: now) } ?? (.stall, []) }
        guard !attachment.withLock({ $0.isLeaving }) else { return (.lineError, []) }
        let (reply, actions) = seat.unit.withLock { $0.control(setup, data, now: now) }
        note(actions)
        return (reply, actions)
    }

    func portReset(now: Duration) -> [DeviceAction] {
        let actions = seat?.unit.withLock { $0.portReset(now: now) } ?? []
        note(actions)
        return actions
    }

    private func note(_ actions: [DeviceAction]) {
        if !actions.isEmpty { attachment.withLock { $0.isLeaving = true } }
    }

    /// Of a USB hub: whether there is a device at one of its ports.
    func setConnected(_ port: Int, _ isConnected: Bool) {
        hub?.withLock { hub in
            if isConnected { hub.connected.insert(port) } else { hub.connected.remove(port) }
        }
    }

    /// How the host has set the line; `nil` before it has, and for a device without one.
    var hostLine: HostLine? { seat?.unit.withLock { $0.hostLine } }

    /// The serial line of this attachment.
    var line: UnitLine? { attachment.withLock { $0.line } }

    func setLine(_ line: UnitLine) { attachment.withLock { $0.line = line } }

    /// Opens the line within this process; `nil` where the device has none, or has gone.
    func openPort(_ time: any DockTime) -> InProcessSerialPort? {
        guard let line, !isGone else { return nil }
        let port = InProcessSerialPort(line, device: self, time: time)
        attachment.withLock { $0.ports.append(port) }
        return port
    }

    /// - Returns: `false` where the device is gone already.
    func add(_ user: any DeviceUser) -> Bool {
        attachment.withLock { attachment in
            guard !attachment.isGone else { return false }
            attachment.users[ObjectIdentifier(user)] = user
            return true
        }
    }

    func remove(_ user: any DeviceUser) {
        attachment.withLock { attachment in attachment.users[ObjectIdentifier(user)] = nil }
    }

    /// Takes the device for one client alone, until it is taken back.
    /// - Returns: who has it now: `client`, or another that had it already; `nil` where the device is gone.
    func lend(to client: PeerSocket) -> PeerSocket? {
        attachment.withLock { attachment in
            guard !attachment.isGone else { return nil }
            let borrower = attachment.borrower ?? client
            attachment.borrower = borrower
            return borrower
        }
    }

    func takeBack(from client: PeerSocket) {
        attachment.withLock { attachment in if attachment.borrower === client { attachment.borrower = nil } }
    }

    /// Takes the device off the bus: whatever is pending on it ends.
    func leave() {
        let (users, departures, line, ports) = attachment.withLock { attachment in
            attachment.isGone = true
            defer { (attachment.users, attachment.departures, attachment.line, attachment.ports) = ([:], [:], nil, []) }
            return (
                Array(attachment.users.values), attachment.departures.sorted { $0.key < $1.key }.map(\.value), attachment.line,
                attachment.ports
            )
        }
        line?.stop()
        for port in ports { port.hangUp() }
        for user in users { user.deviceLeft() }
        for departure in departures { departure.resume() }
    }

    /// Returns when the device has left, at the bound, or when the task is cancelled.
    func departure(within bound: Duration, _ time: any DockTime) async {
        let id = attachment.withLock { attachment in
            attachment.lastDeparture += 1
            return attachment.lastDeparture
        }
        let timer = time.queue("departure").timer { [weak self] in self?.stopWaiting(id) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = attachment.withLock { attachment in
                    guard !attachment.isGone, !Task.isCancelled else { return true }
                    attachment.departures[id] = continuation
                    return false
                }
                // Only now: it must not go off before there is somebody to wake.
                if isOver { continuation.resume() } else { timer.set(after: bound) }
            }
        } onCancel: {
            stopWaiting(id)
        }
        timer.cancel()
    }

    private func stopWaiting(_ id: Int) { attachment.withLock { $0.departures.removeValue(forKey: id) }?.resume() }

    static func padded(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 3 - text.count)) + text
    }
}
