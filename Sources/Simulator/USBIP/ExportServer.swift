internal import CFuse
internal import Dispatch
internal import Foundation
internal import Links

/// Lends the dock's units to whoever speaks USB/IP over TCP: `usbip attach` on a workstation, or a program.
///
/// Sendable: what changes is the dock's.
final class ExportServer: Sendable {
    private let dock: SimulatedDock
    private let listener: SourceHandle

    /// - Parameter address: where to listen, an IPv4 address or `localhost`.
    /// - Throws: ``SimulatorError`` where that can't be.
    init(_ dock: SimulatedDock, address: String, port: UInt16) throws(SimulatorError) {
        self.dock = dock
        let descriptor = try TCPListener.open(address, port)
        listener = SourceHandle(DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: DispatchQueue(label: "usbip.listen")))
        listener.source.setEventHandler { @Sendable [dock] in
            guard let socket = TCPListener.accept(descriptor) else { return }
            let peer = PeerSocket(socket, name: "\(socket)")
            peer.queue.async { @Sendable in ExportConnection(peer, dock).start() }
        }
        listener.source.setCancelHandler { @Sendable in close(descriptor) }
        listener.source.activate()
    }

    func stop() { listener.source.cancel() }
}

/// A client that has not imported a device yet. Sendable: used on the socket's queue alone.
private final class ExportConnection: @unchecked Sendable {
    private let socket: PeerSocket
    private let dock: SimulatedDock
    private var inbox: [UInt8] = []
    /// Whether it waits for the device that it has asked for.
    private var isTaking = false

    init(_ socket: PeerSocket, _ dock: SimulatedDock) {
        self.socket = socket
        self.dock = dock
    }

    func start() {
        socket.read { @Sendable [self] bytes in
            inbox += bytes
            takeOperations()
        } ended: {
        }
    }

    private func takeOperations() {
        do throws(SimulatorError) {
            guard !isTaking, let (operation, length) = try USBIP.operation(inbox) else { return }
            inbox.removeFirst(length)
            let units = dock.devices.filter { $0.seat != nil }
            switch operation {
            case .list:
                // As usbipd does: one list, and the end.
                socket.send(USBIP.list(units))
                socket.close()
            case .take(let busid):
                isTaking = true
                take(units.first { $0.position.description == busid })
            }
        } catch {
            FileHandle.standardError.write(Data("hubsim: \(error)\n".utf8))
            socket.close()
        }
    }

    /// A client that has left gives the device back, also when its end has not been noticed yet: the next may have connected since.
    private func take(_ device: BusDevice?, isLastTry: Bool = false) {
        guard let device, let borrower = device.lend(to: socket), borrower === socket || !isLastTry else {
            socket.send(USBIP.taken(nil))
            return socket.close()
        }
        guard borrower === socket else {
            return borrower.queue.async { @Sendable [self] in
                borrower.lookForEnd()
                socket.queue.async { @Sendable [self] in take(device, isLastTry: true) }
            }
        }
        socket.send(USBIP.taken(device))
        ImportedDevice(device, dock: dock, socket: socket, inbox: inbox).start()
    }
}
