/// How a line is set up: raw, 8 data bits, no parity, 1 stop bit, no flow control, always.
public struct LineSettings: Hashable, Sendable, Codable {
    /// Bits a second; any that the hardware can make.
    public var baud: Int
    /// Data terminal ready, from the opening on.
    public var dtr: Bool
    /// Request to send, from the opening on.
    public var rts: Bool

    public init(baud: Int = 115_200, dtr: Bool = true, rts: Bool = true) {
        self.baud = baud
        self.dtr = dtr
        self.rts = rts
    }
}

/// Where a serial line is.
public enum SerialAddress: Hashable, Sendable, CustomStringConvertible {
    /// A tty's node.
    case tty(String)
    /// A serial device server, or an emulated device.
    case tcp(host: String, port: UInt16)

    /// `/dev/…` or `tcp://HOST:PORT`, an IPv6 address in brackets.
    public init?(_ text: String) {
        if text.hasPrefix("/dev/"), text.utf8.count > 5 {
            self = .tty(text)
        } else if text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]), port > 0
        {
            var host = text[text.index(text.startIndex, offsetBy: 6)..<max(colon, text.index(text.startIndex, offsetBy: 6))]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            guard !host.isEmpty, !host.contains("/"), !host.contains("@") else { return nil }
            self = .tcp(host: String(host), port: port)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .tty(let node): node
        case .tcp(let host, let port): host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        }
    }
}
