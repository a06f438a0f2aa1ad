import Testing

@testable import Simulator

/// USB/IP's bytes as the kernel's Documentation/usb/usbip_protocol.rst shows them.
@Suite struct USBIPTests {
    private static func word(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// USBIP_CMD_SUBMIT of GET_DESCRIPTOR, and of a DFU_DNLOAD of four bytes.
    private static let getDescriptor: [UInt8] =
        [1, 0x0D05, 0x0001_0002, 1, 0, 0x200, 64, 0xFFFF_FFFF, 0, 0].flatMap(word) + [0x80, 6, 0, 1, 0, 0, 64, 0]
    private static let download: [UInt8] =
        [1, 7, 0x0001_0002, 0, 0, 0, 4, 0, 0, 0].flatMap(word) + [0x21, 1, 0, 0, 0, 0, 4, 0] + [1, 2, 3, 4]

    @Test func `a command is read once all of it is there`() throws {
        for bytes in [Self.getDescriptor, Self.download] {
            for count in 0..<bytes.count { #expect(try USBIP.command(Array(bytes.prefix(count))) == nil) }
            let (_, length) = try #require(try USBIP.command(bytes + [9, 9]))
            #expect(length == bytes.count)
        }
    }

    @Test func `a transfer's direction, endpoint, set-up packet and data are read`() throws {
        guard case .submit(let get)? = try USBIP.command(Self.getDescriptor)?.command,
            case .submit(let put)? = try USBIP.command(Self.download)?.command
        else {
            Issue.record("no transfers")
            return
        }
        #expect(get.isIn && get.sequence == 0x0D05 && get.length == 64 && get.data.isEmpty)
        #expect(get.setup == SetupPacket(type: 0x80, request: 6, value: 0x0100, index: 0, length: 64))
        #expect(!put.isIn && put.data == [1, 2, 3, 4])
    }

    @Test func `an answer has the sequence number, the status and the length of its data`() throws {
        guard case .submit(let urb)? = try USBIP.command(Self.getDescriptor)?.command else {
            Issue.record("no transfer")
            return
        }
        let bytes = USBIP.returned(urb, status: 0, data: [18, 1])
        #expect(bytes.prefix(28) == ([3, 0x0D05, 0, 0, 0, 0, 2].flatMap(Self.word))[...])
        #expect(bytes.count == 50 && bytes.suffix(2) == [18, 1])
        #expect(USBIP.returned(urb, status: -32).prefix(24).suffix(4) == [0xFF, 0xFF, 0xFF, 0xE0])
    }

    @Test(arguments: [([9, 0, 0, 0, 0, 0, 0], "command"), ([1, 0, 0, 0, 0, 0, 0x7FFF_FFFF], "transfer")] as [([UInt32], String)])
    func `what no client sends ends the connection, and is named`(words: [UInt32], what: String) {
        let bytes = words.flatMap(Self.word) + [UInt8](repeating: 0, count: 48 - words.count * 4)
        let error = #expect(throws: SimulatorError.self) { try USBIP.command(bytes) }
        #expect(error?.description.contains(what) == true)
    }

    @Test func `a client asks for the list, or for a device by its port`() throws {
        let list: [UInt8] = [1, 0x11, 0x80, 5, 0, 0, 0, 0]
        let name = Array("1-2".utf8)
        let take: [UInt8] = [1, 0x11, 0x80, 3, 0, 0, 0, 0] + name + [UInt8](repeating: 0, count: 32 - name.count)
        #expect(try USBIP.operation(list)?.operation == .list)
        #expect(try USBIP.operation(take)?.operation == .take("1-2"))
        #expect(try USBIP.operation(Array(take.dropLast())) == nil)
        #expect(throws: SimulatorError.self) { try USBIP.operation([1, 0x11, 0x80, 9, 0, 0, 0, 0]) }
    }

    @Test func `a kernel that asks a configured device for 64 bytes of its descriptor has reset the port`() {
        let descriptor = SetupPacket(type: 0x80, request: 6, value: 0x0100, index: 0, length: 64)
        let configure = SetupPacket(type: 0, request: 9, value: 1, index: 0, length: 0)
        let looked = SetupPacket(type: 0x80, request: 6, value: 0x0100, index: 0, length: 18)
        var resets = PortResets()
        // Plugged in; configured; looked at by lsusb; reset; the same reset, tried again.
        let found = [descriptor, configure, looked, descriptor, descriptor].map { resets.sees($0) }
        #expect(found == [false, false, false, true, false])
    }

    @Test func `a line is as the host has set it`() {
        var line = LineControl()
        #expect(line.host == nil)
        func answer(_ type: UInt8, _ request: UInt8, value: UInt16 = 0, length: UInt16 = 0, _ data: [UInt8] = []) -> ControlReply? {
            line.answer(SetupPacket(type: type, request: request, value: value, index: 0, length: length), data)
        }
        let coding: [UInt8] = [0x40, 0x42, 0x0F, 0, 0, 0, 8]
        let replies = [answer(0x21, 0x20, length: 7, coding), answer(0x21, 0x22, value: 1), answer(0xA1, 0x21, length: 7)]
        #expect(replies == [.done, .done, .data(coding)])
        #expect(line.host == HostLine(baud: 1_000_000, dtr: true, rts: false))
        let others = [answer(0x21, 0x20, length: 3, [1, 2, 3]), answer(0x21, 0x01)]
        #expect(others == [.stall, nil])
    }
}
