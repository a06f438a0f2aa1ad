import BenchModel
import Foundation
import GRDB
@testable import Journal
import Testing

/// A journal in a folder of its own, which goes with the test.
func withJournal(_ body: (Journal, String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "journal.sqlite").path
    try await body(try Journal(path: path, clock: SystemClock()), path)
}

let slotA1 = SlotID("A1") ?? { preconditionFailure("a label") }()
let unit1 = EUI64(rawValue: 0x00DB_1234_5678_90A2)

private let unitHash = SHA256Value(bytes: [UInt8](repeating: 7, count: 32)) ?? { preconditionFailure("32 bytes") }()

/// An image of which a journal has the hash alone.
private struct Nothing: ComponentContent {
    var count: Int { 0 }
    func append(_ range: Range<Int>, to buffer: inout [UInt8]) {}
}

extension JournalEvent {
    static func started(_ unit: EUI64?) -> JournalEvent {
        .sessionStarted(
            .init(
                unit: BenchModel.Unit(chfId: unit), profile: "p", mode: .runtime,
                target: Target(
                    release: "r", manifestHash: unitHash, variant: .fourG, version: FirmwareVersion(rawValue: 1), hardware: nil,
                    components: [TargetComponent(name: "application", hash: unitHash, content: Nothing())]),
                checksOff: ["identity"]))
    }

    /// A slot is held.
    static let held = JournalEvent.slotHeld(.init(by: Operator(user: "test", role: .technician)))
}

@Suite struct JournalTests {
    @Test func `events are numbered, chained and read back as they were written`() async throws {
        try await withJournal { journal, path in
            let written = try await journal.append([
                JournalDraft(.benchStopped), JournalDraft(.held, slot: slotA1), JournalDraft(.unitRemoved, slot: slotA1, unit: unit1),
            ])
            #expect(written.map(\.number) == [1, 2, 3])
            #expect(try await journal.events(after: 0, limit: 10) == written)
            #expect(try await journal.events(after: 1, limit: 1).map(\.kind) == ["slot-held"])
            #expect(try await journal.events(after: 0, limit: 10, unit: unit1).map(\.number) == [3])
            let verification = try JournalVerifier.verify(path)
            #expect(verification.isIntact)
            #expect(verification.head == written[2].hash)
        }
    }

    @Test func `every commit is on the disk before it is acknowledged`() async throws {
        try await withJournal { journal, _ in
            let mode = try await journal.synchronousMode()
            #expect(mode == 2)
        }
    }

