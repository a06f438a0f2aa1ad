@testable import Bench
import BenchKit
import BenchModel
import Firmware
import Foundation
import Journal
import Links
import Logging
import Protocols
import Testing

@testable import Simulator

/// What is kept of a session that went wrong, and that it can be played again.
@Suite(.timeLimit(.minutes(2))) struct CapsuleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var variant = Variant.fourG
        var fault: Fault
        var outcome: Outcome
        var imageBytes = 50_000
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
        Case(
            name: "an SMP unit that is pulled near a long upload's end", variant: .twoG3G, fault: Fault(.unplug, atByte: 1_000_000),
            outcome: .unknown, imageBytes: 1_048_576),
    ]

    /// Runs a unit with a fault, and gives what was kept.
    private static func capsule(_ which: Case) async throws -> Capsule {
        var setup = TestBench.Setup(faults: [1: [which.fault]])
        setup.variant = which.variant
        setup.imageBytes = which.imageBytes
        setup.bounds.stall = .seconds(2)
        return try await capsule(setup)
    }

    private static func capsule(_ setup: TestBench.Setup) async throws -> Capsule {
        var setup = setup
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

    @Test func `A session on a way of steps plays again, too`() async throws {
        let (old, step) = (FirmwareVersion(rawValue: 0x0002_0100), FirmwareVersion(rawValue: 0x0002_0110))
        var setup = TestBench.Setup(installed: [old], faults: [1: [Fault(.errorStatus, atBlock: 2, status: "errPROG", times: nil)]])
        setup.over = [step]
        setup.steps = [step]
        setup.stepOver = [old]
        let capsule = try await Self.capsule(setup)
        #expect(capsule.target?.steps.map(\.version) == [step])
        try await CapsuleReplay.of(capsule).expectSame()
    }

    @Test func `A unit is asked for its language once each time it is opened`() async throws {
        let capsule = try await Self.capsule(Self.cases[0])
        let exchanges = capsule.transcript.exchanges
        let questions = exchanges.count(where: \.asksForLanguage)
        #expect(questions == exchanges.count { $0.kind == .open })
        #expect(questions > 1)
    }

    @Test func `A capsule of a bench that asked for the language before each string plays, too`() async throws {
        var capsule = try await Self.capsule(Self.cases[0])
        var language: Exchange?
        var asked = Transcript()
        for exchange in capsule.transcript.exchanges {
            if exchange.asksForLanguage {
                language = exchange
            } else if exchange.request == 0x8006, var again = language {
                (again.at, again.took) = (exchange.at, 0)
                asked.add(again)
            }
            asked.add(exchange)
        }
        #expect(asked.exchanges.count > capsule.transcript.exchanges.count)
        capsule.transcript = asked
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
        try await CapsuleReplay.of(capsule).expectSame()
        // One that stands still in the middle today has not come to where it was cut off.
        var slow = capsule
        slow.transcript = Transcript()
        for (index, exchange) in capsule.transcript.exchanges.enumerated() {
            var exchange = exchange
            if index == 3 { exchange.took = Int64(2 * 3600) * 1_000_000_000 }
            slow.transcript.add(exchange)
        }
        let replay = try await CapsuleReplay.of(slow)
        #expect(throws: ReplayError.self) { try replay.expectSame() }
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

    @Test func `A replay that writes something else to a serial line says where`() async throws {
        var capsule = try await Self.capsule(Self.cases[7])
        var settings = try #require(capsule.profile.smp)
        settings.buffers = SMPBuffers(size: 300, count: 1)
        capsule.profile.conversation = .smp(settings)
        let replay = try await CapsuleReplay.of(capsule)
        #expect(replay.divergence?.contains("found write") == true, "\(replay.divergence ?? "none")")
    }

    @Test func `A readback of something else is kept as far as there is room, and then that it was something else`() throws {
        let recorder = Recorder(clock: VirtualTime(seed: 1))
        recorder.expects(MemoryBytes([UInt8](repeating: 0, count: 4_194_304)))
        for block in 0..<1024 {
            let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: ($0 &+ 1) &* (block &+ 3)) | 1 }
            let upload = ControlRequest(type: DFU.deviceToHost, request: DFURequest.upload.rawValue, value: UInt16(block), index: 0)
            recorder.note(upload, at: .zero, length: 4096, came: .success(bytes))
        }
        let exchanges = recorder.transcript.exchanges
        #expect(exchanges.count == 1024 && recorder.transcript.elided == 0)
        #expect(exchanges.prefix(8).allSatisfy { $0.data?.count == 8192 })
        #expect(exchanges.dropFirst(8).allSatisfy { $0.isOther == true && $0.length == 4096 && $0.data == nil })
        #expect(recorder.transcript.runs.reduce(0) { $0 + $1.room } < Transcript.mostRoom)
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

    /// Reads and writes as they may come: a read that began before the write that it answers, one that brought nothing, a long one.
    private static func passages(_ count: Int) -> [LinePassage] {
        (0..<count).map { number in
            let bytes = (0..<number % 90).map { UInt8(truncatingIfNeeded: $0 * number) }
            return LinePassage(
                isWrite: number % 3 == 1, at: Int64(number) * 1_000_000 - Int64(number % 2) * 1_700_000,
                took: Int64(number) << (number % 40),
                length: number % 90, bytes: bytes[...])
        }
    }

    @Test func `What passes on a serial line comes out of the capsule's file as it went in`() throws {
        let passages = Self.passages(1000)
        var transcript = Transcript()
        for passage in passages { transcript.add(passage) }
        let bytes = try JSONEncoder().encode(transcript)
        let exchanges = try JSONDecoder().decode(Transcript.self, from: bytes).exchanges
        #expect(exchanges.map(\.kind) == passages.map { $0.isWrite ? .write : .read })
        #expect(exchanges.map(\.at) == passages.map(\.at))
        #expect(exchanges.map(\.took) == passages.map(\.took))
        #expect(exchanges.map { $0.data ?? "" } == passages.map { Hex.lowercase($0.bytes) })
        #expect(exchanges.filter { $0.kind == .write }.map(\.length) == passages.filter(\.isWrite).map(\.length))
    }

    @Test func `A packed line that ends within an exchange is not taken for a whole one`() throws {
        var transcript = Transcript()
        for passage in Self.passages(50) { transcript.add(passage) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let text = String(decoding: try encoder.encode(transcript), as: UTF8.self)
        let line = try #require(text.firstMatch(of: #/"line":"([^"]+)"/#)).output.1
        let cut = text.replacing(line, with: line.prefix(line.count / 8 * 4))
        let error = #expect(throws: DecodingError.self) { try JSONDecoder().decode(Transcript.self, from: Data(cut.utf8)) }
        #expect("\(try #require(error))".contains("expected a whole write or read"))
    }

    @Test func `Where too much passes the middle goes, and it is said how much`() {
        var transcript = Transcript()
        let passages = Self.passages(20_000)
        for (number, passage) in passages.enumerated() {
            transcript.add(passage)
            // Something else between them now and then.
            if number % 1000 == 0 { transcript.add(Exchange(.reset, at: passage.at)) }
        }
        #expect(transcript.elided > 0)
        #expect(transcript.runs.reduce(0) { $0 + $1.room } <= Transcript.mostRoom)
        #expect(transcript.exchanges.count + transcript.elided == passages.count + 20)
        #expect(transcript.exchanges.first?.at == passages[0].at && transcript.exchanges.last?.at == passages.last?.at)
    }
}
