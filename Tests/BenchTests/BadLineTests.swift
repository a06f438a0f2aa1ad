import Bench
import BenchModel
import Firmware
import Foundation
import Journal
import Links
import Testing

@testable import Protocols
@testable import Simulator

/// Serial lines that lose, double, swap and damage what they carry, and uploads that are cut.
///
/// A thousand units, twenty-five a seed, in virtual time. A failure names its seed; `REFLASH_LINE_SEED=N swift test --filter BadLineTests` replays that one alone.
@Suite(.timeLimit(.minutes(10))) struct BadLineTests {
    private static let seeds: [UInt64] = {
        if let one = ProcessInfo.processInfo.environment["REFLASH_LINE_SEED"].flatMap({ UInt64($0) }) { return [one] }
        return Array(1...40)
    }()
    private static let units = 25

    @Test(arguments: seeds)
    func `twenty-five units on bad lines end reflashed or in a true other outcome, and none hangs`(seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        var setup = TestBench.Setup(installed: Array(repeating: FirmwareVersion(rawValue: 0x0002_0100), count: Self.units))
        setup.variant = .twoG3G
        setup.imageBytes = 12_000
        setup.bounds = SessionBounds(
            request: .seconds(4), enterBootloader: .seconds(2), activate: .seconds(2), comeBack: .seconds(10), erase: .seconds(6),
            stall: .seconds(6))
        let kinds: [Fault.Kind] = [.lineLost, .lineDuplicated, .lineReordered, .lineCorrupted, .noise]
        for index in 1...Self.units {
            let chosen = kinds.filter { _ in Bool.random(using: &random) }
            setup.faults[index] = chosen.map { kind in
                Fault(kind, value: "\(Int.random(in: 1...30, using: &random))/\(UInt64.random(in: 0...9999, using: &random))", times: nil)
            }
        }
        let units = try await TestBench.run(setup, seed: seed) { bench in
            var units: [(verdict: Verdict?, holds: Bool)] = []
            for index in 1...Self.units { units.append((try await bench.ended(index).verdict, try bench.holdsImage(index))) }
            return units
        }
        for (index, unit) in units.enumerated() {
            let verdict = try #require(unit.verdict)
            if verdict.outcome.isCurrent {
                #expect(unit.holds, "seed \(seed), unit \(index + 1)")
            } else {
                // A unit that could not even be asked who it is was not written.
                let isTrue = verdict.outcome == .unknown || (verdict.reason == .identificationFailed && !verdict.wrote)
                #expect(isTrue, "seed \(seed), unit \(index + 1): \(verdict.outcome) \(verdict.detail ?? "")")
            }
        }
        let reflashed = units.count { $0.verdict?.outcome.isCurrent == true }
        #expect(reflashed >= Self.units * 4 / 5, "seed \(seed): \(reflashed) of \(Self.units)")
    }

    @Test func `an upload that is cut at every twentieth goes on where it was cut and ends with the right hash`() async throws {
        let image = MCUbootImageBuilder(
            version: .init(major: 0, minor: 2, revision: 0x12F, build: 0), payload: (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        ).build()
        // In real time, on a machine that may be busy: bounds that no load reaches. Slow enough for the cut to come before the upload's end.
        var line = TestBench.fastLine
        line.baud = 1_000_000
        for percent in stride(from: 5, to: 100, by: 5) {
            let bus = try InProcessBus(
                DockDescription(
                    name: "cut", slots: [(TestBench.slot(1), try #require(SlotPosition("1-1.1")))],
                    units: [
                        (
                            UnitDescription(
                                variant: .twoG3G, chfId: TestBench.chf(1), gpfId: EUI64(rawValue: 1), model: "010A030B",
                                hardwareVersion: HardwareVersion(rawValue: 0x101),
                                firmware: .factory(FirmwareVersion(rawValue: 0x0002_0100)),
                                timing: TestBench.fast, transferSize: 4096, manifestationTolerant: true, serial: line,
                                faults: []), TestBench.slot(1)
                        )
                    ], stateFolder: nil))
            let upload = SMPUpload(
                MemoryBytes(image), hash: SHA256Value.of(image), image: 0, eraseBound: .seconds(60), stallBound: .seconds(60))
            let cut = image.count * percent / 100
            let first = try await client(bus)
            await #expect(throws: SMPError.self) {
                try await first.upload(upload) { done in
                    if done >= cut { Task { [port = first.port] in await port.close() } }
                }
            }
            let second = try await client(bus)
            var offsets: [Int] = []
            try await second.upload(upload) { offsets.append($0) }
            #expect(try #require(offsets.first) >= cut, "\(percent) %")
            #expect(offsets.last == image.count)
            let state = try await second.request(ImageGroup.ReadState())
            #expect(state.slots.last?.hash == (try MCUbootImage(MemoryBytes(image)).hash))
            await second.port.close()
        }
    }

    private func client(_ bus: InProcessBus) async throws -> SMPClient {
        let client = SMPClient(
            try bus.openSerial(node: "/dev/ttyACM0"), framing: .console(lineLength: 127), clock: SystemClock(), requestBound: .seconds(60))
        try await client.negotiate()
        return client
    }
}
