/// Consistent Overhead Byte Stuffing (Cheshire and Baker, 1997) of a message and its CRC-16/XMODEM (big-endian), ended by a zero
/// byte: MCUboot's raw serial recovery with `BOOT_SERIAL_RAW_PROTOCOL_COBS`.
enum COBSFrame {
    static let end: UInt8 = 0

    static func encode(_ message: [UInt8]) -> [UInt8] {
        let crc = CRC16.of(message)
        var wire: [UInt8] = [0]
        wire.reserveCapacity(message.count + message.count / 254 + 5)
        var codeIndex = 0
        var code: UInt8 = 1
        func close() {
            wire[codeIndex] = code
            codeIndex = wire.count
            wire.append(0)
            code = 1
        }
        for byte in message + [UInt8(crc >> 8), UInt8(crc & 0xFF)] {
            if byte != 0 {
                wire.append(byte)
                code += 1
                if code != 0xFF { continue }
            }
            close()
        }
        wire[codeIndex] = code
        wire.append(end)
        return wire
    }

    /// The message of a frame without its zero; `nil` where it is damaged.
    static func decode(_ frame: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(frame.count)
        var index = frame.startIndex
        while index < frame.endIndex {
            let code = Int(frame[index])
            guard code > 0, index + code <= frame.endIndex else { return nil }
            bytes += frame[index + 1..<index + code]
            index += code
            if code != 0xFF, index < frame.endIndex { bytes.append(0) }
        }
        guard bytes.count > 2 else { return nil }
        let crc = UInt16(bytes[bytes.count - 2]) << 8 | UInt16(bytes[bytes.count - 1])
        bytes.removeLast(2)
        return CRC16.of(bytes) == crc ? bytes : nil
    }
}
