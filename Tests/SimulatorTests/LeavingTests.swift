import BenchModel
import Testing

@testable import Simulator

/// A unit that was told to restart is gone in the same moment, however long the bus takes to notice.
@Suite struct LeavingTests {
    private static let descriptor = SetupPacket(type: 0x80, request: 6, value: 0x0100, index: 0, length: 18)

    private func device() throws -> BusDevice {
        let description = UnitDescription(
            variant: .fourG, chfId: EUI64(rawValue: 1), gpfId: EUI64(rawValue: 2), model: "010A030B",
            hardwareVersion: HardwareVersion(rawValue: 0x0101), firmware: .factory(FirmwareVersion(rawValue: 0x0002_0100)),
            timing: UnitTiming(
                erase: .zero, program: .zero, manifest: .zero, detach: .zero, reboot: .milliseconds(500)),
            transferSize: 1024, manifestationTolerant: true, serial: UnitDescription.SerialDescription(), faults: [])
        let seat = try UnitSeat(description, stateFolder: nil)
        return BusDevice(seat: seat, position: try #require(USBPosition("1-1")), number: 5, ttyNumber: nil)
    }

    @Test func `After DETACH the old attachment answers nothing, not as what the unit will be`() throws {
        let device = try device()
        guard case .data(let before) = device.control(Self.descriptor, [], now: .zero).0 else {
            Issue.record("no descriptor")
            return
        }
        #expect(before.count == 18)
        let detach = SetupPacket(type: 0x21, request: 0, value: 1000, index: 1, length: 0)
        #expect(device.control(detach, [], now: .zero).1.count == 1)
        #expect(device.control(Self.descriptor, [], now: .zero).0 == .lineError)
    }

    @Test func `After a reset of the port a bootloader answers nothing any more`() throws {
        let device = try device()
        let detach = SetupPacket(type: 0x21, request: 0, value: 1000, index: 1, length: 0)
        _ = device.control(detach, [], now: .zero)
        let seat = try #require(device.seat)
        let next = BusDevice(seat: seat, position: device.position, number: 6, ttyNumber: nil)
        #expect(next.portReset(now: .zero) == [.reenumerate(after: .milliseconds(500), slot: nil)])
        #expect(next.control(Self.descriptor, [], now: .zero).0 == .lineError)
    }
}
