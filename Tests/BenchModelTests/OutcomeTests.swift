import BenchModel
import Foundation
import Testing

@Suite struct DoNextTests {
    @Test(arguments: [
        (Outcome.reflashed, 0, true, DoNext.remove), (.alreadyCurrent, 0, true, .remove), (.reflashed, 0, false, .dock),
        (.failed, 1, true, .moveToAnotherSlot), (.failed, 2, true, .hold), (.unknown, 0, false, .dockAgain),
        (.unknown, 1, true, .dockAgain),
        (.refused, 0, true, .hold), (.swapped, 0, true, .hold),
    ])
    func `each outcome tells the hands what to do`(outcome: Outcome, failedSlots: Int, present: Bool, expected: DoNext) {
        #expect(DoNext(after: Verdict(outcome), failedSlots: failedSlots, unitPresent: present) == expected)
    }
}

@Suite struct OutcomeReasonTests {
    @Test func `every reason has a sentence and a place in the documentation`() throws {
        let page = try String(contentsOfFile: "\(packageRoot)/docs/outcomes.md", encoding: .utf8)
        for reason in OutcomeReason.allCases {
            #expect(!reason.sentence.isEmpty)
            #expect(page.contains("`\(reason.rawValue)`"), "\(reason.rawValue) is not in docs/outcomes.md")
        }
    }

    @Test func `proofs are ordered by strength`() {
        #expect(Proof.deviceReported < .bootloaderValidated)
        #expect(Proof.bootloaderValidated < .flashReadback)
    }
}

@Suite struct UnitRecordTests {
    private func session(_ id: SessionID, _ slot: String, _ outcome: Outcome) throws -> SessionRecord {
        SessionRecord(
            id: id, slot: try #require(SlotID(slot)), chfId: nil, startedAt: "", release: nil,
            components: ["application": try #require(SHA256Value(bytes: [UInt8](repeating: 7, count: 32)))],
            verdict: Verdict(outcome))
    }

    @Test func `slots count as failed only since the unit was last current`() throws {
        let record = UnitRecord(
            chfId: EUI64(rawValue: 1),
            sessions: [
                try session(1, "A1", .failed), try session(2, "A2", .reflashed), try session(3, "A3", .failed),
                try session(4, "A3", .failed),
            ])
        #expect(record.failedSlots.map(\.label) == ["A3"])
    }

    @Test func `an unknown session is an open question until it is settled`() throws {
        var unknown = try session(1, "A1", .unknown)
        #expect(UnitRecord(chfId: EUI64(rawValue: 1), sessions: [unknown]).openQuestion?.id == 1)
        var lost = unknown
        lost.components = [:]
        #expect(UnitRecord(chfId: EUI64(rawValue: 1), sessions: [lost]).openQuestion == nil, "it had nothing to write")
        unknown.settled = Verdict(.reflashed)
        #expect(UnitRecord(chfId: EUI64(rawValue: 1), sessions: [unknown]).openQuestion == nil)
    }
}

/// The folder that holds Package.swift.
let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
