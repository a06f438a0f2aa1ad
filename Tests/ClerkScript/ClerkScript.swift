import BenchModel
import Foundation
import Journal
import Logistics
import LogisticsKit

/// A consignment from its register to its archive, step by step, in a folder: what the tests kill and start again.
///
/// Begun anew it goes on with the first step of which the journal does not say that it is done, as people do.
@main
struct ClerkScript {
    private let folder: String
    private static let units = 1...24
    /// Units that are flashed; the others but the rejected ones are missing.
    private static let flashed = 5...10
    private static let carton = 3
    private static let registered = 12_000

    private var journal: String { "\(folder)/bench.journal" }
    private var archives: String { "\(folder)/archives" }

    static func main() async throws {
        guard CommandLine.arguments.count == 2 else { exit(64) }
        try await ClerkScript(folder: CommandLine.arguments[1]).run()
    }

    private struct Step: Sendable {
        let name: String
        let isDone: @Sendable (TestBench) async throws -> Bool
        let act: @Sendable (TestBench) async throws -> Void
    }

    private func run() async throws {
        let bench = try TestBench(at: journal)
        let isArchived = try await bench.journal.look { try $0.archive(of: id) } != nil
        if !isArchived {
            for step in steps {
                if try await !step.isDone(bench) { try await step.act(bench) }
                print(step.name)
            }
        }
        try await bench.journal.close()
        if !isArchived {
            _ = try await JournalArchive.make(
                of: journal, in: archives, before: "9999-01-01T00:00:00.000Z", shipped: false, key: BenchKey(path: journal + ".key"),
                clock: SystemClock())
        }
        print("archived")
    }

    private var steps: [Step] {
        [registerStep] + intake + Self.flashed.flatMap(session) + missing + packing + ending
    }

    private var registerStep: Step {
        Step(name: "register") { bench in
            try await bench.journal.look { try $0.hasRegister() }
        } act: { bench in
            let units = (1...Self.registered).map { RegisteredUnit(chfId: unit($0), serviceUser: leaf.name, locations: []) }
            try await bench.journal.importRegister(units, .init(file: .zero, units: units.count, by: clerk))
        }
    }

    private var intake: [Step] {
        let lines = Self.units.map { "\(unit($0)),,C\(($0 - 1) / 2 + 1),P1" }
        return [
            Step(name: "request") {
                try await $0.stage != nil
            } act: { bench in
                _ = try await bench.desk.request(
                    .init(
                        consignment: id, kind: .returnForReflash, serviceUser: leaf, returnTo: "1 High Street, Leeds", reference: "R-7",
                        load: .carton, units: nil, by: clerk))
            },
            Step(name: "accept") {
                try await $0.stage != .requested
            } act: {
                _ = try await $0.desk.answer(id, accept: true, text: nil, by: clerk)
            },
            Step(name: "notice") {
                try await $0.units.count == Self.units.count
            } act: { bench in
                _ = try await bench.desk.take(Notice(csv(["chfId,gpfId,carton,pallet"] + lines)), file: .zero, for: id, by: clerk)
            },
            Step(name: "deliver") {
                try await $0.stage != .accepted
            } act: { bench in
                _ = try await bench.desk.deliver(.init(consignment: id, counted: Self.units.count, carrier: "van", by: clerk))
            },
            Step(name: "reject") {
                try await $0.units.contains { $0.decision != nil }
            } act: { bench in
                let decision = IntakeDecision(part: .carton("C1"), code: .damagedPackaging, text: "wet")
                _ = try await bench.desk.decideIntake(id, decision, by: clerk)
            },
            Step(name: "take in") {
                try await $0.stage != .delivered
            } act: {
                _ = try await $0.desk.takeIn(id, by: clerk)
            },
        ]
    }

    private func session(_ number: Int) -> [Step] {
        [
            Step(name: "begin \(number)") {
                try await $0.unitCase(number)?.sessions.isEmpty == false
            } act: {
                _ = try await $0.session(number, nil)
            },
            Step(name: "end \(number)") {
                try await $0.unitCase(number)?.standing != nil
            } act: { bench in
                guard let session = try await bench.unitCase(number)?.sessions.last?.id else { return }
                try await bench.journal.append(
                    JournalDraft(.outcome(.reflashed), slot: slot("A01"), unit: unit(number), session: session))
            },
        ]
    }

    private var missing: [Step] {
        Self.units.filter { $0 > 2 && !Self.flashed.contains($0) }.map { number in
            Step(name: "missing \(number)") {
                try await $0.unitCase(number)?.missing != nil
            } act: {
                _ = try await $0.desk.declareMissing(unit(number), of: id, reason: "not in the carton", by: clerk)
            }
        }
    }

    private var packing: [Step] {
        stride(from: Self.flashed.lowerBound, through: Self.flashed.upperBound, by: Self.carton).enumerated().flatMap { place, first in
            [
                Step(name: "open \(place)") {
                    try await $0.packages.count > place
                } act: {
                    _ = try await $0.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk)
                }
            ]
                + (first..<first + Self.carton).map { number in
                    Step(name: "pack \(number)") {
                        try await $0.unitCase(number)?.packed != nil
                    } act: { bench in
                        _ = try await bench.desk.pack(unit(number), into: bench.packages[place].sscc, by: clerk)
                    }
                }
                + [
                    Step(name: "close carton \(place)") {
                        try await $0.packages[place].closed != nil
                    } act: { bench in
                        _ = try await bench.desk.closePackage(bench.packages[place].sscc, by: clerk)
                    }
                ]
        }
    }

    private var ending: [Step] {
        [
            Step(name: "close") {
                try await $0.stage != .takenIn
            } act: {
                _ = try await $0.desk.close(id, by: clerk)
            },
            Step(name: "ship") {
                try await $0.stage != .closed
            } act: { bench in
                _ = try await bench.desk.ship(.init(consignment: id, carrier: "van", reference: "V-1", by: clerk))
            },
            Step(name: "receive") {
                try await $0.stage != .shipped
            } act: {
                _ = try await $0.desk.receive(id, text: nil, by: clerk)
            },
            export("return-record.csv") { try await $0.desk.returnRecord(of: id) },
            export("epcis.jsonld") { try await $0.desk.epcisDocument(of: id) },
            Step(name: "checkpoint") {
                try await $0.journal.lastCheckpoint() != nil
            } act: { [journal] bench in
                _ = try await bench.journal.makeCheckpoint(bench: "b", key: BenchKey(path: journal + ".key"), why: "asked")
            },
        ]
    }

    private func export(_ name: String, _ document: @escaping @Sendable (TestBench) async throws -> ExportStream) -> Step {
        let file = "\(folder)/\(name)"
        return Step(name: name) { _ in
            FileManager.default.fileExists(atPath: file)
        } act: { bench in
            let bytes = try await whole(try await document(bench))
            try Data(bytes).write(to: URL(filePath: file + ".part"))
            guard rename(file + ".part", file) == 0 else { throw CocoaError(.fileWriteUnknown) }
        }
    }
}

extension TestBench {
    fileprivate var stage: ConsignmentStage? { get async throws { try await journal.look { try $0.consignment(id)?.stage } } }
    fileprivate var units: [UnitCase] { get async throws { try await desk.units(of: id, limit: 1000) } }
    fileprivate var packages: [PackageRecord] { get async throws { try await journal.look { try $0.packages(of: id) } } }

    fileprivate func unitCase(_ number: Int) async throws -> UnitCase? {
        try await journal.look { reader in try reader.consignment(id).flatMap { try reader.unit(unit(number), of: $0) } }
    }
}
