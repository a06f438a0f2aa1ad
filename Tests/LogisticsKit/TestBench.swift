package import BenchModel
import Foundation
package import Journal
package import Logistics

package let clerk = Operator(user: "clerk", role: .supervisor)
package let id = sure(ConsignmentID("RMA-1"))
package let leaf = Party(name: "Leaf Energy", gln: GLN("5012345000015"))

/// A constant of the tests that is what it says.
package func sure<Value>(_ value: Value?) -> Value { value ?? { preconditionFailure("a constant of the tests") }() }

package func slot(_ label: String) -> SlotID { sure(SlotID(label)) }

/// A unit of the tests, by its number.
package func unit(_ number: Int) -> EUI64 { EUI64(rawValue: 0x00DB_1234_0000_0000 + UInt64(number)) }

/// A journal in a folder of its own, with a desk and what a bench would write into it.
package struct TestBench {
    package let journal: Journal
    package let desk: ConsignmentDesk
    package let scans: ScanDesk
    package let admission: ConsignmentAdmission

    package static let config = LogisticsConfig(
        companyPrefix: sure(GS1CompanyPrefix("5012345")), location: sure(GLN("5012345000008")), namespace: "https://bench.example/reflash/",
        cartonCapacity: 3, palletCapacity: 2)

    /// Runs `body` with one, and removes its folder.
    package static func with<Value>(_ config: LogisticsConfig = config, _ body: (TestBench) async throws -> Value) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let bench = try TestBench(at: folder.appending(path: "bench.journal").path, config)
        let value = try await body(bench)
        try await bench.journal.close()
        return value
    }

    /// One whose journal is this file.
    package init(at path: String, _ config: LogisticsConfig = config) throws {
        journal = try Journal(path: path, clock: SystemClock())
        desk = ConsignmentDesk(config, journal: journal)
        scans = ScanDesk(desk, slots: [slot("A01"), slot("A02"), slot("A03")])
        admission = ConsignmentAdmission(journal)
    }

    /// A consignment with units 1 to `count` that has been taken in.
    package func takenIn(_ id: ConsignmentID = id, units count: Int = 4, from first: Int = 1) async throws {
        try await delivered(id, units: count, from: first)
        _ = try await desk.takeIn(id, by: clerk)
    }

    /// The same before anything was decided of it.
    package func delivered(_ id: ConsignmentID = id, units count: Int = 4, from first: Int = 1) async throws {
        try await accepted(id)
        let lines = (first..<first + count).map { "\(unit($0)),,C\(($0 - first) / 2 + 1),P1" }
        _ = try await desk.take(Notice(csv(["chfId,gpfId,carton,pallet"] + lines)), file: SHA256Value.zero, for: id, by: clerk)
        _ = try await desk.deliver(.init(consignment: id, counted: count, carrier: "van", by: clerk))
    }

    package func accepted(_ id: ConsignmentID = id) async throws {
        _ = try await desk.request(
            .init(
                consignment: id, kind: .returnForReflash, serviceUser: leaf, returnTo: "1 High Street, Leeds", reference: "R-7",
                load: .carton, units: nil, by: clerk))
        _ = try await desk.answer(id, accept: true, text: nil, by: clerk)
    }

    /// A session of a unit, as a bench records it; without a verdict it still runs.
    @discardableResult
    package func session(_ number: Int, in slot: String = "A01", _ verdict: Verdict?) async throws -> SessionID {
        let (slot, unit) = (sure(SlotID(slot)), unit(number))
        let started = JournalEvent.SessionStarted(
            unit: BenchModel.Unit(chfId: unit), profile: "hub", mode: .runtime, target: nil, checksOff: [])
        let session = try await journal.append(JournalDraft(.sessionStarted(started), slot: slot, unit: unit)).number
        if let verdict { try await journal.append(JournalDraft(.outcome(verdict), slot: slot, unit: unit, session: session)) }
        return session
    }

    package func state(_ number: Int, of id: ConsignmentID = id) async throws -> UnitState? {
        try await desk.units(of: id, limit: 1000).first { $0.chfId == unit(number) }?.state
    }

    package func scan(_ code: String, number: String = UUID().uuidString, consignment: ConsignmentID? = nil) async throws -> ScanAnswer {
        try await scans.take(ScanOrder(scan: number, code: code, station: "bench 1", consignment: consignment), by: clerk)
    }
}

/// A stream's bytes, all of them.
package func whole(_ stream: ExportStream) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await piece in stream { bytes += piece }
    return bytes
}

package func csv(_ lines: [String]) -> [UInt8] { Array((lines.joined(separator: "\r\n") + "\r\n").utf8) }

extension SHA256Value {
    package static let zero = sure(SHA256Value(bytes: [UInt8](repeating: 0, count: 32)))
}

extension Verdict {
    package static let reflashed = Verdict(.reflashed, proof: .flashReadback, identityProven: true, wrote: true)
    package static let lost = Verdict(.unknown, reason: .contactLost, wrote: true)
    package static let failed = Verdict(.failed, reason: .transferFailed, wrote: true)
}

/// The message of the refusal that `body` throws.
package func refusal(_ body: () async throws -> some Any) async -> String {
    do {
        _ = try await body()
        return "(not refused)"
    } catch {
        return "\(error)"
    }
}
