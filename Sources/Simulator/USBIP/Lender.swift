internal import CFuse
internal import Dispatch
internal import Foundation

/// `hubsim export` and `hubsim attach`: a dock whose units real kernels drive.
public enum Lender {
    /// USB/IP's registered TCP port.
    public static let defaultPort: UInt16 = 3240

    /// Where a dock's units are to be had.
    public enum Place: Sendable {
        /// Over TCP, for whoever speaks USB/IP.
        case tcp(host: String, port: UInt16)
        /// At this machine's own virtual USB host controllers.
        case ownKernel
    }

    /// Serves the dock until SIGTERM, SIGINT or SIGHUP comes. To be called while the process has one thread. `ready` is told once all units are
    /// plugged in.
    /// - Throws: ``SimulatorError`` where it can't be served.
    public static func run(_ description: DockDescription, socket: String, at place: Place, ready: () -> Void) throws(SimulatorError) {
        let listener = try ControlSocket.listen(at: socket)
        defer { unsafe unlink(socket) }
        // Inherited by all threads: a signal is read here and ends nothing by itself.
        let signals = try SystemCall.check("signalfd", hubsim_signal_descriptor())
        let dock: SimulatedDock
        let exports: ExportServer?
        switch place {
        case .tcp(let host, let port):
            dock = try SimulatedDock(description, publisher: Unpublished())
            exports = try ExportServer(dock, address: host, port: port)
        case .ownKernel:
            let kernel = try VHCI()
            dock = try SimulatedDock(description, publisher: kernel)
            try kernel.use(dock)
            exports = nil
        }
        try dock.plugAll()
        let control = ControlServer(dock, listener: listener)
        ready()
        while true {
            let signal = abs(hubsim_next_signal(signals))
            if [SIGTERM, SIGINT, SIGHUP, SIGQUIT].contains(signal) { break }
        }
        control.stop()
        exports?.stop()
        dock.unplugAll()
    }
}

/// Clients ask for what there is.
private struct Unpublished: DockPublisher {
    func appeared(_ device: BusDevice) {}
    func left(_ device: BusDevice) {}
}
