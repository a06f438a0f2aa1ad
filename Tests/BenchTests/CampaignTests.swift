import BenchModel
import Firmware
import Foundation
import Journal
import Simulator
import Testing

@testable import BenchKit

@Suite(.timeLimit(.minutes(5))) struct CampaignTests {
    @Test(arguments: [1, 3, 6, 9, 31, 2026] as [UInt64])
    func `whatever goes wrong, nothing is recorded that is not so, and in calm weather every unit comes to an end`(seed: UInt64)
        async throws
    {
        let report = try await Campaign.run(seed: seed, units: 24)
        #expect(report.violations == [], "seed \(seed)")
        #expect(report.outcomes.values.reduce(0, +) > 24)
    }

    @Test func `the same seed writes the same journal, byte for byte, and another seed another`() async throws {
        let (first, second, other) = (
            try await Campaign.run(seed: 7, units: 12), try await Campaign.run(seed: 7, units: 12),
            try await Campaign.run(seed: 8, units: 12)
        )
        #expect(first == second)
        #expect(first.head != other.head)
    }
}

/// A campaign that finds nothing is worth something only if its witness would have objected.
@Suite struct WitnessTests {
    private let unit = CampaignPlan.chf(1)
    private let image = TestRelease.image(CampaignPlan.targetVersion, bytes: 3000)

    private func witness(holding holds: Bool) throws -> Witness {
        let other = TestRelease.image(FirmwareVersion(rawValue: 0x0002_0100), bytes: 3000)
        var description = CampaignPlan(seed: 1, units: 1).units[0]
        description.faults = []
        description.variant = .fourG
        description.firmware = .empty
        let slot = Campaign.slot(1)
        let position = try #require(SlotPosition("1-1.1"))
        let folder = FileManager.default.temporaryDirectory.appending(path: "it-witness-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let seat = folder.appending(path: "\(unit)")
        try FileManager.default.createDirectory(at: seat, withIntermediateDirectories: true)
        try Data(holds ? image : other).write(to: seat.appending(path: "application.bin"))
        let bus = try InProcessBus(
            DockDescription(name: "witness", slots: [(slot, position)], units: [(description, slot)], stateFolder: folder.path))
        return Witness(bus, image: image, units: [description])
    }

    private func event(_ kind: String, _ session: SessionID, _ verdict: Verdict? = nil) throws -> EventRecord {
        let payload = try verdict.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) } ?? "{}"
        return EventRecord(
            number: session, utc: "", monotonicNanoseconds: 0, slot: Campaign.slot(1), unit: unit, session: session, kind: kind,
            payload: payload, hash: SHA256Value.of([]))
    }

    private func objections(holding holds: Bool, to verdict: Verdict) throws -> [String] {
        let witness = try witness(holding: holds)
        witness.saw([try event("session-started", 1), try event("outcome", 1, verdict)])
        return witness.violations
    }

    @Test func `a unit that is called reflashed and holds something else is objected to`() throws {
        #expect(try objections(holding: false, to: Verdict(.reflashed)).first?.contains("does not hold the release") == true)
        #expect(try objections(holding: true, to: Verdict(.reflashed)) == [])
    }

    @Test func `a unit that is called failed and holds and runs the release is objected to`() throws {
        let failed = Verdict(.failed, reason: .transferFailed, wrote: true)
        #expect(try objections(holding: true, to: failed).first?.contains("holds and runs the release") == true)
        #expect(try objections(holding: false, to: failed) == [])
    }

    @Test func `a second outcome of a session, and one without a reason where there must be one, are objected to`() throws {
        let witness = try witness(holding: false)
        witness.saw([try event("session-started", 1), try event("outcome", 1, Verdict(.unknown))])
        #expect(witness.violations == ["session 1 is unknown without a reason"])
        witness.saw([try event("outcome", 1, Verdict(.unknown, reason: .contactLost))])
        #expect(witness.violations.last == "session 1 has two outcomes, or no beginning")
    }
}
