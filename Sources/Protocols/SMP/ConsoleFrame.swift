internal import Foundation

/// SMP over console (Zephyr `services/device_mgmt/smp_transport`, "UART/serial and console"): a packet is its length (16 bits,
/// big-endian, of message and CRC), the message and its CRC; base64 of it in lines.
enum ConsoleFrame {
    static let first: [UInt8] = [0x06, 0x09]
    static let continuation: [UInt8] = [0x04, 0x14]
    static let end = UInt8(ascii: "\n")

    static func encode(_ message: [UInt8], lineLength: Int) -> [UInt8] {
        let length = message.count + 2
        let crc = CRC16.of(message)
        let packet = [UInt8(length >> 8), UInt8(length & 0xFF)] + message + [UInt8(crc >> 8), UInt8(crc & 0xFF)]
        let text = Array(Data(packet).base64EncodedData())
        let room = textLength(lineLength: lineLength)
        var wire: [UInt8] = []
        wire.reserveCapacity(text.count + (text.count / room + 1) * 3)
        for start in stride(from: 0, to: text.count, by: room) {
            wire += start == 0 ? first : continuation
            wire += text[start..<min(start + room, text.count)]
            wire.append(end)
        }
        return wire
    }

    /// Base64 characters of a line: whole groups of four beside the two bytes of prefix and the newline.
    static func textLength(lineLength: Int) -> Int { max(4, (lineLength - 3) / 4 * 4) }

    enum Line {
        case first([UInt8])
        case continuation([UInt8])
        case noise
    }

    /// Reads a line without its newline. A prefix may come after other text that was not ended by a newline.
    static func read(_ line: ArraySlice<UInt8>) -> Line {
        var text = line
        if text.last == UInt8(ascii: "\r") { text.removeLast() }
        var index = text.startIndex
        while index + 1 < text.endIndex {
            let prefix = [text[index], text[index + 1]]
            if prefix == first || prefix == continuation {
                guard let bytes = Data(base64Encoded: Data(text[(index + 2)...])) else { return .noise }
                return prefix == first ? .first(Array(bytes)) : .continuation(Array(bytes))
            }
            index += 1
        }
        return .noise
    }

    enum Packet {
        case incomplete
        case damaged
        case message([UInt8])
    }

    static func unwrap(_ packet: [UInt8], limit: Int) -> Packet {
        guard packet.count >= 2 else { return .incomplete }
        let length = Int(packet[0]) << 8 | Int(packet[1])
        guard length > 2, length <= limit + 2 else { return .damaged }
        guard packet.count >= length + 2 else { return .incomplete }
        guard packet.count == length + 2 else { return .damaged }
        let message = packet[2..<length]
        let crc = UInt16(packet[length]) << 8 | UInt16(packet[length + 1])
        return CRC16.of(message) == crc ? .message(Array(message)) : .damaged
    }
}
