internal import BenchModel
internal import Firmware

/// The USB/IP protocol's messages, as the kernel's Documentation/usb/usbip_protocol.rst lays them down: all numbers are big-endian.
enum USBIP {
    /// Of the protocol, 1.1.1.
    static let version: UInt16 = 0x0111
    /// enum usb_device_speed, linux/usb/ch9.h.
    static let highSpeed = 3
    /// Bytes of a name of a port (`busid`).
    private static let nameLength = 32
    private static let pathLength = 256

    /// What a client asks before it has imported a device.
    enum Operation: Equatable {
        /// OP_REQ_DEVLIST.
        case list
        /// OP_REQ_IMPORT of the device at this port.
        case take(String)
    }

    /// Bytes of the head of an operation: version, code, status.
    static let operationHead = 8

    /// The first operation in `bytes` and its length; `nil` while some of it is missing.
    /// - Throws: ``SimulatorError`` for what no client of this protocol sends.
    static func operation(_ bytes: [UInt8]) throws(SimulatorError) -> (operation: Operation, length: Int)? {
        guard bytes.count >= operationHead else { return nil }
        let code = number(bytes, 2, UInt16.self)
        switch code {
        case 0x8005: return (.list, operationHead)
        case 0x8003:
            let length = operationHead + nameLength
            guard bytes.count >= length else { return nil }
            return (.take(String(decoding: bytes[operationHead..<length].prefix { $0 != 0 }, as: UTF8.self)), length)
        default:
            throw SimulatorError(
                "expected OP_REQ_DEVLIST (8005) or OP_REQ_IMPORT (8003), found operation \(Hex.lowercase([UInt8(code >> 8), UInt8(code & 0xFF)]))"
            )
        }
    }

    /// OP_REP_DEVLIST.
    static func list(_ devices: [BusDevice]) -> [UInt8] {
        var bytes = head(0x0005, status: 0)
        bytes.appendBigEndian(UInt32(devices.count))
        for device in devices { bytes += description(of: device, withInterfaces: true) }
        return bytes
    }

    /// OP_REP_IMPORT; `nil` where there is no such device, or another client has it.
    static func taken(_ device: BusDevice?) -> [UInt8] {
        guard let device else { return head(0x0003, status: 1) }
        return head(0x0003, status: 0) + description(of: device, withInterfaces: false)
    }

    private static func head(_ code: UInt16, status: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(version)
        bytes.appendBigEndian(code)
        bytes.appendBigEndian(status)
        return bytes
    }

    /// struct usbip_usb_device, and of each interface its class, subclass and protocol.
    private static func description(of device: BusDevice, withInterfaces: Bool) -> [UInt8] {
        let descriptors = device.descriptors + [UInt8](repeating: 0, count: max(0, 27 - device.descriptors.count))
        var bytes = text("/sys" + SysfsTree.path(of: device.position), pathLength) + text(device.position.description, nameLength)
        bytes.appendBigEndian(UInt32(device.position.bus))
        bytes.appendBigEndian(UInt32(device.number))
        bytes.appendBigEndian(UInt32(highSpeed))
        for offset in [8, 10, 12] { bytes += [descriptors[offset + 1], descriptors[offset]] }
        bytes += descriptors[4...6]
        let interfaces = interfaces(descriptors)
        // bConfigurationValue, bNumConfigurations, bNumInterfaces.
        bytes += [descriptors[23], descriptors[17], UInt8(truncatingIfNeeded: interfaces.count)]
        if withInterfaces { for interface in interfaces { bytes += interface + [0] } }
        return bytes
    }

    /// Class, subclass and protocol of the first setting of each interface.
    private static func interfaces(_ descriptors: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var rest = descriptors.dropFirst(18)
        while let length = rest.first.map(Int.init), length >= 2, rest.count >= length {
            let one = Array(rest.prefix(length))
            if one[1] == 4, length >= 9, one[3] == 0 { found.append(Array(one[5...7])) }
            rest = rest.dropFirst(length)
        }
        return found
    }

