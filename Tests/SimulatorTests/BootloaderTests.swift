import BenchModel
import Testing

@testable import Protocols
@testable import Simulator

@Suite struct BootloaderTests {
    private func unit(_ faults: [Fault] = []) -> SimulatedUnit4G {
        var unit = SimulatedUnit4G(
            UnitDescription(
                variant: .fourG, chfId: EUI64(rawValue: 0xDB), gpfId: EUI64(rawValue: 1), model: "010A030B",
                hardwareVersion: HardwareVersion(rawValue: 0x101),
                firmware: .factory(FirmwareVersion(rawValue: 0x0002_0100)),
                timing: UnitTiming(erase: .milliseconds(20), program: .milliseconds(10), manifest: .milliseconds(50)), transferSize: 1024,
                manifestationTolerant: true, serial: .init(), faults: faults), folder: nil,
            firmware: FactoryFirmware.image(FirmwareVersion(rawValue: 0x0002_0100)))
        _ = unit.control(SetupPacket(type: 0x21, request: 0, value: 1000, index: 1, length: 0), [], now: .zero)
        return unit
    }

    private func status(_ unit: inout SimulatedUnit4G, at milliseconds: Int) throws -> DFUStatus {
        let (reply, _) = unit.control(
            SetupPacket(type: 0xA1, request: 3, value: 0, index: 0, length: 6), [], now: .milliseconds(milliseconds))
        guard case .data(let bytes) = reply else { throw DFUError.malformed("\(reply)") }
        return try DFUStatus(bytes)
    }

    private func send(_ unit: inout SimulatedUnit4G, _ data: [UInt8], at milliseconds: Int) -> ControlReply {
        unit.control(
            SetupPacket(type: 0x21, request: 1, value: 0, index: 0, length: UInt16(data.count)), data, now: .milliseconds(milliseconds)
        ).0
    }

    @Test func `a block takes the time that the flash takes, and the unit says so`() throws {
        var unit = unit()
        #expect(send(&unit, [UInt8](repeating: 1, count: 1024), at: 0) == .done)
        let busy = try status(&unit, at: 5)
        #expect(busy.state == .dfuDNBUSY)
        #expect(busy.pollTimeout == .milliseconds(25))
        #expect(try status(&unit, at: 30).state == .dfuDNLOADIDLE)
    }

    @Test func `a block sent while the flash is busy is stalled, not swallowed`() throws {
        var unit = unit()
        _ = send(&unit, [UInt8](repeating: 1, count: 1024), at: 0)
        #expect(send(&unit, [UInt8](repeating: 2, count: 1024), at: 1) == .stall)
        let error = try status(&unit, at: 100)
        #expect(error.state == .dfuERROR)
        #expect(error.status == .errSTALLEDPKT)
    }

    @Test func `an image whose hash does not fit is rejected in manifestation`() throws {
        var unit = unit()
        _ = send(&unit, [UInt8](repeating: 1, count: 1024), at: 0)
        _ = try status(&unit, at: 100)
        #expect(send(&unit, [], at: 101) == .done)
        #expect(try status(&unit, at: 102).state == .dfuMANIFEST)
        let end = try status(&unit, at: 200)
        #expect(end.state == .dfuERROR)
        #expect(end.status == .errVERIFY)
    }

    @Test func `a bootloader's wait for DFU ends with the start that it belongs to`() throws {
        var unit = unit([Fault(.dfuWindow, value: "900", times: nil)])
        let actions = unit.portReset(now: .zero)
        guard case .startFirmware(_, let start) = try #require(actions.last) else {
            Issue.record("\(actions)")
            return
        }
        unit.powerCycle()
        _ = unit.control(SetupPacket(type: 0x21, request: 0, value: 1000, index: 1, length: 0), [], now: .zero)
        let leaves = unit.startFirmware(start: start)
        #expect(!leaves)
        #expect(unit.mode == .bootloader)
    }

    @Test func `a half-written unit stays in its bootloader after a power cut`() throws {
        var unit = unit()
        _ = send(&unit, [UInt8](repeating: 1, count: 1024), at: 0)
        unit.powerCycle()
        #expect(unit.mode == .bootloader)
        #expect(unit.reportedVersion == nil)
    }

    @Test func `a good image is booted, and its version told in bcdDevice and a string`() throws {
        var unit = unit()
        let image = FactoryFirmware.image(FirmwareVersion(rawValue: 0x0002_012F))
        var now = 0
        for start in stride(from: 0, to: image.count, by: 1024) {
            #expect(send(&unit, Array(image[start..<min(start + 1024, image.count)]), at: now) == .done)
            now += 40
            #expect(try status(&unit, at: now).state == .dfuDNLOADIDLE)
        }
        _ = send(&unit, [], at: now)
        _ = try status(&unit, at: now)
        #expect(try status(&unit, at: now + 60).state == .dfuIDLE)
        #expect(unit.application == image)
        #expect(unit.portReset(now: .zero) == [.reenumerate(after: .milliseconds(500), slot: nil)])
        #expect(unit.mode == .runtime)
        #expect(unit.reportedVersion?.description == "0002012F")
        #expect(Array(unit.descriptors[12...13]) == [0x2F, 0x01])
    }
}

@Suite struct SeedTests {
    @Test func `the same seed makes the same noise everywhere`() {
        // The first values of SplitMix64 from seed 0, as its author's C code prints them.
        var generator = SplitMix64(state: 0)
        #expect(generator.next() == 0xE220_A839_7B1D_CDAF)
        #expect(generator.next() == 0x6E78_9E6A_A1B9_65F4)
    }
}
