import BenchModel
import Firmware
import Foundation
import Journal
import ReleaseKit
@testable import Releases
import Testing

/// Decisions that are signed, and attempts to make them pass for others.
@Suite struct StatementTests {
    private typealias B = DeskBench

    /// A bench that takes signed statements only, with a release in it.
    private func withSigned(
        checksOff: Set<PolicyCheck> = [.centralProductsList], _ body: (DeskBench, ReleaseDesk, ReleaseRecord) async throws -> Void
    ) async throws {
        try await B.run { config in
            config.statements = .signed
            config.checksOff = checksOff
        } _: { bench in
            try await bench.desk { desk, _ in
                let until = (B.start + 100_000).formatted(.iso8601)
                _ = try await desk.take(
                    try bench.statement(.checkOff(.init(check: .centralProductsList, notAfter: until, reason: "a trial")), ago: 500),
                    by: B.by)
                try await body(bench, desk, try await desk.importRelease(try bench.bundle("autumn", counter: 7), by: B.by))
            }
        }
    }

    @Test func `a signed approval counts, names its signer, and the role alone does not`() async throws {
        try await withSigned { bench, desk, autumn in
            #expect(await code { try await desk.approve("autumn", variant: .fourG, first: nil, via: [], by: B.by) } == "signature-required")
            #expect(await code { try await desk.version() } == "no-approved-release")
            let taken = try await desk.take(try bench.statement(B.approval(autumn)), by: Operator(user: "tom", role: .technician))
            #expect(taken.first?.approvals.first?.by == "CN=Supervisor")
            #expect(taken.first?.approvals.first?.isSigned == true)
            #expect(try await desk.version() == B.v2)
            let event = try #require(try await desk.journal.events(after: 0, limit: 100).last { $0.kind == "release-approved" })
            #expect(event.payload.contains(#""signer":"CN=Supervisor""#) && event.payload.contains(#""user":"tom""#), "\(event.payload)")
        }
    }

