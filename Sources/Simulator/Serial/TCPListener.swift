internal import CFuse
internal import Foundation

/// Listening on an IPv4 address, and taking connections that don't wait to send small messages.
enum TCPListener {
    /// `address`: dotted, or `localhost`.
    /// - Throws: ``SimulatorError`` where the address is none of this machine's, or the port is taken.
    static func open(_ host: String, _ port: UInt16) throws(SimulatorError) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard unsafe inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &address.sin_addr) == 1 else {
            throw SimulatorError("expected an IPv4 address to listen on, found '\(host)'")
        }
        let descriptor = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: CInt = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, listen(descriptor, 16) == 0 else {
            let problem = unsafe String(cString: strerror(errno))
            close(descriptor)
            throw SimulatorError("tcp://\(host):\(port): \(problem)")
        }
        return descriptor
    }

    /// The next connection; `nil` where its client is gone again.
    static func accept(_ listener: CInt) -> CInt? {
        let socket = Foundation.accept(listener, nil, nil)
        guard socket >= 0 else { return nil }
        _ = fcntl(socket, F_SETFL, O_NONBLOCK)
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        var on: CInt = 1
        unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        return socket
    }
}
