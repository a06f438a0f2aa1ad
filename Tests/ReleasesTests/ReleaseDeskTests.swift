import BenchModel
import Firmware
import Foundation
import Journal
import ReleaseKit
@testable import Releases
import Testing

@Suite struct ReleaseDeskTests {
    private typealias B = DeskBench

    @Test func `nothing is flashed before it is imported and approved, and then it is, also after a restart`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                #expect(await code { try await desk.version() } == "no-approved-release")
                let release = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                #expect(release.state == .imported)
                #expect(await code { try await desk.version() } == "no-approved-release")
                #expect(try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by).state == .approved)
                #expect(try await desk.version() == B.v2)
            }
            try await bench.desk { desk, journal in
                #expect(try await desk.version() == B.v2)
                let kinds = try await journal.events(after: 0, limit: 100).map(\.kind)
                #expect(kinds == ["check-switched-off", "release-imported", "release-approved"])
                let target = try await desk.target(for: B.unit(1), variant: .fourG)
                #expect(target.checksOff == [.centralProductsList])
                #expect(target.approval == 3)
                #expect(await code { try await desk.target(for: B.unit(1), variant: .twoG3G) } == "no-approved-release")
            }
        }
    }

    @Test func `a release that is not signed by a releaser is not kept, and its refusal is recorded`() async throws {
        try await B.run { bench in
            let stranger = try Authority("Strangers", now: B.start).signer()
            try await bench.desk { desk, journal in
                #expect(
                    await code { try await desk.importRelease(try bench.bundle("autumn", signer: stranger), by: B.by) }
                        == "certificate-untrusted")
                #expect(await desk.releases.isEmpty)
                #expect(try FileManager.default.contentsOfDirectory(atPath: bench.config.store).isEmpty)
                let event = try #require(try await journal.events(after: 0, limit: 100).last)
                #expect(event.kind == "request-refused")
                #expect(
                    event.payload.contains(#""by":{"role":"supervisor","user":"ada"},"code":"certificate-untrusted""#), "\(event.payload)")
            }
        }
    }

    @Test func `what lies in the store is verified at the start, and a byte that was changed there is never flashed`() async throws {
        try await B.run { bench in
            let file = try await bench.desk { desk, _ in
                let release = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                return "\(bench.config.store)/\(release.manifestHash).tar"
            }
            let good = try Data(contentsOf: URL(filePath: file))
            var bad = good
            bad[bad.count / 2] ^= 1
            try FileManager.default.removeItem(atPath: file)
            try bad.write(to: URL(filePath: file))
            try await bench.desk { desk, _ in
                #expect(await code { try await desk.version() } == "release-ended")
                #expect(await desk.releases.map(\.state) == [.unusable])
                #expect(await code { try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by) } != nil)
                // Importing it again mends it.
                _ = try await desk.importRelease(try ReleaseBundle(archive: MemoryBytes(Array(good))), by: B.by)
                #expect(try await desk.version() == B.v2)
            }
        }
    }

    @Test func `a bundle that is put in another's place in the store is not taken for it`() async throws {
        try await B.run { bench in
            let (autumn, winter) = try await bench.desk { desk, _ in
                let first = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                let second = try await desk.importRelease(try bench.bundle("winter", B.v3, counter: 2), by: B.by)
                _ = try await desk.approve("winter", variant: .fourG, first: nil, via: [], by: B.by)
                return (first.manifestHash, second.manifestHash)
            }
            // A replay of the older release under the newer one's name.
            try FileManager.default.removeItem(atPath: "\(bench.config.store)/\(winter).tar")
            try FileManager.default.copyItem(
                atPath: "\(bench.config.store)/\(autumn).tar", toPath: "\(bench.config.store)/\(winter).tar")
            try await bench.desk { desk, _ in #expect(await code { try await desk.version() } == "release-ended") }
        }
    }

    @Test func `what an import that was cut off has left is removed, and is no release`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by) }
            try Data([1, 2, 3]).write(to: URL(filePath: "\(bench.config.store)/.incoming-x"))
            // Moved to its place, and the bench stopped before the journal had it.
            try Data(try bench.bundle("winter").archive()).write(to: URL(filePath: "\(bench.config.store)/\(SHA256Value.of([1])).tar"))
            try await bench.desk { desk, _ in
                #expect(await desk.releases.map(\.release) == ["autumn"])
                #expect(!FileManager.default.fileExists(atPath: "\(bench.config.store)/.incoming-x"))
            }
        }
    }

    @Test func `a withdrawn release stops being used at once, and a session that runs can tell`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                let running = try await desk.target(for: B.unit(1), variant: .fourG)
                #expect(await desk.ended(running) == nil)
                #expect(try await desk.withdraw("autumn", reason: "units restart", by: B.by).state == .withdrawn)
                #expect(await desk.ended(running) == .withdrawn)
                #expect(await code { try await desk.claim(running, for: B.unit(2)) } == "release-ended")
                #expect(await code { try await desk.version() } == "no-approved-release")
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                #expect(try await desk.version() == B.v2)
                #expect(await desk.ended(running) == .withdrawn)
            }
        }
    }

    @Test func `a release that is halted stops being used, also after a restart, until it is approved again`() async throws {
        let count = FailureCount(attempts: 6, failures: 5, failedUnits: 5, failedSlots: 5, expectedRate: 0.05, evidence: 11)
        try await B.run { bench in
            let (target, halt) = try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                let target = try await desk.target(for: B.unit(1), variant: .fourG)
                let halt = ReleaseHalt(
                    release: "autumn", manifestHash: target.manifestHash, variant: .fourG,
                    hardwareVersion: HardwareVersion(rawValue: 0x0101), count: count)
                #expect(await desk.halt(halt))
                #expect(await !desk.halt(halt))
                #expect(await desk.ended(target) == .halted)
                return (target, halt)
            }
            try await bench.desk { (desk: ReleaseDesk, _: Journal) async throws -> Void in
                let refusal = await #expect(throws: Refusal.self) { try await desk.target(for: B.unit(1), variant: .fourG) }
                #expect(refusal?.reason == .noApprovedRelease && refusal?.detail.contains("is halted on hardware 0101: 5 of 6") == true)
                #expect(await desk.ended(target) == .halted)
                #expect(await desk.halts == [halt])
                #expect(try await desk.release("autumn").state == .halted)
                #expect(try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by).state == .approved)
                #expect(try await desk.version() == B.v2)
                #expect(await desk.halts.isEmpty)
            }
        }
    }

    @Test func `a halt on one variant lasts while the release is approved, or halted, for the other one`() {
        let hash = SHA256Value.of([UInt8]("autumn".utf8))
        let count = FailureCount(attempts: 6, failures: 5, failedUnits: 5, failedSlots: 5, expectedRate: 0.05, evidence: 11)
        func halt(_ variant: Variant) -> JournalEvent {
            .releaseHalted(ReleaseHalt(release: "autumn", manifestHash: hash, variant: variant, hardwareVersion: nil, count: count))
        }
        func approved(_ variant: Variant) -> JournalEvent {
            .releaseApproved(
                .init(
                    release: "autumn", manifestHash: hash, variant: variant, version: B.v2, securityCounter: 1, first: nil, via: [],
                    warrant: .init(by: B.by)))
        }
        var ledger = ReleaseLedger()
        for (number, event) in [halt(.fourG), halt(.twoG3G), approved(.twoG3G)].enumerated() {
            ledger.apply(event, number: EventNumber(number + 1))
        }
        #expect(ledger.halted.values.map(\.variant) == [.fourG])
        #expect(ledger.halt(of: hash)?.variant == .fourG)
    }

    @Test func `sessions that began under an earlier approval do not halt the one that was given since`() async throws {
        let count = FailureCount(attempts: 6, failures: 5, failedUnits: 5, failedSlots: 5, expectedRate: 0.05, evidence: 11)
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                func halt() async throws -> ReleaseHalt {
                    let target = try await desk.target(for: B.unit(1), variant: .fourG)
                    return ReleaseHalt(
                        release: "autumn", manifestHash: target.manifestHash, variant: .fourG, hardwareVersion: nil,
                        approval: target.approval, count: count)
                }
                let first = try await halt()
                #expect(await desk.halt(first))
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                #expect(await !desk.halt(first))
                #expect(try await desk.version() == B.v2)
                #expect(await desk.halt(try await halt()), "its own sessions do")
            }
        }
    }

    @Test func `a release that expires stops being used at once`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn", notAfter: B.start + 60), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                let running = try await desk.target(for: B.unit(1), variant: .fourG)
                bench.clock.advance(61)
                #expect(await code { try await desk.version() } == "release-ended")
                #expect(await desk.ended(running) == .expired)
                #expect(await desk.releases.map(\.state) == [.expired])
            }
            try await bench.desk { desk, _ in
                #expect(await desk.releases.map(\.state) == [.expired])
                #expect(
                    await code { try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by) } == "release-expired")
            }
        }
    }

    @Test func `a trial is for so many units, each counted once, also across a restart`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, journal in
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: 2, via: [], by: B.by)
                for unit: UInt64 in [1, 2, 1, 2] {
                    _ = try await desk.version(unit)
                    let target = try await desk.target(for: B.unit(unit), variant: .fourG)
                    try await journal.append(
                        JournalDraft(
                            .sessionStarted(.init(unit: B.unit(unit), profile: "4g", mode: .runtime, target: target, checksOff: [])),
                            slot: SlotID("A1"), unit: EUI64(rawValue: unit)))
                }
                #expect(await code { try await desk.version(3) } == "trial-complete")
                #expect(await desk.releases.first?.approvals.first?.used == 2)
            }
            try await bench.desk { desk, _ in
                #expect(await code { try await desk.version(3) } == "trial-complete")
                #expect(try await desk.version(2) == B.v2)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                #expect(try await desk.version(3) == B.v2)
            }
        }
    }

    @Test func `a session that runs when a trial becomes an approval for all runs on what is approved`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                _ = try await desk.approve("autumn", variant: .fourG, first: 1, via: [], by: B.by)
                let running = try await desk.target(for: B.unit(1), variant: .fourG)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                #expect(await desk.ended(running) == nil)
                try await desk.claim(running, for: B.unit(2))
            }
        }
    }

    @Test func `a user who is refused all the time does not fill the journal`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, journal in
                for _ in 0..<100 { _ = await code { try await desk.withdraw("none", reason: "r", by: B.by) } }
                let refused = try await journal.events(after: 0, limit: 1000).filter { $0.kind == "request-refused" }
                #expect(refused.count == RefusalBrake.limit)
            }
        }
    }

    @Test func `the security counter of a variant never goes back, whatever became of the release that raised it`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn", counter: 7), by: B.by)
                _ = try await desk.importRelease(try bench.bundle("winter", B.v3, counter: 8), by: B.by)
                _ = try await desk.approve("winter", variant: .fourG, first: 1, via: [], by: B.by)
                _ = try await desk.withdraw("winter", reason: "bad", by: B.by)
            }
            try await bench.desk { desk, _ in
                #expect(
                    await code { try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by) } == "security-counter")
                #expect(await code { try await desk.version() } == "no-approved-release")
            }
            var lenient = bench
            lenient.config.checksOff.insert(.securityCounter)
            try await lenient.desk { desk, _ in
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                #expect(try await desk.target(for: B.unit(1), variant: .fourG).checksOff == [.centralProductsList, .securityCounter])
            }
            // The check is made again: what went back is flashed no more.
            try await bench.desk { desk, _ in #expect(await code { try await desk.version() } == "release-ended") }
        }
    }

    @Test func `steps are approved with the release, and verified as it is`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn", B.v2, over: [B.v1]), by: B.by)
                _ = try await desk.importRelease(try bench.bundle("winter", B.v3, counter: 2, over: [B.v2]), by: B.by)
                #expect(
                    await code { try await desk.approve("winter", variant: .fourG, first: nil, via: ["spring"], by: B.by) }
                        == "release-unknown")
                _ = try await desk.approve("winter", variant: .fourG, first: nil, via: ["autumn"], by: B.by)
                let target = try await desk.target(for: B.unit(1), variant: .fourG)
                #expect(target.steps.map(\.version) == [B.v2])
                #expect(try UpgradePath.steps(from: B.v1, to: target).map(\.version) == [B.v2, B.v3])
                #expect(await desk.releases.map(\.state) == [.approved, .approved])
                // Without its step the way is gone.
                _ = try await desk.withdraw("autumn", reason: "bad", by: B.by)
                #expect(await code { try await desk.version() } == "no-approved-release")
            }
        }
    }

    @Test func `a release that no profile can take, or that holds nothing for the variant, is not approved`() async throws {
        try await B.run { bench in
            try await bench.desk { desk, _ in
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                #expect(
                    await code { try await desk.approve("autumn", variant: .twoG3G, first: nil, via: [], by: B.by) } == "variant-missing")
                #expect(await code { try await desk.approve("none", variant: .fourG, first: nil, via: [], by: B.by) } == "release-unknown")
                #expect(await code { try await desk.approve("autumn", variant: .fourG, first: 0, via: [], by: B.by) } != nil)
            }
        }
    }

    @Test func `the Central Products List is asked at import, at the start and before an approval`() async throws {
        let list = { (hash: String, status: String) in
            "manufacturer,model,hardwareVersion,firmwareVersion,manufacturerImageHash,status\nAB01,010A030B,0101,0002012F,\(hash),\(status)\n"
        }
        let image = ReleaseMaker.mcuboot(B.v2, payload: [UInt8](repeating: UInt8(ascii: "a"), count: 500))
        try await B.run { config in
            config.checksOff = []
            config.productsList = .init(path: config.store + ".csv")
        } _: { bench in
            let path = bench.config.store + ".csv"
            try list("\(SHA256Value.of([1]))", "Current").write(toFile: path, atomically: true, encoding: .utf8)
            try await bench.desk { desk, _ in
                #expect(await code { try await desk.importRelease(try bench.bundle("autumn"), by: B.by) } == "not-listed")
                try list("\(SHA256Value.of(image))", "Current").write(toFile: path, atomically: true, encoding: .utf8)
                _ = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                try list("\(SHA256Value.of(image))", "Removed").write(toFile: path, atomically: true, encoding: .utf8)
                #expect(
                    await code { try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by) } == "removed-from-list")
                try list("\(SHA256Value.of(image))", "Current").write(toFile: path, atomically: true, encoding: .utf8)
                _ = try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by)
                #expect(try await desk.target(for: B.unit(1), variant: .fourG).checksOff == [])
            }
            try list("\(SHA256Value.of(image))", "Removed").write(toFile: path, atomically: true, encoding: .utf8)
            try await bench.desk { desk, _ in #expect(await code { try await desk.version() } == "release-ended") }
        }
    }
}
