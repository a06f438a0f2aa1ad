import BenchModel
import Dock
import Links
import Synchronization
import Testing

@testable import Bench

private func lane(_ label: String) -> Lane { DispatchLanes().lane(label, controller: nil) }

@Suite(.timeLimit(.minutes(1))) struct UnitRegistryTests {
    private let registry = UnitRegistry(lane: lane("registry"), clock: SystemClock())
    private let unit = EUI64(rawValue: 0xDB)

    private func presence(_ slot: Int) -> SlotPresence { SlotPresence(lane: lane("slot.\(slot)"), clock: SystemClock()) }

    @Test func `a unit that another slot waits for is claimed when that slot lets go`() async throws {
        #expect(await registry.claim(unit, for: TestBench.slot(1), presence(1)) == nil)
        let second = Task { await registry.claim(unit, for: TestBench.slot(2), presence(2)) }
        await Task.yield()
        await registry.release(TestBench.slot(1))
        #expect(await second.value == nil)
    }

    @Test func `a unit that is plugged in elsewhere is refused with the slot`() async throws {
        let first = presence(1)
        let device = DockedDevice(port: PortPath("p"), node: "/dev/bus/usb/001/002", syspath: "/sys/1-1", properties: [:])
        await first.arrived(PresentDevice(device: device, mode: .runtime))
        #expect(await registry.claim(unit, for: TestBench.slot(1), first) == nil)
        #expect(await registry.claim(unit, for: TestBench.slot(2), presence(2)) == TestBench.slot(1))
    }

    @Test func `a unit that comes back where it was is refused elsewhere, and nobody waits until it is taken out`() async throws {
        let first = presence(1)
        #expect(await registry.claim(unit, for: TestBench.slot(1), first) == nil)
        let second = Task { await registry.claim(unit, for: TestBench.slot(2), presence(2)) }
        // Its session is told, and then the unit is back.
        #expect(await first.next(after: nil, within: .seconds(30)) == .elsewhere(TestBench.slot(2)))
        let device = DockedDevice(port: PortPath("p"), node: "/dev/bus/usb/001/002", syspath: "/sys/1-1", properties: [:])
        await first.arrived(PresentDevice(device: device, mode: .runtime))
        await registry.returned(unit, in: TestBench.slot(1))
        #expect(await second.value == TestBench.slot(1))
        #expect(await !first.seenElsewhere(TestBench.slot(2), unless: unit))
    }

    @Test func `that a unit is elsewhere is not said of the next one in its slot`() async throws {
        let first = presence(1)
        let other = DockedDevice(
            port: PortPath("p"), node: "/dev/bus/usb/001/002", syspath: "/sys/1-1",
            properties: ["ID_SERIAL_SHORT": EUI64(rawValue: 0xDC).compact])
        await first.arrived(PresentDevice(device: other, mode: .runtime))
        try #require(other.identity == EUI64(rawValue: 0xDC))
        #expect(await first.seenElsewhere(TestBench.slot(2), unless: unit), "it is not here")
        #expect(await first.elsewhere == nil)
    }

    @Test func `a line that is always there gets time to find its unit gone, and is believed when it has had it`() async throws {
        let registry = UnitRegistry(lane: lane("registry"), clock: SystemClock(), fixedBound: .milliseconds(50))
        let line = SlotPresence(lane: lane("slot.line"), clock: SystemClock(), isFixed: true)
        let device = DockedDevice(port: PortPath("tcp"), node: "tcp", syspath: "tcp", properties: [:])
        await line.arrived(PresentDevice(device: device, mode: .runtime))
        #expect(await registry.claim(unit, for: TestBench.slot(1), line) == nil)
        #expect(await registry.claim(unit, for: TestBench.slot(2), presence(2)) == TestBench.slot(1))
        #expect(await line.left(device.attachment))
        let second = Task { await registry.claim(unit, for: TestBench.slot(2), presence(2)) }
        await Task.yield()
        await registry.release(TestBench.slot(1))
        #expect(await second.value == nil)
    }

    @Test func `who is cancelled does not wait for ever`() async throws {
        #expect(await registry.claim(unit, for: TestBench.slot(1), presence(1)) == nil)
        let second = Task { await registry.claim(unit, for: TestBench.slot(2), presence(2)) }
        second.cancel()
        #expect(await second.value == nil)
    }

    @Test func `a slot that claims again keeps nobody waiting`() async throws {
        #expect(await registry.claim(unit, for: TestBench.slot(1), presence(1)) == nil)
        #expect(await registry.claim(unit, for: TestBench.slot(1), presence(1)) == nil)
        await registry.release(TestBench.slot(1))
        #expect(await registry.claim(unit, for: TestBench.slot(3), presence(3)) == nil)
    }
}

@Suite(.timeLimit(.minutes(1))) struct SlotPresenceTests {
    /// A line on which nothing ever comes and nothing fails.
    private final class QuietPort: SerialPort {
        let isClosed = Mutex(false)
        let capacity = 4096
        func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError) {}
        func read(timeout: Duration) async throws(SerialError) -> [UInt8] { [] }
        func close() async { isClosed.withLock { $0 = true } }
    }

    @Test func `a line is closed when its tty goes, whatever the line itself says`() async throws {
        let presence = SlotPresence(lane: lane("presence"), clock: SystemClock())
        let device = DockedDevice(
            port: PortPath("pci-0"), node: "/dev/ttyACM0", syspath: "/sys/x", incarnation: "1", properties: [:])
        await presence.arrived(PresentDevice(device: device, mode: .runtime))
        let port = QuietPort()
        await presence.hold(port)
        #expect(await presence.left(device.attachment))
        #expect(port.isClosed.withLock { $0 })
    }

    private func device(_ number: Int) -> PresentDevice {
        PresentDevice(
            device: DockedDevice(port: PortPath("p"), node: "/dev/bus/usb/001/\(number)", syspath: "/sys/1-1", properties: [:]),
            mode: .runtime)
    }

    @Test func `a return ends the wait, and the device that was there before does not`() async throws {
        let presence = SlotPresence(lane: lane("slot"), clock: SystemClock())
        async let arrival = presence.next(after: device(5).device.attachment, within: .seconds(20))
        await presence.arrived(device(5))
        await presence.arrived(device(6))
        guard case .device(let found) = await arrival else { return #expect(Bool(false), "nothing came") }
        #expect(found == device(6))
    }

    @Test func `a device that had gone before the wait ends it also under its old number`() async throws {
        let presence = SlotPresence(lane: lane("slot"), clock: SystemClock())
        await presence.arrived(device(5))
        _ = await presence.left(device(5).device.attachment)
        async let arrival = presence.next(after: nil, within: .seconds(20))
        await presence.arrived(device(5))
        guard case .device(let found) = await arrival else { return #expect(Bool(false), "nothing came") }
        #expect(found == device(5))
    }

    @Test func `the wait ends at its bound`() async throws {
        let presence = SlotPresence(lane: lane("slot"), clock: SystemClock())
        guard case .nothing = await presence.next(after: device(5).device.attachment, within: .milliseconds(20)) else {
            return #expect(Bool(false), "something came")
        }
    }
}
