import BenchModel
import CaptureKit
import Delivery
import Foundation
import Journal
import Logging
import Logistics
import LogisticsKit
import Testing

/// Consignments' EPCIS events on their way to a partner's repository.
struct CaptureTests {
    private static let bounds = CaptureBounds(
        answer: .seconds(30), job: .seconds(30), firstPause: .milliseconds(1), longestPause: .milliseconds(10),
        firstRetry: .milliseconds(1), longestRetry: .milliseconds(5))

    /// A bench with a repository, and a consignment that is closed.
    private func withClosed(
        token: String? = nil, _ body: (TestBench, CaptureServer, CaptureOutbox) async throws -> Void
    ) async throws {
        try await CaptureServer.with { server, address in
            var config = TestBench.config
            config.capture = CaptureTarget(url: "\(address)/epcis/capture", tokenFile: token)
            try await TestBench.with(config) { bench in
                try await bench.takenIn(units: 6)
                try await bench.settleAll(id)
                try await body(bench, server, outbox(bench))
            }
        }
    }

    private func outbox(_ bench: TestBench, bounds: CaptureBounds = bounds) -> CaptureOutbox {
        var logger = Logger(label: "outbox")
        logger.logLevel = .critical
        return CaptureOutbox(
            bench.desk, to: bench.desk.config.capture ?? CaptureTarget(url: ""), bounds: bounds, clock: SystemClock(), logger: logger)
    }

