import BenchModel
import Foundation
import GRDB
import Journal
import Logistics
import LogisticsKit
import Testing

/// What is over leaves the journal for a file that proves itself, and nothing else changes.
@Suite struct ArchiveTests {
    private static let second = sure(ConsignmentID("RMA-2"))
    private static let always = "9999-01-01T00:00:00.000Z"

    private struct Place: Sendable {
        let folder: String
        var journal: String { folder + "/bench.journal" }
        var archives: String { folder + "/archives" }

        func checkpoint(_ bench: TestBench) async throws -> Checkpoint {
            try #require(try await bench.journal.makeCheckpoint(bench: "b", key: BenchKey(path: journal + ".key"), why: "asked"))
        }

        func archive() async throws -> JournalArchive.Report {
            try await JournalArchive.make(
                of: journal, in: archives, before: ArchiveTests.always, shipped: false, key: BenchKey(path: journal + ".key"),
                clock: SystemClock())
        }

        /// Opens the journal for `body`, and closes it.
        func with<Value>(_ body: (TestBench) async throws -> Value) async throws -> Value {
            let bench = try TestBench(at: journal)
            let value = try await body(bench)
            try await bench.journal.close()
            return value
        }
    }

    /// A journal with a consignment that the Service User has, a checkpoint after that, and another consignment that is open; closed.
    private func withJournal(_ body: (Place, Checkpoint) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let place = Place(folder: folder.path)
        let checkpoint = try await place.with { bench in
            _ = try await bench.journal.append(JournalDraft(.slotHeld(.init(by: clerk)), slot: slot("A03")))
            try await bench.finish(id, from: 1)
            let checkpoint = try await place.checkpoint(bench)
            try await bench.takenIn(Self.second, units: 6, from: 100)
            try await bench.session(100, .reflashed)
            _ = try await bench.desk.openPackage(.carton, for: Self.second, isFaulty: false, by: clerk)
            return checkpoint
        }
        try await body(place, checkpoint)
    }

    @Test func `the archive holds what is over and proves it, and the journal goes on with what is open`() async throws {
        try await withJournal { place, checkpoint in
            let before = try await place.with { bench in try await bench.state(of: Self.second) }
            let report = try await place.archive()
            #expect(report.consignments == 1)
            #expect(report.upTo == checkpoint.event + 1)
            #expect(report.file.hasSuffix("/bench.journal-1-\(report.upTo).gz"))
            #expect(report.bytesOfFile < report.bytesBefore)
            let archived = try JournalArchive.reading(report.file) { path throws(JournalError) in
                let proof = try JournalProof.of(try JournalProof.outcome(of: unit(2), in: path), in: path)
                #expect(proof.fault(key: checkpoint.key) == nil)
                return try JournalVerifier.verify(path, against: checkpoint)
            }
            #expect(archived.isIntact)
            #expect(archived.events == Int(report.upTo))
            let live = try JournalVerifier.verify(place.journal)
            #expect(live.isIntact, "\(live.fault ?? "")")
            #expect(live.archivedBefore == report.upTo)
            let after = try await place.with { bench in
                try await bench.journal.rebuildProjections()
                return try await bench.state(of: Self.second)
            }
            #expect(after == before)
        }
    }

