@testable import Bench
import BenchKit
import BenchModel
import Foundation
import Journal
import Logging
import Testing

@testable import Simulator

/// What is kept of a session that went wrong, and that it can be played again.
@Suite(.timeLimit(.minutes(2))) struct CapsuleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var variant = Variant.fourG
        var fault: Fault
        var outcome: Outcome
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "a status for good", fault: Fault(.errorStatus, atBlock: 3, status: "errPROG", times: nil), outcome: .failed),
        Case(name: "a flipped bit", fault: Fault(.bitFlip, atByte: 30_000), outcome: .failed),
        Case(name: "pulled in the middle", fault: Fault(.unplug, atByte: 20_000), outcome: .unknown),
        Case(name: "silent for good", fault: Fault(.silence, request: "DFU_GETSTATUS", times: nil), outcome: .unknown),
        Case(name: "never enters its bootloader", fault: Fault(.silence, request: "DFU_DETACH", times: nil), outcome: .failed),
        Case(name: "never comes back", fault: Fault(.neverReturns), outcome: .unknown),
        Case(name: "cut descriptors", fault: Fault(.truncatedDescriptors, value: "60", times: nil), outcome: .failed),
        Case(
            name: "an SMP upload that is refused", variant: .twoG3G, fault: Fault(.errorStatus, atBlock: 3, times: nil), outcome: .failed),
        Case(
            name: "an SMP unit that falls silent", variant: .twoG3G, fault: Fault(.silence, request: "image upload", times: nil),
            outcome: .unknown),
        Case(name: "an SMP unit that is pulled", variant: .twoG3G, fault: Fault(.unplug, atByte: 20_000), outcome: .unknown),
    ]

    /// Runs a unit with a fault, and gives what was kept.
    private static func capsule(_ which: Case) async throws -> Capsule {
        var setup = TestBench.Setup(faults: [1: [which.fault]])
        setup.variant = which.variant
        setup.bounds.stall = .seconds(2)
        setup.keepsCapsules = true
        return try await TestBench.run(setup, seed: 3) { bench in
            _ = try await bench.ended(1)
            let store = try #require(bench.controller.capsules)
            let summaries = await store.newest(10)
            #expect(summaries.count == 1)
            let session = try #require(summaries.first).session
            let bytes = try #require(await store.bytes(of: session))
            return try JSONDecoder().decode(Capsule.self, from: bytes)
        }
    }

    @Test(arguments: cases) func `A session that went wrong plays again to the same end`(_ which: Case) async throws {
        let capsule = try await Self.capsule(which)
        #expect(capsule.verdict.outcome == which.outcome)
        try await CapsuleReplay.of(capsule).expectSame()
    }

    private static func store(in folder: URL) throws -> CapsuleStore {
        try #require(
            CapsuleStore(
                journal: folder.appending(path: "journal.sqlite").path, lane: DispatchLanes().lane("capsules", controller: nil),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func `A session that was cut off with its bench has a capsule after the next start`() async throws {
        var setup = TestBench.Setup(faults: [1: [Fault(.slow, value: "3000", times: nil)]])
        setup.keepsCapsules = true
        let (session, draft, left) = try await TestBench.run(setup, seed: 3) { bench in
            let folder = try #require(bench.controller.capsules).folder
            func files() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] }
            _ = try await bench.view(1) { _ in !files().isEmpty }
            let session = try #require(try await bench.journal.unfinishedSessions().first).id
            let draft = try Data(contentsOf: folder.appending(path: "\(session).open.json"))
            _ = try await bench.ended(1)
            _ = await bench.controller.capsules?.newest(1)
            return (session, draft, files())
        }
        #expect(left == [], "one that has come to its end leaves nothing")

        // What is there after kill -9: a session without an outcome, and the draft.
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try Self.store(in: folder)
        try FileManager.default.createDirectory(at: store.folder, withIntermediateDirectories: true)
        try draft.write(to: store.folder.appending(path: "\(session).open.json"))
        let journal = try Journal(path: folder.appending(path: "journal.sqlite").path, clock: SystemClock())
        for _ in 1..<session { try await journal.append(JournalDraft(.benchStopped)) }
        let started = JournalEvent.SessionStarted(
            unit: BenchModel.Unit(chfId: TestBench.chf(1)), profile: "4g", mode: .runtime, target: nil, checksOff: [])
        try await journal.append(JournalDraft(.sessionStarted(started), slot: TestBench.slot(1), unit: TestBench.chf(1)))
        #expect(try await journal.settleCutSessions() == 1)
        await store.adoptCut(journal)
        let capsule = try JSONDecoder().decode(Capsule.self, from: try #require(await store.bytes(of: session)))
        #expect(capsule.verdict.outcome == .unknown && capsule.verdict.reason == .benchStopped)
        #expect(capsule.transcript.exchanges.contains { $0.request == 0x2101 }, "DFU_DNLOAD has passed")
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.folder.path) == ["\(session).capsule.json"])
        try await journal.close()
    }

    @Test func `No more than 500 capsules are kept, the newest`() async throws {
        let capsule = try await Self.capsule(Self.cases[6])
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try Self.store(in: folder)
        for number in 1...CapsuleStore.limit + 2 {
            var next = capsule
            next.session = SessionID(number)
            await store.keep(next)
        }
        #expect(await store.bytes(of: 2) == nil)
        #expect(await store.bytes(of: 3) != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.folder.path).count == CapsuleStore.limit)
    }

    @Test func `A replay that asks for something else says where`() async throws {
        var capsule = try await Self.capsule(Self.cases[1])
        capsule.target?.components[0].lengthBytes -= 4096
        let replay = try await CapsuleReplay.of(capsule)
        #expect(replay.divergence?.contains("found out") == true, "\(replay.divergence ?? "none")")
        #expect(throws: ReplayError.self) { try replay.expectSame() }
    }

    @Test func `A session that went well leaves nothing`() async throws {
        var setup = TestBench.Setup()
        setup.keepsCapsules = true
        let kept = try await TestBench.run(setup, seed: 3) { bench in
            _ = try await bench.ended(1)
            return await bench.controller.capsules?.newest(10).count
        }
        #expect(kept == 0)
    }

    @Test func `A transfer of a thousand blocks is a few lines, and comes out as it went in`() {
        var transcript = Transcript()
        var all: [Exchange] = []
        func add(_ exchange: Exchange) {
            transcript.add(exchange)
            all.append(exchange)
        }
        for block in 0..<1000 {
            var out = Exchange(.controlOut, at: Int64(block) * 100)
            (out.request, out.value, out.length, out.data) = (0x2101, UInt16(block), 4096, "\(block)")
            add(out)
            var status = Exchange(.controlIn, at: Int64(block) * 100 + 50)
            (status.request, status.value, status.data) = (0xA103, 0, "000500000500")
            add(status)
        }
        var end = Exchange(.controlIn, at: 200_000)
        (end.request, end.error) = (0xA103, "stall")
        add(end)
        #expect(transcript.runs.count == 2)
        #expect(transcript.exchanges.map(\.value) == all.map(\.value))
        #expect(transcript.exchanges.map(\.error) == all.map(\.error))
    }

    @Test func `Where too much passes the middle goes, and it is said how much`() {
        var transcript = Transcript()
        let count = 10_000
        for number in 0..<count {
            var read = Exchange(.read, at: Int64(number))
            read.data = "\(number * number)"
            transcript.add(read)
        }
        #expect(transcript.runs.count <= Transcript.firstRuns + 2 * Transcript.lastRuns)
        #expect(transcript.exchanges.count + transcript.elided == count)
        #expect(transcript.exchanges.first?.at == 0 && transcript.exchanges.last?.at == Int64(count - 1))
    }
}
