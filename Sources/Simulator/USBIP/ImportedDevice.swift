internal import CFuse
internal import DequeModule
internal import Foundation
internal import Links

/// A device of the dock that a kernel has imported: answers its URBs over one socket, until either side ends it.
///
/// Sendable: everything that changes is used on the socket's queue alone.
final class ImportedDevice: DeviceUser, LineEnd, @unchecked Sendable {
    private let device: BusDevice
    private let dock: SimulatedDock
    private let socket: PeerSocket
    private var inbox: [UInt8]
    /// URBs that wait for something to happen: no answer, or an endpoint without traffic.
    private var waiting: [USBIP.URB] = []
    /// Control transfers behind one that has no answer: endpoint 0 carries one after the other.
    private var held: Deque<USBIP.URB> = []
    private var resets = PortResets()
    private var isGone = false

    // The serial line of a CDC-ACM device.
    private var readers: Deque<USBIP.URB> = []
    private var writers: Deque<USBIP.URB> = []
    private var toUnit: [UInt8] = []
    private var toHost: [UInt8] = []
    private var isConnected = false
    private var isClosing = false

    /// The endpoint of a CDC-ACM unit's data, both ways; see ``SimulatedUnit2G3G``.
    private static let dataEndpoint = 1
    /// What the unit's USB peripheral keeps for its UART, bytes.
    private static let toUnitLimit = 4096
    /// As much as a tty's driver keeps, bytes; the rest is lost, as on a real line.
    private static let toHostLimit = 65_536

    /// `inbox`: what has been read of the socket already.
    init(_ device: BusDevice, dock: SimulatedDock, socket: PeerSocket, inbox: [UInt8] = []) {
        self.device = device
        self.dock = dock
        self.socket = socket
        self.inbox = inbox
    }

    /// Serves the device. The socket keeps this object alive until it ends. On the socket's queue.
    func start() {
        socket.read { @Sendable [self] bytes in
            inbox += bytes
            takeCommands()
        } ended: { @Sendable [self] in
            isGone = true
            disconnectLine()
            device.remove(self)
            device.takeBack(from: socket)
        }
        guard !isGone, device.add(self) else { return deviceLeft() }
        takeCommands()
    }

    /// The device has left the bus: to its client the connection's end is its unplugging.
    func deviceLeft() {
        socket.queue.async { @Sendable [self] in
            isGone = true
            socket.close()
        }
    }

    private func takeCommands() {
        do throws(SimulatorError) {
            while !isGone, let (command, length) = try USBIP.command(inbox) {
                inbox.removeFirst(length)
                switch command {
                case .submit(let urb): submit(urb)
                case .unlink(let sequence, let other): unlink(sequence, other)
                }
            }
        } catch {
            FileHandle.standardError.write(Data("hubsim: \(device.position): \(error); the connection is ended\n".utf8))
            socket.close()
        }
    }

    private func submit(_ urb: USBIP.URB) {
        switch urb.endpoint {
        case 0 where isControlWaiting: held.append(urb)
        case 0: control(urb)
        case Self.dataEndpoint where device.line != nil:
            connectLine()
            if urb.isIn { readers.append(urb) } else { writers.append(urb) }
            pump()
        default: waiting.append(urb)
        }
    }

    private func unlink(_ sequence: UInt32, _ other: UInt32) {
        let wasReader = remove(other, from: \.readers)
        let wasPending = wasReader || remove(other, from: \.writers) || remove(other, from: \.held) || removeWaiting(other)
        socket.send(USBIP.unlinked(sequence, status: wasPending ? -ECONNRESET : 0))
        // A driver keeps reading as long as somebody has the tty open.
        if wasReader, readers.isEmpty { hostCloses() }
        while !isControlWaiting, let next = held.popFirst() { control(next) }
    }

    /// What the host has sent still goes to the unit.
    private func hostCloses() {
        toHost = []
        isClosing = true
        if toUnit.isEmpty { disconnectLine() }
    }

