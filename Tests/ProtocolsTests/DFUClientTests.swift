import BenchModel
import Firmware
import Links
import Protocols
import Synchronization
import Testing

@Suite struct DFUClientTests {
    @Test func `the question after a block is queued behind it, and a device that is done at once is asked once`() async throws {
        let device = ScriptedDevice()
        try await device.client().download(MemoryBytes(Array(repeating: 7, count: 3 * 64))) { _ in }
        #expect(device.log == ["block 0 + status", "block 1 + status", "block 2 + status"])
    }

    @Test func `a device that can't be asked so soon is asked again, and from then on only after the block`() async throws {
        let device = ScriptedDevice(takesQueue: false)
        try await device.client().download(MemoryBytes(Array(repeating: 7, count: 3 * 64))) { _ in }
        #expect(device.log == ["block 0 + status", "status", "block 1", "status", "block 2", "status"])
    }

    @Test func `a busy device is left alone for as long as it says`() async throws {
        let device = ScriptedDevice(busy: 2)
        let clock = StepClock()
        try await device.client(clock).download(MemoryBytes(Array(repeating: 7, count: 64))) { _ in }
        #expect(device.log == ["block 0 + status", "status", "status"])
        #expect(clock.now == .milliseconds(34))
    }

    @Test func `a device that asks for more than the bound is left alone for all of it, though never for hours`() async throws {
        for (asked, expected) in [(Duration.seconds(10), Duration.seconds(10)), (.seconds(16_777), .seconds(1) + DFUClient.longestPoll)] {
            let clock = StepClock()
            try await ScriptedDevice(busy: 1, poll: asked).client(clock).download(MemoryBytes(Array(repeating: 7, count: 64))) { _ in }
            #expect(clock.now == expected)
        }
    }

    @Test func `a block that the device stalls ends the download, whatever the question behind it came to`() async throws {
        let device = ScriptedDevice(stallsBlocks: true)
        await #expect(throws: DFUError.self) {
            try await device.client().download(MemoryBytes(Array(repeating: 7, count: 64))) { _ in }
        }
        #expect(device.log == ["block 0 + status"])
    }
}

/// Time passes only for those who sleep.
private final class StepClock: BenchClock {
    private let time = Mutex(Duration.zero)
    var now: Duration { time.withLock { $0 } }
    var utcMilliseconds: Int64 { now.milliseconds }
    func sleep(until deadline: Duration) async throws { time.withLock { $0 = max($0, deadline) } }
}

/// A device in DFU mode with blocks of 64 bytes, which says what it is asked.
private final class ScriptedDevice: USBDevice {
    private let takesQueue: Bool
    private let stallsBlocks: Bool
    private let poll: Duration
    private let state: Mutex<(busy: Int, log: [String])>
    let descriptors: USBDescriptors

    init(takesQueue: Bool = true, busy: Int = 0, stallsBlocks: Bool = false, poll: Duration = .milliseconds(17)) {
        self.poll = poll
        self.takesQueue = takesQueue
        self.stallsBlocks = stallsBlocks
        state = Mutex((busy, []))
        let device: [UInt8] = [18, 1, 0, 2, 0, 0, 0, 64, 0x09, 0x12, 2, 0x4C, 0, 1, 0, 0, 0, 1]
        let functional: [UInt8] = [9, 0x21, 0b0101, 0, 0, 64, 0, 0x10, 0x01]
        let configuration: [UInt8] = [9, 2, 27, 0, 1, 1, 0, 0x80, 50] + [9, 4, 0, 0, 0, 0xFE, 1, 2, 0] + functional
        guard let descriptors = try? USBDescriptors(device + configuration) else { preconditionFailure("they are USB's") }
        self.descriptors = descriptors
    }

    var log: [String] { state.withLock { $0.log } }

    func client(_ clock: any BenchClock = StepClock()) async throws -> DFUClient {
        try await DFUClient(self, clock: clock, requestBound: .seconds(1))
    }

    private func say(_ sentence: String) { state.withLock { $0.log.append(sentence) } }

    /// DFU 1.1 §6.1.2: dfuDNBUSY with its poll time-out as long as it is busy, then dfuDNLOAD-IDLE.
    private func status() -> [UInt8] {
        state.withLock { state in
            let isBusy = state.busy > 0
            if isBusy { state.busy -= 1 }
            return DFUStatus(status: .ok, pollTimeout: isBusy ? poll : .zero, state: isBusy ? .dfuDNBUSY : .dfuDNLOADIDLE).bytes
        }
    }

    func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) { say("block \(request.value)") }

    func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>) {
        say("block \(request.value) + status")
        if stallsBlocks { return (.failure(USBError(.stall, "STALL")), .success(status())) }
        return (.success(()), takesQueue ? .success(status()) : .failure(USBError(.stall, "STALL")))
    }

    func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8] {
        say("status")
        return status()
    }

    func claim(interface: UInt8) async throws(USBError) {}
    func select(alternate: UInt8, of interface: UInt8) async throws(USBError) {}
    func reset() async throws(USBError) {}
    func close() async {}
}
