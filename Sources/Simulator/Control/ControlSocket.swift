internal import CFuse
internal import Foundation

/// The Unix socket on which a running dock takes orders.
public enum ControlSocket {
    /// Where the socket of a dock is unless told otherwise: named by `HUBSIM_SOCKET`, else in the temporary folder.
    public static func defaultPath(dock: String) -> String {
        ProcessInfo.processInfo.environment["HUBSIM_SOCKET"]
            ?? "\(NSTemporaryDirectory())hubsim-\(getuid())-\(dock).sock"
    }

    /// The socket of the one dock that this user runs.
    /// - Throws: ``SimulatorError`` where there is none, or more than one.
    public static func onlyOne() throws(SimulatorError) -> String {
        if let named = ProcessInfo.processInfo.environment["HUBSIM_SOCKET"] { return named }
        let folder = NSTemporaryDirectory()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let sockets = names.filter { $0.hasPrefix("hubsim-\(getuid())-") && $0.hasSuffix(".sock") }.sorted()
        guard let first = sockets.first else {
            throw SimulatorError("no simulated dock is running; start one with 'hubsim run'")
        }
        guard sockets.count == 1 else {
            throw SimulatorError("several docks are running (\(sockets.joined(separator: ", "))); name one with --socket")
        }
        return folder + first
    }

    /// Makes the socket. A file left there by a dock that was killed is replaced; one that answers is not.
    static func listen(at path: String) throws(SimulatorError) -> CInt {
        if let other = try? connect(to: path) {
            close(other)
            throw SimulatorError("\(path): a dock of this name is running already")
        }
        unsafe unlink(path)
        let descriptor = try socket(path)
        let result = try unsafe withAddress(path) { unsafe bind(descriptor, $0, $1) }
        guard result == 0, Foundation.listen(descriptor, 8) == 0 else {
            throw SimulatorError("\(path): \(unsafe String(cString: strerror(errno)))")
        }
        unsafe chmod(path, 0o600)
        return descriptor
    }

    /// Sends one request and returns the answer.
    /// - Throws: ``SimulatorError``, also for what the dock refused.
    public static func ask(_ request: DockOrder, at path: String) throws(SimulatorError) -> DockAnswer {
        let descriptor = try connect(to: path)
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            var line = try JSONEncoder().encode(request)
            line.append(UInt8(ascii: "\n"))
            try file.write(contentsOf: line)
            shutdown(descriptor, Int32(SHUT_WR))
            let reply = try JSONDecoder().decode(DockAnswer.self, from: try file.readToEnd() ?? Data())
            if let error = reply.error { throw SimulatorError(error) }
            return reply
        } catch let error as SimulatorError {
            throw error
        } catch {
            throw SimulatorError("\(path): \(error)")
        }
    }

    private static func connect(to path: String) throws(SimulatorError) -> CInt {
        let descriptor = try socket(path)
        guard try unsafe withAddress(path, { unsafe Foundation.connect(descriptor, $0, $1) }) == 0 else {
            let problem = unsafe String(cString: strerror(errno))
            close(descriptor)
            throw SimulatorError("\(path): \(problem); is 'hubsim run' running?")
        }
        return descriptor
    }

    private static func socket(_ path: String) throws(SimulatorError) -> CInt {
        let descriptor = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SimulatorError("\(path): \(unsafe String(cString: strerror(errno)))") }
        return descriptor
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(SimulatorError) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // unix(7): 108 bytes with the closing zero.
        guard bytes.count < 108 else { throw SimulatorError("\(path): longer than the 107 bytes of a socket's path") }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