    private func remove(_ sequence: UInt32, from queue: ReferenceWritableKeyPath<ImportedDevice, Deque<USBIP.URB>>) -> Bool {
        guard let index = self[keyPath: queue].firstIndex(where: { $0.sequence == sequence }) else { return false }
        self[keyPath: queue].remove(at: index)
        return true
    }

    private func removeWaiting(_ sequence: UInt32) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.sequence == sequence }) else { return false }
        waiting.remove(at: index)
        return true
    }

    // MARK: Control transfers

    private var isControlWaiting: Bool { waiting.contains { $0.endpoint == 0 } }

    private func control(_ urb: USBIP.URB) {
        let before = resets.sees(urb.setup) ? device.portReset(now: dock.now) : []
        let (reply, actions) = device.control(urb.setup, urb.data, now: dock.now)
        switch reply {
        case .data(let answer):
            let data = urb.isIn ? Array(answer.prefix(urb.length)) : []
            socket.send(USBIP.returned(urb, status: 0, data: data, taken: urb.data.count))
        case .stall: socket.send(USBIP.returned(urb, status: -EPIPE))
        case .lineError: socket.send(USBIP.returned(urb, status: -EPROTO))
        case .silence: waiting.append(urb)
        }
        dock.perform(before + actions, by: device)
    }

    // MARK: The serial line

    private func connectLine() {
        isClosing = false
        guard !isConnected else { return }
        isConnected = true
        device.line?.connect(self)
    }

    private func disconnectLine() {
        guard isConnected else { return }
        isConnected = false
        (toUnit, toHost) = ([], [])
        device.line?.connect(nil)
    }

    /// Carries what can be carried between URBs and the line.
    private func pump() {
        var hasMore = false
        while let urb = writers.first, toUnit.isEmpty || toUnit.count + urb.data.count <= Self.toUnitLimit {
            writers.removeFirst()
            toUnit += urb.data
            hasMore = true
            socket.send(USBIP.returned(urb, status: 0, taken: urb.data.count))
        }
        if hasMore { device.line?.wake() }
        while !toHost.isEmpty, let urb = readers.popFirst() {
            let data = Array(toHost.prefix(urb.length))
            toHost.removeFirst(data.count)
            socket.send(USBIP.returned(urb, status: 0, data: data))
        }
    }

    func take(_ limit: Int) -> [UInt8] {
        socket.queue.sync {
            let bytes = Array(toUnit.prefix(limit))
            toUnit.removeFirst(bytes.count)
            if !bytes.isEmpty { pump() }
            if isClosing, toUnit.isEmpty { disconnectLine() }
            return bytes
        }
    }

    func give(_ bytes: [UInt8]) {
        socket.queue.async { @Sendable [self] in
            guard isConnected, toHost.count + bytes.count <= Self.toHostLimit else { return }
            toHost += bytes
            pump()
        }
    }

    var baud: Int? { device.hostLine?.baud }
}

/// Finds the resets of the port in what a kernel asks of a device. USB/IP has no message for them: vhci_hcd resets and addresses its ports
/// by itself. But only a kernel that has just reset a port asks for 64 bytes of the 18 of a device descriptor (hub.c,
/// GET_DESCRIPTOR_BUFSIZE), and a device that is configured already is not newly plugged in.
struct PortResets {
    private var isConfigured = false

    private static let askedAfterReset: UInt16 = 64

    /// Whether this request shows that the port was reset.
    mutating func sees(_ setup: SetupPacket) -> Bool {
        switch (setup.type, setup.request) {
        case (0x00, 9):
            isConfigured = setup.value > 0
            return false
        case (0x80, 6) where setup.value == 0x0100 && setup.length == Self.askedAfterReset && isConfigured:
            isConfigured = false
            return true
        default:
            return false
        }
    }
}
