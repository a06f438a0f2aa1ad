import Bench
import BenchKit
import BenchModel
import Dock
import Foundation
import Journal
import Links
import Logging
import Testing

@testable import Simulator

/// What is tried with a unit that does not answer: a reset of its port, then its power.
@Suite(.timeLimit(.minutes(2))) struct RemedyTests {
    private struct End {
        var verdict: Verdict?
        var remedies: [String]
        var holds: Bool
    }

    private static func end(of fault: Fault, tolerant: Bool = true, _ variant: Variant = .fourG) async throws -> End {
        var setup = TestBench.Setup(isTolerant: tolerant)
        setup.variant = variant
        setup.faults[1] = [fault]
        return try await TestBench.run(setup, seed: 1) { bench in
            let view = try await bench.ended(1)
            let remedies = try await bench.journal.events(after: 0, limit: 1000).map(\.kind).filter { $0.hasPrefix("port-") }
            return End(verdict: view.verdict, remedies: remedies, holds: try bench.holdsImage(1))
        }
    }

    @Test(arguments: ["GET_DESCRIPTOR", "DFU_DETACH", "DFU_DNLOAD", "DFU_GETSTATUS", "DFU_UPLOAD"])
    func `A unit that hangs is reset at its port, and reflashed then`(request: String) async throws {
        let end = try await Self.end(of: Fault(.hang, request: request))
        #expect(end.verdict?.outcome == .reflashed, "\(end)")
        #expect(end.remedies == ["port-reset"])
        #expect(end.holds)
    }

    @Test(arguments: ["GET_DESCRIPTOR", "DFU_DETACH", "DFU_DNLOAD", "DFU_UPLOAD"])
    func `A unit that a reset does not wake loses its power for a moment, and is reflashed then`(request: String) async throws {
        let end = try await Self.end(of: Fault(.hang, request: request, value: "power"), tolerant: false)
        #expect(end.verdict?.outcome == .reflashed, "\(end)")
        #expect(end.remedies == ["port-reset", "port-power-cycled"])
        #expect(end.holds)
    }

    @Test func `A unit that is silent over its readback even after a reset is unknown, for it may hold the release`() async throws {
        let end = try await Self.end(of: Fault(.silence, request: "DFU_UPLOAD", times: nil))
        #expect(end.verdict?.outcome == .unknown && end.verdict?.reason == .noAnswer, "\(end)")
        #expect(end.remedies == ["port-reset"])
        #expect(end.holds)
    }

    @Test func `A unit that fell silent over its readback and then stays out of its bootloader is unknown, not failed`() async throws {
        let setup = TestBench.Setup(faults: [1: [Fault(.hang, request: "DFU_UPLOAD")]])
        let (verdict, holds) = try await TestBench.run(setup, seed: 1) { bench in
            _ = try await bench.view(1) { $0.step == .transferring }
            try bench.bus.add(Fault(.stall, request: "DFU_DETACH", times: nil), to: TestBench.chf(1))
            return (try await bench.ended(1).verdict, try bench.holdsImage(1))
        }
        #expect(verdict?.outcome == .unknown && verdict?.reason == .noAnswer, "\(verdict?.detail ?? "")")
        #expect(holds)
    }

    @Test(arguments: ["echo", "image state", "parameters", "image upload", "image state write"])
    func `A serial unit that hangs is reset at its port, and reflashed then`(request: String) async throws {
        let end = try await Self.end(of: Fault(.hang, request: request), .twoG3G)
        #expect(end.verdict?.outcome == .reflashed, "\(end)")
        #expect(end.remedies == ["port-reset"])
        #expect(end.holds)
    }

    @Test(arguments: ["echo", "image state", "parameters", "image upload", "image state write"])
    func `A serial unit that a reset does not wake loses its power for a moment, and is reflashed then`(request: String) async throws {
        let end = try await Self.end(of: Fault(.hang, request: request, value: "power"), .twoG3G)
        #expect(end.verdict?.outcome == .reflashed, "\(end)")
        #expect(end.remedies == ["port-reset", "port-power-cycled"])
        #expect(end.holds)
    }

    @Test(arguments: [TestBench.targetVersion, FirmwareVersion(rawValue: 0x0002_0100)])
    func `A serial unit that says what it runs and then nothing is unknown if that is the release, and else was not reached`(
        installed: FirmwareVersion
    ) async throws {
        var setup = TestBench.Setup(installed: [installed])
        setup.variant = .twoG3G
        setup.faults[1] = [Fault(.silence, request: "parameters", times: nil)]
        let verdict = try await TestBench.run(setup, seed: 1) { bench in try await bench.ended(1).verdict }
        let isCurrent = installed == TestBench.targetVersion
        #expect(verdict?.outcome == (isCurrent ? .unknown : .failed) && verdict?.reason == (isCurrent ? .unproven : .identificationFailed))
        #expect(verdict?.wrote == false)
    }

    @Test func `A unit that took the order to try its image and lost the answers is asked what it made of it`() async throws {
        let end = try await Self.end(of: Fault(.silence, request: "image state write", times: nil), .twoG3G)
        #expect(end.verdict?.outcome == .reflashed, "\(end)")
        #expect(end.remedies.isEmpty)
        #expect(end.holds)
    }

    @Test func `A unit whose trial was begun by the remedy is confirmed before it is restarted`() async throws {
        var setup = TestBench.Setup()
        setup.variant = .twoG3G
        setup.faults[1] = [Fault(.silence, request: "image state write", times: nil)]
        let (verdict, kinds, holds) = try await TestBench.run(setup, seed: 1) { bench in
            _ = try await bench.view(1) { $0.step == .activating }
            try bench.bus.add(Fault(.hang, request: "echo", value: "power"), to: TestBench.chf(1))
            let view = try await bench.ended(1)
            return (view.verdict, try await bench.journal.events(after: 0, limit: 1000).map(\.kind), try bench.holdsImage(1))
        }
        #expect(verdict?.outcome == .reflashed, "\(verdict?.detail ?? "")")
        #expect(kinds.contains("port-power-cycled"))
        #expect(kinds.count { $0 == "image-confirmed" } == 1)
        #expect(holds)
    }

    @Test func `A port at which another slot has its own tty is left alone`() async throws {
        var setup = TestBench.Setup(faults: [1: [Fault(.hang, request: "DFU_DETACH")]])
        setup.sharesPort = true
        let (verdict, kinds) = try await TestBench.run(setup, seed: 1) { bench in
            let view = try await bench.ended(1)
            return (view.verdict, try await bench.journal.events(after: 0, limit: 1000).map(\.kind))
        }
        #expect(verdict?.reason == .enterFailed)
        #expect(!kinds.contains { $0.hasPrefix("port-") })
    }

    @Test func `A port that had no power when the bench was cut off gets it back when the bench starts`() async throws {
        let (before, after) = try await TestBench.run(TestBench.Setup(), seed: 1) { bench in
            _ = try await bench.ended(1)
            func isOnBus() throws -> Bool { try bench.bus.glance(at: TestBench.chf(1)).isOnBus }
            let syspath = "/sys\(SysfsTree.path(of: try #require(USBPosition("1-1.1"))))"
            let (hub, port) = try #require(try bench.bus.openHub(above: syspath))
            // USB 2.0 §11.24.2.2: ClearPortFeature(PORT_POWER).
            let off = ControlRequest(type: 0x23, request: 1, value: 8, index: UInt16(port))
            try await hub.controlOut(off, data: [], timeout: .seconds(1))
            _ = try await bench.view(1) { !$0.isPresent }
            let before = try isOnBus()
            try await bench.journal.append(
                JournalDraft(.portPowerCycled(.init(because: "silence", syspath: syspath)), slot: TestBench.slot(1)))

            let time = try #require(bench.clock as? VirtualTime)
            let next = try await BenchController(
                bench.controller.config, journal: bench.journal, targets: bench.targets, admission: AdmitAll(),
                opener: InProcessLinks(bench.bus), clock: time, lanes: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let (looks, continuation) = AsyncStream<[DockedDevice]>.makeStream(bufferingPolicy: .bufferingNewest(1))
            let running = Task(executorPreference: time.lane("next", controller: nil)) { await next.run(looks) }
            let deadline = time.now + .seconds(60)
            while try !isOnBus(), time.now < deadline { try await time.sleep(for: .milliseconds(100)) }
            continuation.finish()
            await running.value
            return (before, try isOnBus())
        }
        #expect(!before)
        #expect(after)
    }

    @Test func `A unit that never enters its bootloader has failed: nothing was written, and it is there as it was`() async throws {
        let end = try await Self.end(of: Fault(.silence, request: "DFU_DETACH", times: nil))
        #expect(end.verdict?.outcome == .failed)
        #expect(end.verdict?.reason == .enterFailed)
        #expect(end.verdict?.wrote == false)
        #expect(end.remedies == ["port-reset", "port-power-cycled"])
    }

    /// Seed 819 of the campaigns: silence is not the only way of not getting there.
    @Test(arguments: [Fault.Kind.silence, .stall])
    func `A unit that says it runs the release and does not enter its bootloader is unknown, not failed`(kind: Fault.Kind) async throws {
        var setup = TestBench.Setup(installed: [TestBench.targetVersion])
        setup.faults[1] = [Fault(kind, request: "DFU_DETACH", times: nil)]
        let verdict = try await TestBench.run(setup, seed: 1) { bench in try await bench.ended(1).verdict }
        #expect(verdict?.outcome == .unknown)
        #expect(verdict?.reason == .unproven)
    }

    @Test func `A unit that goes wrong three times in a row in two slots is held, and no third slot is asked for`() async throws {
        var setup = TestBench.Setup(emptySlots: 2)
        // Gone from the bus after each reset, as long as nobody replugs it.
        setup.faults[1] = [Fault(.neverReturns, times: nil)]
        let asked = try await TestBench.run(setup, seed: 1) { bench in
            var asked: [DoNext] = []
            var slot = 1
            while asked.last != .hold, asked.count < 12 {
                let view = try await bench.view(slot) { [.dockAgain, .moveToAnotherSlot, .hold].contains($0.doNext) }
                asked.append(view.doNext)
                try bench.bus.unplug(TestBench.slot(slot))
                _ = try await bench.view(slot) { !$0.isPresent }
                guard view.doNext != .hold else { break }
                if view.doNext == .moveToAnotherSlot { slot += 1 }
                try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(slot))
                _ = try await bench.view(slot) { $0.isPresent }
            }
            return asked
        }
        #expect(asked.count { $0 == .moveToAnotherSlot } == 1, "\(asked)")
        #expect(asked.last == .hold)
    }

    @Test func `What goes wrong with a unit that can't be asked is known to be that unit's, by udev`() async throws {
        let setup = TestBench.Setup(faults: [1: [Fault(.hang, request: "GET_DESCRIPTOR", value: "power", times: nil)]])
        let (verdict, sessions) = try await TestBench.run(setup, seed: 1) { bench in
            let view = try await bench.ended(1)
            return (view.verdict, try await bench.journal.unit(TestBench.chf(1)).sessions)
        }
        #expect(verdict?.outcome == .failed && verdict?.reason == .identificationFailed && verdict?.identityProven == false)
        #expect(sessions.count == 1)
    }

    @Test func `A unit whose bootloader offers DFU at each boot before it starts its firmware is waited for`() async throws {
        let end = try await Self.end(of: Fault(.dfuWindow, value: "900", times: nil))
        #expect(end.verdict?.outcome == .reflashed, "\(end)")
        #expect(end.holds)
    }

    @Test func `A unit that stays in DFU mode after its reset has failed, once it has been waited for`() async throws {
        let end = try await Self.end(of: Fault(.dfuWindow, value: "60000", times: nil))
        #expect(end.verdict?.outcome == .failed && end.verdict?.reason == .staysInBootloader, "\(end)")
    }

    @Test(arguments: [FirmwareVersion(rawValue: 0x0002_0100), TestBench.targetVersion])
    func `A serial unit that will not restart is unknown: what it holds it was not asked to start`(installed: FirmwareVersion) async throws
    {
        var setup = TestBench.Setup(installed: [installed])
        setup.variant = .twoG3G
        setup.faults[1] = [Fault(.errorStatus, request: "reset", status: "11", times: nil)]
        let verdict = try await TestBench.run(setup, seed: 1) { bench in try await bench.ended(1).verdict }
        #expect(verdict?.outcome == .unknown && verdict?.reason == .noAnswer, "\(verdict?.detail ?? "")")
    }
}
