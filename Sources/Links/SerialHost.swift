public import BenchModel
internal import CSerial
internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#endif

/// Opens serial lines.
public struct SerialHost: Sendable {
    public init() {}

    /// Opens a tty for this program alone, or connects to a serial device server.
    /// - Throws: ``SerialError``; `access`, `busy` and `gone` may pass by themselves just after plug-in.
    public func open(
        _ address: SerialAddress, _ settings: LineSettings, timeout: Duration
    ) async throws(SerialError) -> any SerialPort {
        switch address {
        case .tty(let node): try await Self.openAside(node, settings)
        case .tcp(let host, let port): try await Self.connect(host, port, timeout: timeout)
        }
    }

    /// Setting up a USB tty is requests to its device, which block for as long as it does not answer.
    private static func openAside(_ node: String, _ settings: LineSettings) async throws(SerialError) -> any SerialPort {
        try await DispatchQueue(pooled: "open.\(node)").run { () throws(SerialError) in try openTTY(node, settings) }
    }

    private static func openTTY(_ node: String, _ settings: LineSettings) throws(SerialError) -> any SerialPort {
        // Not blocking: a tty without CLOCAL would wait for a carrier here.
        let descriptor = unsafe Glibc.open(node, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(node)", errno) }
        do throws(SerialError) {
            guard isatty(descriptor) == 1 else { throw SerialError(.settings, "\(node) is not a tty") }
            try check("take \(node)", reflash_serial_exclude(descriptor, 1))
            try check("set \(node) to \(settings.baud) baud", reflash_serial_set_raw(descriptor, UInt32(settings.baud)))
            let lines = reflash_serial_lines(descriptor, settings.dtr ? 1 : 0, settings.rts ? 1 : 0)
            // A pty has no modem lines.
            if ![-EINVAL, -ENOTTY].contains(lines) { try check("set DTR and RTS of \(node)", lines) }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return DescriptorPort(descriptor, name: node, isTTY: true)
    }

    // MARK: TCP

    private static func connect(_ host: String, _ port: UInt16, timeout: Duration) async throws(SerialError) -> any SerialPort {
        let name = "\(SerialAddress.tcp(host: host, port: port))"
        var last = SerialError(.unreachable, "\(name): the host has no address")
        for address in try await resolve(host, port, name) {
            do throws(SerialError) {
                return DescriptorPort(try await connect(address, name, timeout), name: name, isTTY: false)
            } catch {
                if error.code == .cancelled { throw error }
                last = error
            }
        }
        throw last
    }

    /// A socket address as the resolver gave it.
    private struct Address: Sendable {
        let family: CInt
        let bytes: [UInt8]
    }

    /// The resolver blocks, for half a minute where no name server answers: one thread for all who ask, not one of the pool's few, on which
    /// all lines' bytes move.
    private static let resolver = DispatchQueue(label: "serial.resolve")

    private static func resolve(_ host: String, _ port: UInt16, _ name: String) async throws(SerialError) -> [Address] {
        try await resolver.run { () throws(SerialError) in
            var hints = unsafe addrinfo()
            unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
            guard code == 0 else { throw SerialError(.unreachable, "\(name): \(unsafe String(cString: gai_strerror(code)))") }
            defer { unsafe freeaddrinfo(list) }
            var addresses: [Address] = []
            var entry = unsafe list
            while let current = unsafe entry?.pointee {
                if let address = unsafe current.ai_addr {
                    let raw = unsafe UnsafeRawBufferPointer(start: address, count: Int(current.ai_addrlen))
                    unsafe addresses.append(Address(family: current.ai_family, bytes: Array(raw)))
                }
                unsafe entry = current.ai_next
            }
            return addresses
        }
    }

    private static func connect(_ address: Address, _ name: String, _ timeout: Duration) async throws(SerialError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw failure("socket", errno) }
        let result = unsafe address.bytes.withUnsafeBytes { raw in
            unsafe raw.withMemoryRebound(to: sockaddr.self) { unsafe Glibc.connect(descriptor, $0.baseAddress, socklen_t(raw.count)) }
        }
        var problem = result == 0 ? 0 : errno
        if problem == EINPROGRESS {
            problem = await Writability.wait(descriptor, timeout) ? reflash_socket_error(descriptor) : ETIMEDOUT
        }
        guard problem == 0 else {
            Glibc.close(descriptor)
            throw SerialError(.unreachable, "\(name): \(USBError.system(problem))")
        }
        reflash_tcp_tune(descriptor)
        return descriptor
    }

    // MARK: Errors

    private static func check(_ call: String, _ result: CInt) throws(SerialError) {
        if result < 0 { throw failure(call, -result) }
    }

    private static func failure(_ call: String, _ number: CInt) -> SerialError {
        let code: SerialError.Code =
            switch number {
            case EACCES, EPERM: .access
            case ENODEV, ENOENT, ENXIO, EIO: .gone
            case EBUSY, EWOULDBLOCK: .busy
            case EINVAL, ENOTTY: .settings
            case EMFILE, ENFILE, ENOMEM: .noMemory
            default: .io
            }
        let cause = code == .busy ? "another program holds it" : USBError.system(number)
        return SerialError(code, "\(call): \(cause)")
    }
}

/// Waits until a socket that is connecting has an answer. The socket stays open.
private enum Writability {
    static func wait(_ descriptor: CInt, _ timeout: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let queue = DispatchQueue(pooled: "serial.connect")
            let answer = Answer()
            let watch = DescriptorWatch(descriptor, queue: queue) {
                // When nothing uses the descriptor any more, which its owner may close then.
                continuation.resume(returning: answer.isWritable)
            } handler: { _, isWritable in
                answer.isWritable = isWritable
                answer.watch?.cancel()
            }
            queue.async { @Sendable in
                answer.watch = watch
                watch.wantWrite()
            }
            queue.asyncAfter(deadline: .now() + timeout.dispatchInterval) { @Sendable in
                watch.cancel()
                answer.watch = nil
            }
        }
    }

    /// Sendable: used on the one queue of the wait.
    private final class Answer: @unchecked Sendable {
        var watch: DescriptorWatch?
        var isWritable = false
    }
}
