internal import BenchModel
internal import CFuse
internal import Dispatch
internal import Foundation

/// Plugs the dock's units into this machine's own kernel, through its virtual USB host controllers (vhci_hcd).
///
/// Bus 1 of the dock is the kernel's first virtual controller, and so on. Sendable: used on `queue` alone.
final class VHCI: DockPublisher, @unchecked Sendable {
    private static let folder = "/sys/devices/platform/vhci_hcd.0"
    /// A port is free again when the kernel has taken down what was there before; nothing tells when. One that is taken anew earlier would
    /// be a port at which nothing changed: vhci_hcd leaves it enabled.
    private static let retryInterval = DispatchTimeInterval.milliseconds(20)
    private static let retries = 500

    private let queue = DispatchQueue(label: "vhci")
    /// High-speed ports of each controller, and all of its ports: the second half is for SuperSpeed.
    private let highSpeedPorts: Int
    private let controllers: Int
    private let allPorts: Int
    private var dock: SimulatedDock?

    /// - Throws: ``SimulatorError`` where the kernel has no such controller, or this user may not use it.
    init() throws(SimulatorError) {
        guard let text = try? String(contentsOfFile: "\(Self.folder)/nports", encoding: .utf8),
            let count = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            let controllers = try? FileManager.default.contentsOfDirectory(atPath: "/sys/devices/platform")
                .filter({ $0.hasPrefix("vhci_hcd.") }).count, controllers > 0
        else {
            throw SimulatorError("\(Self.folder) is not there: load the kernel's module with 'modprobe vhci-hcd'")
        }
        guard unsafe access("\(Self.folder)/attach", W_OK) == 0 else {
            throw SimulatorError("\(Self.folder)/attach: \(unsafe String(cString: strerror(errno))); run as root")
        }
        self.controllers = controllers
        allPorts = count / controllers
        highSpeedPorts = allPorts / 2
    }

    /// To be called before anything is plugged in.
    func use(_ dock: SimulatedDock) throws(SimulatorError) {
        for (slot, position) in dock.description.slots {
            guard let usb = position.usb else { continue }
            guard usb.bus <= controllers, usb.ports.count == 1, usb.ports[0] <= highSpeedPorts else {
                throw SimulatorError(
                    "slot \(slot) is at \(usb): the kernel's virtual controllers have ports 1-1 to \(controllers)-\(highSpeedPorts), and no USB hubs"
                )
            }
        }
        self.dock = dock
    }

    func appeared(_ device: BusDevice) {
        guard device.seat != nil else { return }
        queue.async { @Sendable [self] in attach(device, tries: Self.retries) }
    }

    /// The end of the connection is all that the kernel needs.
    func left(_ device: BusDevice) {}

    private func attach(_ device: BusDevice, tries: Int) {
        guard !device.isGone, let dock, let port = device.position.ports.last else { return }
        guard isFree(device.position) || tries == 0 else { return retry(device, tries) }
        var ends: [CInt] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            return complain(device, "socketpair: \(unsafe String(cString: strerror(errno)))")
        }
        // The kernel keeps its own reference to its end.
        defer { close(ends[1]) }
        let number = (device.position.bus - 1) * allPorts + port - 1
        let problem = write("\(number) \(ends[1]) \(device.position.bus << 16 | device.number) \(USBIP.highSpeed)")
        guard problem == 0 else {
            close(ends[0])
            guard problem == EBUSY, tries > 0 else {
                return complain(device, unsafe String(cString: strerror(problem)))
            }
            return retry(device, tries)
        }
        let socket = PeerSocket(ends[0], name: "\(device.position)")
        socket.queue.async { @Sendable in ImportedDevice(device, dock: dock, socket: socket).start() }
    }

    private func retry(_ device: BusDevice, _ tries: Int) {
        queue.asyncAfter(deadline: .now() + Self.retryInterval) { @Sendable [self] in attach(device, tries: tries - 1) }
    }

    /// Whether the kernel knows no device at this port, whatever number its bus has.
    private func isFree(_ position: USBPosition) -> Bool {
        let controller = "/sys/devices/platform/vhci_hcd.\(position.bus - 1)"
        let buses = ((try? FileManager.default.contentsOfDirectory(atPath: controller)) ?? []).filter { $0.hasPrefix("usb") }
        return !buses.contains { bus in
            FileManager.default.fileExists(atPath: "\(controller)/\(bus)/\(bus.dropFirst(3))-\(position.ports.last ?? 0)")
        }
    }

    /// - Returns: 0, or errno.
    private func write(_ line: String) -> CInt {
        let file = unsafe open("\(Self.folder)/attach", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return errno }
        defer { close(file) }
        return unsafe Foundation.write(file, line, line.utf8.count) < 0 ? errno : 0
    }

    private func complain(_ device: BusDevice, _ problem: String) {
        FileHandle.standardError.write(Data("hubsim: \(device.position) can't be attached: \(problem)\n".utf8))
    }
}