    @Test func `a session is named by the event that began it, and its outcome is projected`() async throws {
        try await withJournal { journal, _ in
            let id = try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1)).number
            try await journal.append(
                JournalDraft(
                    .transferStarted(.init(component: "application", lengthBytes: 1, attempt: 1)), slot: slotA1, unit: unit1, session: id))
            #expect(try await journal.unfinishedSessions().map(\.id) == [id])
            try await journal.append(
                JournalDraft(.outcome(Verdict(.reflashed, proof: .flashReadback)), slot: slotA1, unit: unit1, session: id))
            let unit = try await journal.unit(unit1)
            #expect(unit.standing?.outcome == .reflashed)
            #expect(unit.sessions[0].transferBegan)
            #expect(try await journal.slots()[0].lastSession?.id == id)
        }
    }

    @Test func `what a session recorded is found however much others recorded in between`() async throws {
        try await withJournal { journal, _ in
            let id = try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1)).number
            try await journal.append([JournalDraft](repeating: JournalDraft(.held, slot: slotA1), count: 1100))
            try await journal.append(JournalDraft(.activated, slot: slotA1, unit: unit1, session: id + 1))
            try await journal.append(JournalDraft(.bootloaderEntered, slot: slotA1, unit: unit1, session: id))
            #expect(try await !journal.has("activated", in: id, of: unit1))
            try await journal.append(JournalDraft(.activated, slot: slotA1, unit: unit1, session: id))
            #expect(try await journal.has("activated", in: id, of: unit1))
        }
    }

    @Test func `a unit without a readable identity is recorded too`() async throws {
        try await withJournal { journal, _ in
            let id = try await journal.append(JournalDraft(.started(nil), slot: slotA1)).number
            try await journal.append(JournalDraft(.outcome(Verdict(.refused, reason: .identityUnreadable)), slot: slotA1, session: id))
            #expect(try await journal.sessions(limit: 1)[0].verdict?.reason == .identityUnreadable)
        }
    }

    @Test func `sessions that a stop cut off become unknown, once`() async throws {
        try await withJournal { journal, _ in
            try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1))
            #expect(try await journal.settleCutSessions() == 1)
            #expect(try await journal.settleCutSessions() == 0)
            #expect(try await journal.unit(unit1).openQuestion?.verdict?.reason == .benchStopped)
        }
    }

    @Test func `projections made anew from the events are the same`() async throws {
        try await withJournal { journal, _ in
            for _ in 0..<3 {
                let id = try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1)).number
                try await journal.append(
                    JournalDraft(.outcome(Verdict(.unknown, reason: .contactLost)), slot: slotA1, unit: unit1, session: id))
                try await journal.append(
                    JournalDraft(.sessionSettled(.init(session: id, verdict: Verdict(.reflashed))), slot: slotA1, unit: unit1, session: id))
            }
            let before = try await (journal.unit(unit1), journal.slots())
            try await journal.rebuildProjections()
            let after = try await (journal.unit(unit1), journal.slots())
            #expect(before.0 == after.0)
            #expect(before.1 == after.1)
        }
    }

    @Test func `a session from before its variant was recorded has its approval's, projected, made anew and after an upgrade`() async throws
    {
        try await withJournal { journal, path in
            let approved = JournalEvent.ReleaseApproved(
                release: "r", manifestHash: unitHash, variant: .twoG3G, version: FirmwareVersion(rawValue: 1), securityCounter: 1,
                first: nil,
                via: [], warrant: .init(by: Operator(user: "test", role: .supervisor)))
            let approval = try await journal.append(JournalDraft(.releaseApproved(approved))).number
            var started = JournalEvent.SessionStarted(
                unit: BenchModel.Unit(chfId: unit1), profile: "p", mode: .runtime, target: nil, checksOff: [])
            started.approval = approval
            let id = try await journal.append(JournalDraft(.sessionStarted(started), slot: slotA1, unit: unit1)).number
            #expect(try await journal.session(id)?.variant == .twoG3G)
            try await journal.rebuildProjections()
            #expect(try await journal.session(id)?.variant == .twoG3G)
            try await journal.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write {
                try $0.execute(sql: "UPDATE sessions SET variant = NULL; DELETE FROM grdb_migrations WHERE identifier = '9'")
            }
            try queue.close()
            let upgraded = try Journal(path: path, clock: SystemClock())
            #expect(try await upgraded.session(id)?.variant == .twoG3G)
        }
    }

    @Test func `a journal that was closed is whole in its one file`() async throws {
        try await withJournal { journal, path in
            try await journal.append(JournalDraft(.held, slot: slotA1))
            try await journal.close()
            let copy = path + ".copy"
            try FileManager.default.copyItem(atPath: path, toPath: copy)
            #expect(try JournalVerifier.verify(copy).events == 1)
        }
    }

    @Test func `many sessions at once are all stored, in one chain`() async throws {
        try await withJournal { journal, path in
            try await withThrowingTaskGroup { group in
                for _ in 0..<200 { group.addTask { try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1)) } }
                var numbers: Set<EventNumber> = []
                for try await record in group { numbers.insert(record.number) }
                #expect(numbers == Set(1...200))
            }
            #expect(try JournalVerifier.verify(path).events == 200)
        }
    }
}
