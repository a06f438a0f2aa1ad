import BenchModel
import Firmware
import Foundation
import Journal
import Logging
import ReleaseKit
@testable import Releases
import Synchronization
import Testing

/// A clock that stands where a test puts it.
final class SetClock: BenchClock {
    private let utc: Mutex<Date>

    init(_ date: Date) { utc = Mutex(date) }

    var now: Duration { .zero }
    var utcMilliseconds: Int64 { utc.withLock { Int64($0.timeIntervalSince1970 * 1000) } }
    func sleep(until deadline: Duration) async throws {}
    func advance(_ seconds: TimeInterval) { utc.withLock { $0 += seconds } }
}

/// A release desk in a folder of its own, with a releaser, two supervisors and a clock.
struct DeskBench: Sendable {
    let folder: String
    let maker: ReleaseMaker
    let approvers: Authority
    let supervisor: Signer
    let clock: SetClock
    var config: ReleaseConfig

    static let start = Date(timeIntervalSince1970: 1_795_000_000)
    static let by = Operator(user: "ada", role: .supervisor)
    static let v1 = FirmwareVersion(rawValue: 0x0002_0100)
    static let v2 = FirmwareVersion(rawValue: 0x0002_012F)
    static let v3 = FirmwareVersion(rawValue: 0x0002_0130)
    static let profile = DeviceProfile(name: "4g", variant: .fourG, version: .string(4), components: ["application": 0])

    /// Runs `body` with a bench whose files go with it. `change` may alter the config.
    static func run(
        _ change: (inout ReleaseConfig) -> Void = { _ in }, _ body: (DeskBench) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let maker = try ReleaseMaker(now: start)
        let approvers = try Authority("Approvers", now: start)
        try maker.writeTrust(to: folder)
        try approvers.root.write(toFile: "\(folder)/approvers.pem", atomically: true, encoding: .utf8)
        var config = ReleaseConfig(
            store: "\(folder)/releases", roots: "\(folder)/roots.pem", approvers: "\(folder)/approvers.pem",
            imageKeys: "\(folder)/keys.pem",
            statements: .byRole, checksOff: [.centralProductsList])
        change(&config)
        try await body(
            DeskBench(
                folder: folder, maker: maker, approvers: approvers, supervisor: try approvers.signer("Supervisor"), clock: SetClock(start),
                config: config))
    }

    /// Opens the desk, as a start of the daemon does, and closes it after `body`.
    func desk<Value>(_ body: (ReleaseDesk, Journal) async throws -> Value) async throws -> Value {
        let journal = try Journal(path: "\(folder)/journal.sqlite", clock: clock)
        let desk = try await ReleaseDesk(
            config, bench: "rack-a", profiles: [Self.profile], journal: journal, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let value = try await body(desk, journal)
            try await journal.close()
            return value
        } catch {
            try await journal.close()
            throw error
        }
    }

    func bundle(
        _ name: String, _ version: FirmwareVersion = v2, counter: UInt32 = 1, over: [FirmwareVersion]? = nil, notAfter: Date? = nil,
        signer: Signer? = nil
    ) throws -> ReleaseBundle {
        let image = ReleaseMaker.mcuboot(version, payload: [UInt8](repeating: UInt8(name.utf8.first ?? 0), count: 500))
        let part = ReleaseMaker.Part(.fourG, version, image: image, counter: counter, over: over)
        return try ReleaseBundle(archive: MemoryBytes(try maker.archive(name, [part], signer: signer, notAfter: notAfter)))
    }

    /// A statement, made `ago` seconds before now.
    func statement(_ content: Statement.Content, ago: TimeInterval = 0, bench: String? = "rack-a", signer: Signer? = nil) throws
        -> SignedStatement
    {
        let signer = signer ?? supervisor
        let now = Date(timeIntervalSince1970: Double(clock.utcMilliseconds) / 1000)
        return try SignedStatement(
            Statement(content, bench: bench, issuedAt: now - ago), keyPEM: signer.key, certificatePEM: signer.certificate, at: now)
    }

    static func approval(_ record: ReleaseRecord, first: Int? = nil, via: [SHA256Value] = []) -> Statement.Content {
        .approval(.init(release: record.release, manifestHash: record.manifestHash, variant: .fourG, first: first, via: via))
    }

    static func unit(_ number: UInt64) -> BenchModel.Unit { Unit(chfId: EUI64(rawValue: number), installedVersion: v1) }
}

/// The refusal's code that `body` ends with; `nil` where it ends well.
func code(_ body: () async throws -> some Any) async -> String? {
    do {
        _ = try await body()
        return nil
    } catch let refusal as DeskRefusal {
        return refusal.code
    } catch let refusal as Refusal {
        return refusal.reason.rawValue
    } catch {
        return "\(error)"
    }
}

extension ReleaseDesk {
    /// What a unit of the variant would be given.
    func version(_ unit: UInt64 = 1) async throws(Refusal) -> FirmwareVersion {
        let target = try await target(for: DeskBench.unit(unit), variant: .fourG)
        try await claim(target, for: DeskBench.unit(unit))
        return target.version
    }
}