    @Test func `nobody but a supervisor signs approvals: not a releaser, not a stranger`() async throws {
        try await withSigned { bench, desk, autumn in
            let stranger = try Authority("Approvers", now: B.start).signer("Supervisor")
            for signer in [bench.maker.releaser, stranger] {
                #expect(
                    await code { try await desk.take(try bench.statement(B.approval(autumn), signer: signer), by: B.by) }
                        == "certificate-untrusted")
            }
            let expired = try bench.approvers.signer("Late", to: B.start - 10)
            #expect(
                await code { try await desk.take(try bench.statement(B.approval(autumn), signer: expired), by: B.by) }
                    == "certificate-expired")
            #expect(await code { try await desk.version() } == "no-approved-release")
        }
    }

    @Test func `an approval can't be played again after its release was withdrawn`() async throws {
        try await withSigned { bench, desk, autumn in
            let approval = try bench.statement(B.approval(autumn), ago: 30)
            let older = try bench.statement(B.approval(autumn, first: 5), ago: 40)
            _ = try await desk.take(approval, by: B.by)
            let withdrawal = try bench.statement(
                .withdrawal(.init(release: "autumn", manifestHash: autumn.manifestHash, reason: "bad")), ago: 20)
            _ = try await desk.take(withdrawal, by: B.by)
            #expect(await code { try await desk.take(approval, by: B.by) } == "statement-replayed")
            #expect(await code { try await desk.take(older, by: B.by) } == "statement-outdated")
            #expect(await code { try await desk.version() } == "no-approved-release")
            _ = try await desk.take(try bench.statement(B.approval(autumn), ago: 10), by: B.by)
            #expect(try await desk.version() == B.v2)
        }
    }

    @Test func `a statement for another bench, or from the future, is not taken`() async throws {
        try await withSigned { bench, desk, autumn in
            #expect(await code { try await desk.take(try bench.statement(B.approval(autumn), bench: "rack-b"), by: B.by) } == "other-bench")
            #expect(
                await code { try await desk.take(try bench.statement(B.approval(autumn), ago: -3600), by: B.by) } == "statement-from-future"
            )
            _ = try await desk.take(try bench.statement(B.approval(autumn), bench: nil), by: B.by)
        }
    }

    @Test func `an approval names the very release: another manifest of the same name is not meant`() async throws {
        try await withSigned { bench, desk, autumn in
            let forged = Statement.Content.approval(.init(release: "autumn", manifestHash: .of([1]), variant: .fourG))
            #expect(await code { try await desk.take(try bench.statement(forged), by: B.by) } == "release-unknown")
            let renamed = Statement.Content.approval(.init(release: "winter", manifestHash: autumn.manifestHash, variant: .fourG))
            #expect(await code { try await desk.take(try bench.statement(renamed), by: B.by) } == "release-unknown")
        }
    }

    @Test func `no change of a single byte of a statement gets through`() async throws {
        try await withSigned { bench, desk, autumn in
            let archive = try bench.statement(B.approval(autumn)).archive
            for index in stride(from: 0, to: archive.count, by: 3) {
                var changed = archive
                changed[index] ^= 0x01
                let refused = await code { try await desk.take(try SignedStatement(archive: changed), by: B.by) }
                #expect(refused != nil, "byte \(index)")
            }
            #expect(await code { try await desk.version() } == "no-approved-release")
        }
    }

    @Test func `what a statement can't say is refused with its place`() throws {
        func problem(_ content: Statement.Content) -> String? {
            do throws(FirmwareProblem) {
                _ = try Statement(content, bench: nil, issuedAt: B.start).encoded()
                return nil
            } catch { return error.field }
        }
        let hash = SHA256Value.of([1])
        #expect(problem(.approval(.init(release: "r", manifestHash: hash, variant: .fourG, first: 0))) == "statement.json approval.first")
        #expect(problem(.approval(.init(release: "r", manifestHash: hash, variant: .fourG, via: [hash]))) == "statement.json approval.via")
        #expect(problem(.withdrawal(.init(release: "r", manifestHash: hash, reason: "a\nb"))) == "statement.json withdrawal.reason")
        #expect(problem(.checkOff(.init(check: .model, notAfter: "soon", reason: "r"))) == "statement.json checkOff.notAfter")
        #expect(problem(.revocations(.init(number: 1, certificates: ["AB"], releases: []))) == "statement.json revocations.certificates")
        #expect(problem(.revocations(.init(number: 1, certificates: [], releases: [hash]))) == nil)
    }

    @Test func `a check is left out only while config and a statement say so`() async throws {
        try await withSigned(checksOff: [.centralProductsList, .downgrade]) { bench, desk, autumn in
            _ = try await desk.take(try bench.statement(B.approval(autumn)), by: B.by)
            // The config leaves out 'downgrade', no statement does.
            #expect(try await desk.target(for: B.unit(1), variant: .fourG).checksOff == [.centralProductsList])
            let until = (B.start + 50).formatted(.iso8601)
            for check in [PolicyCheck.downgrade, .model] {
                _ = try await desk.take(try bench.statement(.checkOff(.init(check: check, notAfter: until, reason: "t"))), by: B.by)
            }
            #expect(try await desk.target(for: B.unit(1), variant: .fourG).checksOff == [.centralProductsList, .downgrade])
            bench.clock.advance(60)
            #expect(try await desk.target(for: B.unit(1), variant: .fourG).checksOff == [.centralProductsList])
            // When the list is asked for again and is not there, nothing is flashed.
            bench.clock.advance(100_000)
            #expect(await code { try await desk.version() } == "release-ended")
        }
    }

    @Test func `a revoked release is never flashed again, and lists are taken in rising order`() async throws {
        try await withSigned { bench, desk, autumn in
            _ = try await desk.take(try bench.statement(B.approval(autumn)), by: B.by)
            let running = try await desk.target(for: B.unit(1), variant: .fourG)
            func list(_ number: UInt32, _ releases: [SHA256Value], _ signer: Signer? = nil) throws -> SignedStatement {
                try bench.statement(.revocations(.init(number: number, certificates: [], releases: releases)), signer: signer)
            }
            _ = try await desk.take(try list(4, [autumn.manifestHash], bench.maker.releaser), by: B.by)
            #expect(await desk.ended(running) == .revoked)
            #expect(await code { try await desk.version() } == "release-ended")
            #expect(await desk.releases.map(\.state) == [.revoked])
            #expect(await code { try await desk.take(try list(4, [.of([1])], bench.maker.releaser), by: B.by) } == "revocations-outdated")
            // A stolen key's highest number keeps nobody else's list out.
            _ = try await desk.take(try list(.max, [], bench.maker.releaser), by: B.by)
            _ = try await desk.take(try list(1, [.of([2])]), by: B.by)
            // A later list that names it no more does not bring it back.
            _ = try await desk.take(try list(5, []), by: B.by)
            #expect(await code { try await desk.take(try bench.statement(B.approval(autumn), ago: -1), by: B.by) } == "release-revoked")
            let again = try ReleaseBundle(path: "\(bench.config.store)/\(autumn.manifestHash).tar")
            #expect(await code { try await desk.importRelease(again, by: B.by) } == "release-revoked")
        }
    }

    @Test func `what a supervisor decided counts no more when their certificate is revoked`() async throws {
        try await withSigned(checksOff: [.centralProductsList, .downgrade]) { bench, desk, autumn in
            let thief = try bench.approvers.signer("Thief")
            let until = (B.start + 100_000).formatted(.iso8601)
            _ = try await desk.take(
                try bench.statement(.checkOff(.init(check: .downgrade, notAfter: until, reason: "t")), signer: thief), by: B.by)
            _ = try await desk.take(try bench.statement(B.approval(autumn), signer: thief), by: B.by)
            let running = try await desk.target(for: B.unit(1), variant: .fourG)
            #expect(running.checksOff == [.centralProductsList, .downgrade])
            let list = Statement.Revocations(number: 1, certificates: [try thief.fingerprint], releases: [])
            _ = try await desk.take(try bench.statement(.revocations(list)), by: B.by)
            #expect(await code { try await desk.version() } == "release-ended")
            #expect(await desk.ended(running) == .revoked)
            #expect(await code { try await desk.claim(running, for: B.unit(2)) } == "release-ended")
            _ = try await desk.take(try bench.statement(B.approval(autumn), ago: -1), by: B.by)
            #expect(try await desk.target(for: B.unit(1), variant: .fourG).checksOff == [.centralProductsList])
        }
    }

    @Test func `an approval from before can't bring a withdrawn release back as a step`() async throws {
        try await withSigned { bench, desk, autumn in
            let winter = try await desk.importRelease(try bench.bundle("winter", B.v3, counter: 8, over: [B.v2]), by: B.by)
            let monday = try bench.statement(B.approval(winter, via: [autumn.manifestHash]), ago: 60)
            _ = try await desk.take(
                try bench.statement(.withdrawal(.init(release: "autumn", manifestHash: autumn.manifestHash, reason: "bad")), ago: 30),
                by: B.by)
            #expect(await code { try await desk.take(monday, by: B.by) } == "statement-outdated")
        }
    }

    @Test func `a bench without approvers takes revocation lists of releasers, and releasers and approvers share no root`() async throws {
        try await B.run {
            $0.approvers = nil
        } _: { bench in
            try await bench.desk { desk, _ in
                let autumn = try await desk.importRelease(try bench.bundle("autumn"), by: B.by)
                let list = Statement.Revocations(number: 1, certificates: [], releases: [autumn.manifestHash])
                _ = try await desk.take(try bench.statement(.revocations(list), signer: bench.maker.releaser), by: B.by)
                #expect(await desk.releases.map(\.state) == [.revoked])
                #expect(await code { try await desk.take(try bench.statement(B.approval(autumn)), by: B.by) } == "no-approvers")
            }
        }
        try await B.run {
            $0.approvers = $0.roots
        } _: { bench in
            #expect(await code { try await bench.desk { _, _ in } } == "root-shared")
        }
    }

    @Test func `a revoked certificate signs nothing that counts: no release, no statement`() async throws {
        try await withSigned { bench, desk, autumn in
            let approval = try bench.statement(B.approval(autumn))
            _ = try await desk.take(approval, by: B.by)
            let second = try bench.approvers.signer("Second")
            let list = Statement.Revocations(
                number: 1, certificates: [try bench.supervisor.fingerprint, try bench.maker.releaser.fingerprint], releases: [])
            _ = try await desk.take(try bench.statement(.revocations(list), signer: second), by: B.by)
            #expect(await code { try await desk.version() } == "release-ended")
            #expect(await desk.releases.map(\.state) == [.revoked])
            #expect(await code { try await desk.take(try bench.statement(B.approval(autumn), ago: -1), by: B.by) } == "certificate-revoked")
            // With the supervisor went their word that the list may be left out.
            #expect(await code { try await desk.importRelease(try bench.bundle("winter"), by: B.by) } == "list-missing")
            let until = (B.start + 100_000).formatted(.iso8601)
            let checkOff = Statement.Content.checkOff(.init(check: .centralProductsList, notAfter: until, reason: "a trial"))
            _ = try await desk.take(try bench.statement(checkOff, signer: second), by: B.by)
            let winter = await code { try await desk.importRelease(try bench.bundle("winter"), by: B.by) }
            #expect(winter == "certificate-revoked")
        }
    }

    @Test func `an older release that was signed and approved once can't be brought back by replaying either`() async throws {
        try await withSigned { bench, desk, autumn in
            let first = try bench.statement(B.approval(autumn), ago: 60)
            _ = try await desk.take(first, by: B.by)
            let winter = try await desk.importRelease(try bench.bundle("winter", B.v3, counter: 8), by: B.by)
            _ = try await desk.take(try bench.statement(B.approval(winter), ago: 50), by: B.by)
            #expect(await code { try await desk.take(first, by: B.by) } == "statement-replayed")
            // Even a new signature does not bring the counter back.
            #expect(await code { try await desk.take(try bench.statement(B.approval(autumn)), by: B.by) } == "security-counter")
            #expect(try await desk.version() == B.v3)
        }
    }
}
