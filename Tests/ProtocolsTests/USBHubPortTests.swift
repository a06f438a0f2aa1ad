import BenchModel
import Links
import Protocols
import Synchronization
import Testing

/// One port of a USB hub, switched by the hub class' requests.
@Suite struct USBHubPortTests {
    /// Answers every IN with the same bytes, and notes what goes out. It does nothing for a task that is cancelled, as libusb's link does not,
    /// and leaves `silences` requests unanswered.
    private final class Hub: USBDevice {
        let descriptors: USBDescriptors
        private let answer: [UInt8]
        private let sent = Mutex<[ControlRequest]>([])
        private let silences: Mutex<Int>

        init(_ answer: [UInt8], silences: Int = 0) throws {
            self.answer = answer
            self.silences = Mutex(silences)
            descriptors = try USBDescriptors(
                [18, 1, 0, 2, 9, 0, 1, 64, 0x6B, 0x1D, 2, 0, 0, 1, 0, 0, 0, 1] + [9, 2, 9, 0, 0, 1, 0, 0xE0, 0])
        }

        var orders: [ControlRequest] { sent.withLock { $0 } }
        func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) {
            guard !Task.isCancelled else { throw USBError(.cancelled, "cancelled") }
            sent.withLock { $0.append(request) }
            let isSilent = silences.withLock { left in
                defer { left -= 1 }
                return left > 0
            }
            if isSilent { throw USBError(.timeout, "no answer in time") }
        }
        func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8] {
            Array(answer.prefix(length))
        }
        func claim(interface: UInt8) async throws(USBError) {}
        func select(alternate: UInt8, of interface: UInt8) async throws(USBError) {}
        func reset() async throws(USBError) {}
        func close() async {}
    }

    @Test func `A port is switched off and on where the USB hub switches each by itself`() async throws {
        let hub = try Hub(Self.switching)
        let port = try #require(try await USBHubPort(hub, port: 3, clock: SystemClock(), requestBound: .seconds(1)))
        #expect(port.powerOnDelay == .milliseconds(100))
        try await port.cyclePower(on: Self.lane) { #expect(hub.orders == [Self.off]) }
        #expect(hub.orders == [Self.off, Self.on])
    }

    @Test func `A port gets its power back where the task is cancelled while it is off`() async throws {
        let hub = try Hub(Self.switching)
        let port = try #require(try await USBHubPort(hub, port: 3, clock: SystemClock(), requestBound: .seconds(1)))
        await Task {
            try? await port.cyclePower(on: Self.lane) { withUnsafeCurrentTask { $0?.cancel() } }
        }.value
        #expect(hub.orders == [Self.off, Self.on])
    }

    @Test func `A port is switched on where the USB hub has not answered, and again until it answers`() async throws {
        let hub = try Hub(Self.switching, silences: 2)
        let port = try #require(try await USBHubPort(hub, port: 3, clock: SystemClock(), requestBound: .seconds(1)))
        await #expect(throws: USBError.self) { try await port.cyclePower(on: Self.lane) {} }
        #expect(hub.orders == [Self.off, Self.on, Self.on])
    }

    private static let lane = DispatchLanes().lane("test", controller: nil)
    private static let switching: [UInt8] = [9, 0x29, 4, 0x09, 0, 50, 0, 0, 0xFF]
    /// USB 2.0 §11.24.2.2 and §11.24.2.13: PORT_POWER is feature 8.
    private static let off = ControlRequest(type: 0x23, request: 1, value: 8, index: 3)
    private static let on = ControlRequest(type: 0x23, request: 3, value: 8, index: 3)

    @Test(
        arguments: [
            ("ganged switching", [9, 0x29, 4, 0x08, 0, 50, 0]), ("no switching", [9, 0x29, 4, 0x0A, 0, 50, 0]),
            ("no such port", [9, 0x29, 2, 0x09, 0, 50, 0]), ("no port at all", [9, 0x29, 0, 0x09, 0, 50, 0]),
        ] as [(String, [UInt8])])
    func `A port that can't be switched is not`(what: String, descriptor: [UInt8]) async throws {
        let hub = try Hub(descriptor)
        let port = try await USBHubPort(hub, port: 3, clock: SystemClock(), requestBound: .seconds(1))
        #expect(port == nil, "\(what)")
    }

    @Test func `What is no USB hub's descriptor is said`() async throws {
        let hub = try Hub([9, 0x29, 4])
        await #expect(throws: USBError.self) { try await USBHubPort(hub, port: 3, clock: SystemClock(), requestBound: .seconds(1)) }
    }
}
