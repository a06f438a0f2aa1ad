import BenchModel
import Firmware
import Journal
import ReleaseKit
@testable import Releases
import Testing

/// Approvals for the units of one consignment.
@Suite struct ConsignmentApprovalTests {
    private typealias B = DeskBench

    /// A consignment that announces these units.
    private func open(_ name: String, _ units: [UInt64], in journal: Journal) async throws -> ConsignmentID {
        let id = try #require(ConsignmentID(name))
        let request = ConsignmentEvent.ReturnRequested(
            consignment: id, kind: .returnForReflash, serviceUser: Party(name: "Leaf"), returnTo: "Leeds", reference: nil, load: .unit,
            units: nil, by: B.by)
        let announced = units.map { unit in
            JournalDraft(
                .consignment(.unitAnnounced(.init(consignment: id, gpfId: nil, carton: nil, pallet: nil))), unit: EUI64(rawValue: unit))
        }
        try await journal.append([JournalDraft(.consignment(.returnRequested(request)))] + announced)
        return id
    }

    @Test func `units of an owner who stays on an older release are served so, also after a restart`() async throws {
        try await B.run { bench in
            let id = try await bench.desk { desk, journal in
                let id = try await open("RMA-1", [7, 8], in: journal)
                _ = try await desk.importRelease(try bench.bundle("autumn", B.v2), by: B.by)
                _ = try await desk.importRelease(try bench.bundle("winter", B.v3), by: B.by)
                _ = try await desk.approve("winter", variant: .fourG, first: nil, via: [], by: B.by)
                let record = try await desk.approve("autumn", variant: .fourG, consignment: id, first: nil, via: [], by: B.by)
                #expect(record.approvals.first?.consignment == id)
                return id
            }
            try await bench.desk { desk, journal in
                #expect(try await desk.version(1) == B.v3)
                #expect(try await desk.version(7) == B.v2)
                let target = try await desk.target(for: B.unit(7), variant: .fourG)
                #expect(await desk.ended(target) == nil)
                // Once it is closed its units are anybody's.
                let closed = ConsignmentEvent.ConsignmentClosed(
                    consignment: id, states: [:], unexpected: 0, withoutFaultReason: 0, by: B.by)
                try await journal.append(JournalDraft(.consignment(.consignmentClosed(closed))))
                #expect(try await desk.version(8) == B.v3)
            }
        }
    }

    @Test func `a release that is withdrawn is flashed for no consignment either, and the others keep theirs`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, journal in
                let id = try await open("RMA-1", [7], in: journal)
                _ = try await desk.importRelease(try bench.bundle("autumn", B.v2), by: B.by)
                _ = try await desk.importRelease(try bench.bundle("winter", B.v3), by: B.by)
                _ = try await desk.approve("winter", variant: .fourG, first: nil, via: [], by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, consignment: id, first: nil, via: [], by: B.by)
                let target = try await desk.target(for: B.unit(7), variant: .fourG)
                _ = try await desk.withdraw("autumn", reason: "restarts", by: B.by)
                #expect(await desk.ended(target) == .withdrawn)
                #expect(try await desk.version(1) == B.v3)
            }
        }
    }

    @Test func `an approval for a consignment can be signed`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, journal in
                let id = try await open("RMA-1", [7], in: journal)
                let record = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                let approval = Statement.Approval(
                    release: record.release, manifestHash: record.manifestHash, variant: .fourG, consignment: id)
                _ = try await desk.take(try bench.statement(.approval(approval)), by: B.by)
                #expect(try await desk.version(7) == B.v2)
                #expect(await code { try await desk.version(1) } == "no-approved-release")
            }
        }
    }
}
