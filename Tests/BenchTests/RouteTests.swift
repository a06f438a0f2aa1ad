import Bench
import BenchModel
import Journal
import Simulator
import Testing

/// What may be flashed over what, and what a session says of its release.
@Suite(.timeLimit(.minutes(5))) struct RouteTests {
    private let old = FirmwareVersion(rawValue: 0x0002_0100)
    private let step1 = FirmwareVersion(rawValue: 0x0002_0110)
    private let step2 = FirmwareVersion(rawValue: 0x0002_0120)

    @Test(arguments: [Variant.fourG, .twoG3G])
    func `a unit goes to the release by its approved steps, each read back`(variant: Variant) async throws {
        var setup = TestBench.Setup(installed: [old])
        setup.variant = variant
        setup.over = [step1]
        setup.steps = [step1]
        setup.stepOver = [old]
        try await TestBench.run(setup) { bench in
            let verdict = try #require(try await bench.ended(1).verdict)
            #expect(verdict.outcome == .reflashed, "\(verdict.detail ?? "")")
            #expect(verdict.installedVersion == TestBench.targetVersion)
            #expect(try bench.holdsImage(1))
            let step = try await bench.event("step-finished")
            #expect(step.payload.contains("\"version\":\"00020110\""), "\(step.payload)")
            #expect(try await bench.journal.sessions(limit: 10).count == 1)
            let started = try await bench.event("session-started")
            #expect(started.payload.contains("\"steps\":[\"00020110\"]"), "\(started.payload)")
        }
    }

    @Test func `an approval that comes while a unit is being refused for want of it is not missed`() async throws {
        var setup = TestBench.Setup(installed: [old])
        setup.refusals = 2
        try await TestBench.run(setup) { bench in
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
            let sessions = try await bench.journal.sessions(limit: 10)
            #expect(sessions.map(\.verdict?.reason) == [nil, .noApprovedRelease])
        }
    }

    @Test func `a unit from which no way leads to the release is refused, and nothing is written`() async throws {
        var setup = TestBench.Setup(installed: [old])
        setup.over = [step2]
        setup.steps = [step1]
        setup.stepOver = [old]
        try await TestBench.run(setup) { bench in
            let verdict = try #require(try await bench.ended(1).verdict)
            #expect(verdict.outcome == .refused)
            #expect(verdict.reason == .noPath)
            #expect(try bench.unit(1).downloadsBegun == 0)
        }
    }

    @Test func `a fault at a step says at which, and the next session goes on from there`() async throws {
        var setup = TestBench.Setup(installed: [old])
        setup.over = [step1]
        setup.steps = [step1]
        setup.stepOver = [old]
        setup.faults = [1: [.init(.bitFlip, atByte: 4321)]]
        try await TestBench.run(setup) { bench in
            let verdict = try #require(try await bench.ended(1).verdict)
            #expect(verdict.outcome == .failed)
            #expect(verdict.reason == .readbackMismatch)
            #expect(verdict.detail?.hasPrefix("at the step step-00020110 (00020110): ") == true, "\(verdict.detail ?? "")")
            try await bench.controller.retry(TestBench.slot(1), by: TestBench.technician)
            #expect(try await bench.ended(1, sessions: 2).verdict?.outcome == .reflashed)
        }
    }

    @Test func `the starting version can be left out of the checks, and the outcome says so`() async throws {
        var setup = TestBench.Setup(installed: [old])
        setup.over = [step2]
        setup.checksOff = [.startingVersion, .centralProductsList]
        try await TestBench.run(setup) { bench in
            let verdict = try #require(try await bench.ended(1).verdict)
            #expect(verdict.outcome == .reflashed)
            #expect(verdict.checksOff == ["central-products-list", "starting-version"])
            #expect(verdict.release == "release")
            #expect(verdict.manifestHash != nil)
        }
    }

    @Test(arguments: [(false, Outcome.refused), (true, .reflashed)])
    func `a downgrade is refused, unless that check is left out`(isOff: Bool, outcome: Outcome) async throws {
        var setup = TestBench.Setup(installed: [FirmwareVersion(rawValue: 0x0002_0200)])
        if isOff { setup.checksOff = [.downgrade] }
        try await TestBench.run(setup) { bench in
            let verdict = try #require(try await bench.ended(1).verdict)
            #expect(verdict.outcome == outcome)
            if !isOff { #expect(verdict.reason == .downgrade) }
        }
    }

    @Test(arguments: [("010A030B", Outcome.reflashed), ("010A030C", .refused)])
    func `a release is for one model`(model: String, outcome: Outcome) async throws {
        var setup = TestBench.Setup(installed: [old])
        setup.model = model
        try await TestBench.run(setup) { bench in
            let verdict = try #require(try await bench.ended(1).verdict)
            #expect(verdict.outcome == outcome)
            if outcome == .refused { #expect(verdict.reason == .modelMismatch) }
        }
    }
}

@Suite struct UpgradePathTests {
    private func version(_ value: UInt32) -> FirmwareVersion { FirmwareVersion(rawValue: value) }

    private func target(_ value: UInt32, over: [UInt32]?) -> Target {
        Target(
            release: "r\(value)", manifestHash: SHA256Value(bytes: [UInt8](repeating: 0, count: 32)) ?? { preconditionFailure("32") }(),
            variant: .fourG, version: version(value), hardware: nil, over: over?.map { version($0) }, components: [])
    }

    private func way(_ installed: UInt32, _ target: Target) -> [UInt32]? {
        (try? UpgradePath.steps(from: version(installed), to: target))?.map(\.version.rawValue)
    }

    @Test func `the shortest way is taken, and none where none leads there`() {
        var last = target(5, over: [3, 4])
        last.steps = [target(4, over: [2]), target(3, over: [1]), target(2, over: [1])]
        #expect(way(1, last) == [3, 5])
        #expect(way(2, last) == [4, 5])
        #expect(way(4, last) == [5])
        #expect(way(5, last) == [5])
        #expect(way(0, last) == nil)
        #expect(way(0, target(5, over: nil)) == [5])
    }

    @Test func `a step that goes over everything does not take a unit back`() {
        var last = target(5, over: [2])
        last.steps = [target(2, over: nil)]
        #expect(way(1, last) == [2, 5])
        #expect(way(3, last) == nil)
    }

    @Test func `steps that lead in a circle are no way`() {
        var last = target(5, over: [4])
        last.steps = [target(4, over: [3]), target(3, over: [4])]
        #expect(way(1, last) == nil)
    }
}
