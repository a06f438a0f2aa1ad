/// How a host has set a CDC-ACM device's line.
public struct HostLine: Codable, Sendable, Equatable {
    /// Bits a second.
    public var baud: Int
    /// Data terminal ready: whether a program has the tty open, unless it was told to leave the signal alone.
    public var dtr: Bool
    /// Request to send.
    public var rts: Bool
}

/// The requests of USB CDC's subclass for telephones (PSTN 1.2 §6.3) by which a host sets a line.
struct LineControl: Sendable {
    /// dwDTERate, little-endian, then stop bits, parity and data bits (§6.3.11).
    private var coding: [UInt8] = [0x00, 0xC2, 0x01, 0x00, 0, 0, 8]
    private var signals: UInt16 = 0
    private var isSet = false

    var host: HostLine? {
        guard isSet else { return nil }
        let baud = coding.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        return HostLine(baud: baud, dtr: signals & 1 != 0, rts: signals & 2 != 0)
    }

    /// `nil` where the request is none of these.
    mutating func answer(_ setup: SetupPacket, _ data: [UInt8]) -> ControlReply? {
        switch (setup.type, setup.request) {
        case (0x21, 0x20):
            guard data.count == coding.count else { return .stall }
            (coding, isSet) = (data, true)
        case (0xA1, 0x21):
            return .data(Array(coding.prefix(Int(setup.length))))
        case (0x21, 0x22):
            (signals, isSet) = (setup.value, true)
        // SEND_BREAK: the unit's UART takes no notice.
        case (0x21, 0x23):
            break
        default:
            return nil
        }
        return .done
    }
}