    /// The ids of a consignment's events, as its document has them.
    private func documentIDs(_ bench: TestBench, _ id: ConsignmentID = id) async throws -> [String] {
        let text = try await whole(try await bench.desk.epcisDocument(of: id))
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            line.firstMatch(of: /"eventID":"([^"]+)"/).map { String($0.output.1) }
        }
    }

    private func due(_ bench: TestBench) async throws -> [CaptureState] { try await bench.desk.captures().filter(\.isDue) }

    /// Delivers until nothing waits.
    private func deliverAll(_ bench: TestBench, _ outbox: CaptureOutbox) async throws {
        for _ in 0..<2000 where try await !due(bench).isEmpty {
            await outbox.deliverDue()
            try await Task.sleep(for: .milliseconds(1))
        }
        let left = try await due(bench)
        #expect(left.isEmpty)
    }

    @Test func `a closed consignment is delivered whole, and once`() async throws {
        try await withClosed { bench, server, outbox in
            await outbox.deliverDue()
            let ids = try await documentIDs(bench)
            #expect(server.events == ids)
            #expect(ids.count > 3)
            let documents = server.documents
            await outbox.deliverDue()
            #expect(server.documents == documents)
            let state = try await bench.desk.captures().first
            #expect(state?.delivered == state?.last)
        }
    }

    @Test func `what comes after that is delivered, and only that`() async throws {
        try await withClosed { bench, server, outbox in
            await outbox.deliverDue()
            let before = server.events
            _ = try await bench.desk.ship(.init(consignment: id, carrier: "van", reference: "V-1", by: clerk))
            await outbox.deliverDue()
            let ids = try await documentIDs(bench)
            #expect(server.events == ids)
            #expect(server.events.count > before.count)
            #expect(server.documents == 2)
        }
    }

    @Test func `an open consignment waits until it is closed, or somebody asks for it`() async throws {
        try await withClosed { bench, server, outbox in
            await outbox.deliverDue()
            let other = sure(ConsignmentID("RMA-2"))
            try await bench.takenIn(other, units: 3, from: 100)
            let documents = server.documents
            await outbox.deliverDue()
            #expect(server.documents == documents)
            _ = try await bench.desk.requestCapture(other, by: clerk)
            await outbox.deliverDue()
            let ids = try await documentIDs(bench, other)
            #expect(server.events.suffix(ids.count) == ids[...])
            // Asked for once: what comes later waits again.
            try await bench.session(100, .reflashed)
            let left = try await due(bench)
            #expect(left.isEmpty)
        }
    }

    @Test func `a document that was exported is the same after the delivery`() async throws {
        try await withClosed { bench, _, outbox in
            let before = try await documentIDs(bench)
            await outbox.deliverDue()
            let after = try await documentIDs(bench)
            #expect(before == after)
        }
    }

    @Test func `a repository that is down gets everything when it is back, from another run of the daemon too`() async throws {
        try await withClosed { bench, server, first in
            server.next(.status(503), .status(500))
            await first.deliverDue()
            #expect(await first.problems[id]?.message.hasPrefix("the capture endpoint answered 503") == true)
            let second = outbox(bench)
            await second.deliverDue()
            #expect(server.events.isEmpty)
            try await deliverAll(bench, second)
            let ids = try await documentIDs(bench)
            #expect(server.events == ids)
            #expect(await second.problems.isEmpty)
        }
    }

    @Test func `a repository that has kept a document and then broken gets it again, and has each event once`() async throws {
        try await withClosed { bench, server, outbox in
            server.next(.keepsAndBreaks)
            try await deliverAll(bench, outbox)
            let ids = try await documentIDs(bench)
            #expect(server.events == ids)
            #expect(server.documents == 2)
        }
    }

    @Test func `one that says it has an event already gets those that it has not`() async throws {
        try await withClosed { bench, server, outbox in
            server.refuseDuplicates()
            server.next(.keepsAndBreaks)
            try await deliverAll(bench, outbox)
            _ = try await bench.desk.ship(.init(consignment: id, carrier: "van", reference: "V-1", by: clerk))
            try await deliverAll(bench, outbox)
            let ids = try await documentIDs(bench)
            #expect(server.events.sorted() == ids.sorted())
        }
    }

    @Test(arguments: [1, 2, 3]) func `one that takes no more at once gets them in parts`(most: Int) async throws {
        try await withClosed { bench, server, outbox in
            server.limit(to: most)
            try await deliverAll(bench, outbox)
            let ids = try await documentIDs(bench)
            #expect(server.events == ids)
        }
    }

    @Test func `an answer of 202 whose job then fails is no delivery`() async throws {
        try await withClosed { bench, server, outbox in
            server.next(.fails("ValidationException"))
            await outbox.deliverDue()
            #expect(await outbox.problems[id]?.message.hasSuffix("failed: ValidationException") == true)
            let left = try await due(bench)
            #expect(left.count == 1)
            try await deliverAll(bench, outbox)
            let ids = try await documentIDs(bench)
            #expect(server.events == ids)
        }
    }

    @Test func `a load that came before its notice is delivered, without the arrival of nobody knows what`() async throws {
        try await withClosed { bench, server, outbox in
            let late = sure(ConsignmentID("RMA-2"))
            try await bench.accepted(late)
            _ = try await bench.desk.deliver(.init(consignment: late, counted: nil, carrier: "van", by: clerk))
            _ = try await bench.desk.take(Notice(csv(["chfId", "\(unit(50))"])), file: .zero, for: late, by: clerk)
            try await bench.settleAll(late)
            try await deliverAll(bench, outbox)
            #expect(await outbox.problems.isEmpty)
            let ids = try await documentIDs(bench, late)
            #expect(server.events.suffix(ids.count) == ids[...])
        }
    }

    @Test func `a repository that does not take a correction of what it has is said to be in the way`() async throws {
        try await withClosed { bench, server, outbox in
            try await deliverAll(bench, outbox)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.desk.pack(unit(1), into: carton, by: clerk)
            _ = try await bench.desk.closePackage(carton, by: clerk)
            try await deliverAll(bench, outbox)
            let closed = try #require(try await bench.journal.events(after: 0, limit: 1000).last { $0.kind == "package-closed" })
            _ = try await bench.desk.correct(closed.number, of: id, reason: "one more", by: clerk)
            server.refuseDuplicates()
            await outbox.deliverDue()
            #expect(await outbox.problems[id]?.message.contains("does not take that event") == true)
        }
    }

    @Test func `an answer of 202 without a job is no delivery`() async throws {
        try await withClosed { bench, server, outbox in
            server.next(.noLocation)
            await outbox.deliverDue()
            #expect(await outbox.problems[id]?.message.contains("(Location): nothing shows that it was done") == true)
            #expect(server.events.isEmpty)
        }
    }

    @Test func `a job is asked until it has ended`() async throws {
        try await withClosed { bench, server, outbox in
            server.next(.runsFor(20))
            await outbox.deliverDue()
            let left = try await due(bench)
            #expect(left.isEmpty)
        }
    }

    @Test func `a repository that does not answer holds nothing up for longer than its bound`() async throws {
        try await withClosed { bench, server, outbox in
            server.next(.silence)
            var bounds = Self.bounds
            bounds.answer = .milliseconds(300)
            let impatient = self.outbox(bench, bounds: bounds)
            await impatient.deliverDue()
            #expect(await impatient.problems[id]?.message.contains("does not answer") == true)
            try await deliverAll(bench, outbox)
        }
    }

    @Test func `the token is sent, and a missing one is said`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "journal-token-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        try await withClosed(token: file.path) { bench, server, outbox in
            await outbox.deliverDue()
            #expect(await outbox.problems[id]?.message == "the token can't be read: \(file.path) (logistics.capture.tokenFile)")
            try Data("secret\n".utf8).write(to: file)
            try await deliverAll(bench, outbox)
            #expect(server.tokens == ["Bearer secret"])
        }
    }

    @Test(arguments: UInt64(1)...6) func `whatever a repository does, in the end it has each event once`(seed: UInt64) async throws {
        try await withClosed { bench, server, first in
            var dice = Dice(seed)
            // It never says that it has what it has not: that would be believed.
            let faults: [CaptureServer.Behaviour] = [
                .status(500), .status(429, retryAfter: 0), .status(413), .status(401), .noLocation, .runsFor(3),
                .fails("ValidationException"), .keepsAndBreaks,
            ]
            server.next((0..<Int.random(in: 1...12, using: &dice)).compactMap { _ in faults.randomElement(using: &dice) })
            let month = try await bench.month(seed, consignments: 2)
            try await deliverAll(bench, Bool.random(using: &dice) ? first : outbox(bench))
            var ids = try await documentIDs(bench)
            for id in month { ids += try await documentIDs(bench, id) }
            #expect(server.events.sorted() == ids.sorted(), "seed \(seed)")
        }
    }

    @Test func `checkpoints are kept by a server under names that are never given twice`() async throws {
        try await CaptureServer.with { _, address in
            let place = CheckpointServer("\(address)/checkpoints")
            try await TestBench.with { bench in
                let key = try BenchKey(path: bench.journal.path + ".key")
                var checkpoints: [Checkpoint] = []
                for number in 1...2 {
                    try await bench.session(number, .reflashed)
                    checkpoints.append(sure(try await bench.journal.makeCheckpoint(bench: "b", key: key, why: "asked")))
                }
                try await place.keep(checkpoints[0], as: "b-1.checkpoint.json")
                try await place.keep(checkpoints[0], as: "b-1.checkpoint.json")
                let refused = await refusal { try await place.keep(checkpoints[1], as: "b-1.checkpoint.json") }
                #expect(refused.hasSuffix("another checkpoint has this name there (200 OK)"))
            }
        }
    }
}
