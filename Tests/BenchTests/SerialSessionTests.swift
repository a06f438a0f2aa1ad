import Bench
import BenchModel
import Journal
import Simulator
import Testing

private let old = FirmwareVersion(rawValue: 0x0002_0100)

/// Sessions of 2G/3G units: SMP over a serial line.
@Suite(.timeLimit(.minutes(2)), .serialized) struct SerialSessionTests {
    private func setup(
        _ count: Int = 1, faults: [Fault] = [], activation: ImageActivation = .swap,
        framing: SMPFraming = .console(lineLength: 127)
    ) -> TestBench.Setup {
        var setup = TestBench.Setup(installed: Array(repeating: old, count: count))
        setup.variant = .twoG3G
        setup.serial.activation = activation
        setup.serial.framing = framing
        setup.faults = [1: faults]
        setup.bounds.request = .seconds(3)
        setup.bounds.comeBack = .seconds(6)
        setup.bounds.stall = .seconds(5)
        setup.bounds.erase = .seconds(5)
        return setup
    }

    @Test(
        arguments: [ImageActivation.swap, .highestVersion], [SMPFraming.console(lineLength: 127), .console(lineLength: 512), .raw, .cobs])
    func `a unit is uploaded to, restarted into the new image, and confirmed`(activation: ImageActivation, framing: SMPFraming) async throws
    {
        try await TestBench.run(setup(activation: activation, framing: framing)) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed, "\(view.verdict?.detail ?? "")")
            #expect(view.verdict?.proof == .bootloaderValidated)
            #expect(view.verdict?.identityProven == true)
            #expect(view.verdict?.installedVersion == TestBench.targetVersion)
            #expect(try bench.holdsImage(1))
            let kinds = try await bench.journal.events(after: 0, limit: 100).map(\.kind)
            #expect(kinds.contains("image-confirmed") == (activation == .swap))
        }
    }

    @Test func `a unit that runs the target is already current, restarted, and nothing is uploaded`() async throws {
        try await TestBench.run(setup()) { bench in
            _ = try await bench.ended(1)
            try await bench.move(1, to: 2)
            let view = try await bench.ended(2)
            #expect(view.verdict?.outcome == .alreadyCurrent)
            #expect(view.verdict?.proof == .bootloaderValidated)
            #expect(view.verdict?.wrote == false)
            #expect(try bench.unit(1).downloadsBegun == 1)
        }
    }

    @Test func `a unit with an empty flash answers from its bootloader's recovery and is reflashed`() async throws {
        var setup = setup()
        setup.isEmpty = true
        // Which its recovery can't be asked for.
        setup.hardwareSource = .absent
        try await TestBench.run(setup) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed, "\(view.verdict?.detail ?? "")")
            #expect(try bench.holdsImage(1))
        }
    }

    @Test func `sixteen units at once are all reflashed`() async throws {
        var setup = setup(16)
        // A sanitizer makes everything ten times as slow.
        setup.bounds.request = .seconds(20)
        setup.bounds.comeBack = .seconds(40)
        setup.bounds.stall = .seconds(20)
        try await TestBench.run(setup) { bench in
            for index in 1...16 {
                let view = try await bench.ended(index)
                #expect(view.verdict?.outcome == .reflashed)
                #expect(try bench.holdsImage(index))
            }
        }
    }

    @Test(
        arguments: [
            (Fault(.bitFlip), OutcomeReason.transferFailed),
            (Fault(.errorStatus, atByte: 20_000, status: "12"), .transferFailed),
            (Fault(.errorStatus, atByte: 20_000, status: "24"), .rejectedByBootloader),
            (Fault(.wrongVersion, value: "00020111", times: nil), .versionMismatch),
        ] as [(Fault, OutcomeReason)])
    func `what the unit itself says is wrong is a failure`(fault: Fault, reason: OutcomeReason) async throws {
        var fault = fault
        if fault.kind == .bitFlip { fault.times = nil }
        try await TestBench.run(setup(faults: [fault])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .failed)
            #expect(view.verdict?.reason == reason, "\(view.verdict?.detail ?? "")")
        }
    }

    @Test(
        arguments: [
            (Fault(.unplug, atByte: 20_000), OutcomeReason.contactLost), (Fault(.unplug, request: "confirm"), .contactLost),
            (Fault(.neverReturns), .didNotReturn), (Fault(.silence, request: "image upload", times: nil), .noAnswer),
        ] as [(Fault, OutcomeReason)])
    func `contact that is lost leaves the content unknown`(fault: Fault, reason: OutcomeReason) async throws {
        try await TestBench.run(setup(faults: [fault])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .unknown)
            #expect(view.verdict?.reason == reason, "\(view.verdict?.detail ?? "")")
            #expect(view.verdict?.wrote == true)
        }
    }

    @Test func `another unit that comes back is swapped`() async throws {
        try await TestBench.run(setup(faults: [Fault(.returnsAs, value: "00DB123456789099")])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .swapped)
        }
    }

    @Test func `a unit that turns up in another slot is unknown in the old one until it is proven in the new one`() async throws {
        try await TestBench.run(setup(faults: [Fault(.returnsIn, value: "A2")])) { bench in
            let view = try await bench.ended(2)
            #expect(view.verdict?.outcome.isCurrent == true)
            let first = try #require(try await bench.journal.unit(TestBench.chf(1)).sessions.first)
            #expect(first.verdict?.reason == .seenElsewhere)
            #expect(first.settled?.outcome == .reflashed)
        }
    }

    @Test func `a unit whose confirmation was cut goes back, and that is found and said`() async throws {
        try await TestBench.run(setup(faults: [Fault(.unplug, request: "confirm")])) { bench in
            #expect(try await bench.ended(1).verdict?.reason == .contactLost)
            _ = try await bench.view(1) { !$0.isPresent }
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            let view = try await bench.ended(1, sessions: 2)
            #expect(view.verdict?.outcome == .reflashed, "\(view.verdict?.detail ?? "")")
            let sessions = try await bench.journal.unit(TestBench.chf(1)).sessions
            #expect(sessions.first?.settled?.outcome == .failed)
            #expect(sessions.first?.settled?.reason == .reverted)
            #expect(try bench.holdsImage(1))
        }
    }

    @Test func `a unit that leaves out what is false is confirmed all the same`() async throws {
        var setup = setup()
        setup.serial.isFrugal = true
        try await TestBench.run(setup) { bench in
            #expect(try await bench.ended(1).verdict?.outcome == .reflashed)
            _ = try await bench.event("image-confirmed")
            try await bench.move(1, to: 1)
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .alreadyCurrent)
        }
    }

    @Test func `a unit that was pulled out before it was told to try the image has not reverted`() async throws {
        try await TestBench.run(setup(faults: [Fault(.unplug, request: "image state write")])) { bench in
            #expect(try await bench.ended(1).verdict?.reason == .contactLost)
            _ = try await bench.view(1) { !$0.isPresent }
            try bench.bus.plug(TestBench.chf(1), into: TestBench.slot(1))
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
            let first = try #require(try await bench.journal.unit(TestBench.chf(1)).sessions.first)
            #expect(first.settled?.reason == .interrupted)
        }
    }

    @Test func `an upload whose last answer is lost is found to be whole, though the server has forgotten it`() async throws {
        var setup = setup()
        // 50,000 bytes and a header: the last chunk, and it alone, is answered in vain.
        setup.faults = [1: [Fault(.silence, atByte: 50_500, request: "image upload")]]
        try await TestBench.run(setup) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed, "\(view.verdict?.detail ?? "")")
            #expect(try bench.unit(1).downloadsBegun == 1)
        }
    }

    @Test func `a unit that keeps nothing of its confirmation is found to have reverted when it is docked again`() async throws {
        try await TestBench.run(setup(faults: [Fault(.confirmLost)])) { bench in
            #expect(try await bench.ended(1).verdict?.outcome == .reflashed)
            try await bench.move(1, to: 1)
            let found = try await bench.event("revert-found")
            #expect(found.payload == #"{"runs":"00020100","session":2}"#)
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
            #expect(try bench.holdsImage(1))
        }
    }

    @Test(
        arguments: [
            Fault(.lineLost, atBlock: 40), Fault(.lineDuplicated, atBlock: 40), Fault(.lineReordered, atBlock: 40),
            Fault(.lineCorrupted, atBlock: 40), Fault(.noise, value: "200/1", times: nil),
            Fault(.wrongOffset, atByte: 20_000, value: "-700"),
            Fault(.wrongSequence, atBlock: 12), Fault(.slow, atByte: 20_000, value: "600"),
        ])
    func `what a bad line or a hasty server does is made good`(fault: Fault) async throws {
        try await TestBench.run(setup(faults: [fault])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed, "\(view.verdict?.detail ?? "")")
            #expect(try bench.holdsImage(1))
        }
    }

    @Test func `a server whose buffers are smaller than it says gets the image in shorter chunks`() async throws {
        try await TestBench.run(setup(faults: [Fault(.smallBuffers, value: "300", times: nil)])) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.outcome == .reflashed, "\(view.verdict?.detail ?? "")")
            #expect(try bench.holdsImage(1))
        }
    }

    @Test func `identity, model and hardware come from OS info where the profile says so`() async throws {
        var setup = setup()
        setup.identity = .osInfo("n")
        setup.hardware = "0200"
        try await TestBench.run(setup) { bench in
            let view = try await bench.ended(1)
            #expect(view.verdict?.reason == .hardwareOutOfRange)
            #expect(view.unit?.chfId == TestBench.chf(1))
            #expect(view.unit?.model == "010A030B")
        }
    }
}