    private static func text(_ text: String, _ length: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(length - 1))
        return bytes + [UInt8](repeating: 0, count: length - bytes.count)
    }

    static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int, _: Number.Type) -> Number {
        bytes[offset..<offset + Number.bitWidth / 8].reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}

extension USBIP {
    /// What the client's kernel wants of an imported device.
    enum Command: Equatable {
        /// USBIP_CMD_SUBMIT.
        case submit(URB)
        /// USBIP_CMD_UNLINK of the URB with sequence number `of`.
        case unlink(sequence: UInt32, of: UInt32)
    }

    struct URB: Equatable {
        var sequence: UInt32
        /// The endpoint's number, 0 to 15.
        var endpoint: Int
        var isIn: Bool
        /// Bytes of the client's buffer.
        var length: Int
        var setup: SetupPacket
        /// Of an OUT transfer.
        var data: [UInt8] = []
    }

    /// Bytes of a command's head, and of a reply's.
    static let commandHead = 48

    /// The first command in `bytes` and its length; `nil` while some of it is missing.
    /// - Throws: ``SimulatorError`` for what no client of this protocol sends.
    static func command(_ bytes: [UInt8]) throws(SimulatorError) -> (command: Command, length: Int)? {
        guard bytes.count >= commandHead else { return nil }
        let sequence = number(bytes, 4, UInt32.self)
        switch number(bytes, 0, UInt32.self) {
        case 1:
            let isIn = number(bytes, 12, UInt32.self) == 1
            let length = Int(number(bytes, 24, Int32.self))
            guard (0...USBIP.bufferLimit).contains(length) else {
                throw SimulatorError("expected a transfer of 0 to \(bufferLimit) bytes, found \(length)")
            }
            let total = commandHead + (isIn ? 0 : length)
            guard bytes.count >= total, let setup = SetupPacket(bytes[40..<48]) else { return nil }
            let urb = URB(
                sequence: sequence, endpoint: Int(number(bytes, 16, UInt32.self) & 0x0F), isIn: isIn, length: length, setup: setup,
                data: Array(bytes[commandHead..<total]))
            return (.submit(urb), total)
        case 2:
            return (.unlink(sequence: sequence, of: number(bytes, 20, UInt32.self)), commandHead)
        case let other:
            throw SimulatorError("expected USBIP_CMD_SUBMIT (1) or USBIP_CMD_UNLINK (2), found command \(other)")
        }
    }

    /// The longest transfer that is taken, bytes.
    static let bufferLimit = 1 << 20

    /// USBIP_RET_SUBMIT. `status`: 0 or -errno. `data`: of an IN transfer; `taken`: bytes of an OUT transfer.
    static func returned(_ urb: URB, status: CInt, data: [UInt8] = [], taken: Int = 0) -> [UInt8] {
        var bytes = replyHead(3, urb.sequence)
        bytes.appendBigEndian(UInt32(bitPattern: status))
        bytes.appendBigEndian(UInt32(urb.isIn ? data.count : taken))
        // start_frame, number_of_packets, error_count, padding: of isochronous transfers alone.
        return bytes + [UInt8](repeating: 0, count: commandHead - bytes.count) + data
    }

    /// USBIP_RET_UNLINK. `status`: -ECONNRESET where the URB was still pending, 0 where it had been returned.
    static func unlinked(_ sequence: UInt32, status: CInt) -> [UInt8] {
        var bytes = replyHead(4, sequence)
        bytes.appendBigEndian(UInt32(bitPattern: status))
        return bytes + [UInt8](repeating: 0, count: commandHead - bytes.count)
    }

    private static func replyHead(_ command: UInt32, _ sequence: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(command)
        bytes.appendBigEndian(sequence)
        // devid, direction and endpoint: left at zero by a server.
        return bytes + [UInt8](repeating: 0, count: 12)
    }
}