    @Test func `numbers of cartons and names of consignments are not given out again`() async throws {
        try await withJournal { place, _ in
            let before = try await place.with { bench in try await bench.journal.look { try $0.packageCount() } }
            let file = try await place.archive().file
            try await place.with { bench in
                let after = try await bench.journal.look { try $0.packageCount() }
                #expect(after == before)
                let refused = await refusal { try await bench.accepted(id) }
                #expect(
                    refused == "consignment RMA-1 is in the archive \((file as NSString).lastPathComponent); give this one another name")
            }
        }
    }

    @Test func `events after an archive are proven, and archived again when they are over`() async throws {
        try await withJournal { place, first in
            _ = try await place.archive()
            let second = try await place.with { bench in
                try await bench.settleAll(Self.second)
                let carton = try #require(try await bench.desk.consignment(Self.second).packages.first)
                _ = try await bench.desk.pack(unit(100), into: carton.sscc, by: clerk)
                _ = try await bench.desk.closePackage(carton.sscc, by: clerk)
                try await bench.send(Self.second)
                return try await place.checkpoint(bench)
            }
            for checkpoint in [first, second] {
                let found = try JournalVerifier.verify(place.journal, against: checkpoint)
                #expect(found.isIntact, "\(found.fault ?? "")")
            }
            let number = try JournalProof.outcome(of: unit(101), in: place.journal)
            let proof = try JournalProof.of(number, in: place.journal)
            #expect(proof.fault(key: second.key) == nil)
            let report = try await place.archive()
            #expect(report.consignments == 1)
            let live = try JournalVerifier.verify(place.journal, against: second)
            #expect(live.isIntact, "\(live.fault ?? "")")
            try JournalArchive.reading(report.file) { path throws(JournalError) in
                let found = try JournalVerifier.verify(path, against: second)
                #expect(found.isIntact, "\(found.fault ?? "")")
                #expect(try JournalProof.of(number, in: path).fault(key: second.key) == nil)
            }
            let old = try JournalVerifier.verify(place.journal, against: first)
            #expect(
                old.fault == "event \(first.event) is archived: verify \((report.file as NSString).lastPathComponent) with this checkpoint")
            // The held slot stays held.
            let held = try await place.with { bench in
                try await bench.journal.rebuildProjections()
                return try await bench.journal.slots().first { $0.slot == slot("A03") }?.isHeld
            }
            #expect(held == true)
        }
    }

    @Test(arguments: [
        ("UPDATE events SET payload = '{ }' WHERE kind = 'slot-held'", "event 1 (slot-held"),
        ("DELETE FROM events WHERE kind = 'slot-held'", "event 1 is missing"),
        ("DELETE FROM events WHERE kind = 'checkpoint'", "event "),
        ("UPDATE events SET payload = replace(payload, 'RMA-1', 'RMA-9') WHERE kind = 'journal-archived'", "the journal begins after"),
        ("DELETE FROM events WHERE kind = 'journal-archived'", "event 2 is missing"),
    ])
    func `a journal that was tampered with after an archive is found out`(sql: String, fault: String) async throws {
        try await withJournal { place, _ in
            _ = try await place.archive()
            let queue = try DatabaseQueue(path: place.journal)
            try await queue.write { database in
                try database.execute(sql: "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed")
                try database.execute(sql: sql)
            }
            try queue.close()
            let found = try JournalVerifier.verify(place.journal)
            #expect(found.fault?.hasPrefix(fault) == true, "\(found.fault ?? "none")")
        }
    }

    @Test func `before the bench has vouched for more nothing more is archived, and it is said why`() async throws {
        try await withJournal { place, _ in
            _ = try await place.archive()
            let why = await refusal { try await place.archive() }
            #expect(why.hasSuffix("there is no checkpoint from before \(Self.always) since the last archive"))
            let found = try JournalVerifier.verify(place.journal)
            #expect(found.isIntact)
        }
    }

    @Test func `what is not delivered to a partner stays, on a bench that delivers`() async throws {
        try await withJournal { place, _ in
            try await place.with { bench in
                try await bench.desk.recordCapture(
                    .init(consignment: id, upTo: 10, isComplete: false, events: 1, jobs: [], endpoint: "https://partner.example/capture"))
            }
            #expect(try await place.archive().consignments == 0)
            try await place.with { bench in
                let last = try #require(try await bench.desk.captures().first { $0.consignment == id })
                #expect(last.delivered == 10)
                try await bench.desk.recordCapture(
                    .init(
                        consignment: id, upTo: last.last, isComplete: true, events: 1, jobs: [], endpoint: "https://partner.example/capture"
                    ))
                _ = try await place.checkpoint(bench)
            }
            #expect(try await place.archive().consignments == 1)
        }
    }

    @Test func `a consignment that lies across the cut stays whole, with its units' sessions`() async throws {
        try await withJournal { place, _ in
            let (third, middle) = try await place.with { bench in
                let third = sure(ConsignmentID("RMA-3"))
                try await bench.takenIn(third, units: 4, from: 200)
                try await bench.session(200, .reflashed)
                try await bench.session(201, nil)
                let checkpoint = try await place.checkpoint(bench)
                let running = try #require(try await bench.journal.unit(unit(201)).sessions.last)
                try await bench.journal.append(
                    JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit(201), session: running.id))
                try await bench.settleAll(third)
                try await bench.send(third)
                return (third, checkpoint)
            }
            let before = try await place.with { bench in [try await bench.state(of: third), try await bench.state(of: Self.second)] }
            let report = try await place.archive()
            #expect(report.upTo == middle.event + 1)
            #expect(report.consignments == 1)
            let live = try JournalVerifier.verify(place.journal, against: middle)
            #expect(live.isIntact, "\(live.fault ?? "")")
            let after = try await place.with { bench in
                try await bench.journal.rebuildProjections()
                return [try await bench.state(of: third), try await bench.state(of: Self.second)]
            }
            #expect(after == before)
        }
    }

    @Test func `a trial does not get its places back, and a session that ran at the cut keeps its beginning`() async throws {
        try await withJournal { place, _ in
            let (trial, running) = try await place.with { bench in
                let approved = JournalEvent.ReleaseApproved(
                    release: "autumn", manifestHash: .zero, variant: .fourG, version: FirmwareVersion(rawValue: 2), securityCounter: 1,
                    first: 1,
                    via: [], warrant: .init(by: clerk))
                let trial = try await bench.journal.append(JournalDraft(.releaseApproved(approved))).number
                var started = JournalEvent.SessionStarted(
                    unit: BenchModel.Unit(chfId: unit(300)), profile: "hub", mode: .runtime, target: nil, checksOff: [])
                started.approval = trial
                let session = try await bench.journal.append(JournalDraft(.sessionStarted(started), slot: slot("A01"), unit: unit(300)))
                    .number
                try await bench.journal.append(
                    JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit(300), session: session))
                // Of one that was not known at first, what settled it stays, too.
                let open = try await bench.journal.append(JournalDraft(.sessionStarted(started), slot: slot("A01"), unit: unit(303)))
                    .number
                try await bench.journal.append(
                    JournalDraft(.outcome(Verdict(.unknown, reason: .didNotReturn)), slot: slot("A01"), unit: unit(303), session: open))
                started.approval = nil
                let later = try await bench.journal.append(JournalDraft(.sessionStarted(started), slot: slot("A01"), unit: unit(303)))
                    .number
                try await bench.journal.append([
                    JournalDraft(
                        .sessionSettled(.init(session: open, verdict: Verdict(.reflashed))), slot: slot("A01"), unit: unit(303),
                        session: later),
                    JournalDraft(.outcome(Verdict(.unknown, reason: .didNotReturn)), slot: slot("A01"), unit: unit(303), session: later),
                ])
                let last = try await bench.journal.append(JournalDraft(.sessionStarted(started), slot: slot("A01"), unit: unit(303)))
                    .number
                try await bench.journal.append([
                    JournalDraft(
                        .sessionSettled(.init(session: later, verdict: Verdict(.alreadyCurrent))), slot: slot("A01"), unit: unit(303),
                        session: last),
                    JournalDraft(.outcome(Verdict(.alreadyCurrent)), slot: slot("A01"), unit: unit(303), session: last),
                ])
                try await bench.session(301, .reflashed)
                let running = try await bench.session(302, nil)
                _ = try await place.checkpoint(bench)
                try await bench.journal.append(
                    JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit(302), session: running))
                return (trial, running)
            }
            _ = try await place.archive()
            try await place.with { bench in
                let used = try await bench.journal.units(under: trial)
                #expect(used.known == [unit(300), unit(303)])
                try await bench.journal.rebuildProjections()
                #expect(try await bench.journal.unit(unit(303)).sessions.map(\.settled?.outcome) == [.reflashed, .alreadyCurrent, nil])
                #expect(try await bench.journal.unit(unit(301)).sessions.isEmpty)
                #expect(try await bench.journal.unit(unit(302)).sessions.map(\.id) == [running])
                #expect(try await bench.journal.unit(unit(302)).sessions.first?.verdict?.outcome == .reflashed)
            }
        }
    }

    @Test func `an archive that the bench has not signed is no archive`() async throws {
        try await withJournal { place, _ in
            let key = try BenchKey(path: place.folder + "/other.key")
            let why = await refusal {
                try await JournalArchive.make(
                    of: place.journal, in: place.archives, before: Self.always, shipped: false, key: key, clock: SystemClock())
            }
            #expect(why.hasSuffix("and the bench's key is \(key.publicKey)"))
            _ = try await place.archive()
            let queue = try DatabaseQueue(path: place.journal)
            try await queue.write { database in
                try database.execute(sql: "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed")
                // Somebody who lets one event more disappear, and makes the chain anew.
                try database.execute(
                    sql: """
                        DELETE FROM events WHERE kind = 'slot-held';
                        UPDATE events SET payload = json_remove(payload, '$.kept[0]') WHERE kind = 'journal-archived';
                        """)
            }
            try queue.close()
            #expect(try JournalVerifier.verify(place.journal).fault?.hasSuffix("the bench has not signed that this was archived") == true)
        }
    }

    @Test func `an archive that was cut short is refused`() async throws {
        try await withJournal { place, _ in
            let file = try await place.archive().file
            let whole = try Data(contentsOf: URL(filePath: file))
            try whole.prefix(whole.count / 2).write(to: URL(filePath: file))
            let why = await refusal { try JournalArchive.reading(file) { path throws(JournalError) in try JournalVerifier.verify(path) } }
            #expect(why.contains("it is no whole gzip file"))
        }
    }
}

extension TestBench {
    /// A consignment from its request to its receipt.
    fileprivate func finish(_ id: ConsignmentID, from first: Int) async throws {
        try await takenIn(id, units: 4, from: first)
        try await settleAll(id)
        let carton = try await desk.openPackage(.carton, for: id, isFaulty: false, by: clerk)
        _ = try await desk.pack(unit(first), into: carton.sscc, by: clerk)
        _ = try await desk.closePackage(carton.sscc, by: clerk)
        try await send(id)
    }

    fileprivate func send(_ id: ConsignmentID) async throws {
        _ = try await desk.ship(.init(consignment: id, carrier: "van", reference: nil, by: clerk))
        _ = try await desk.receive(id, text: nil, by: clerk)
    }

    /// Everything that is said of a consignment.
    fileprivate func state(of id: ConsignmentID) async throws -> [String] {
        let view = try await desk.consignment(id)
        let units = try await desk.units(of: id, limit: 1000)
        let table = String(decoding: try await whole(try await desk.returnRecord(of: id)), as: UTF8.self)
        let document = String(decoding: try await whole(try await desk.epcisDocument(of: id)), as: UTF8.self)
        let sums = view.reconciliation.states.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }
        return ["\(view.consignment)", "\(view.packages)", "\(units)", table, document] + sums
    }
}
