internal import BenchModel
internal import Firmware
internal import Foundation
internal import Journal
internal import Logging

/// Verifying what lies in the store: at the daemon's start, before an approval, and when what is trusted has changed.
extension ReleaseDesk {
    /// What the bench trusts now.
    /// - Throws: ``DeskRefusal`` where the Central Products List is asked for and can't be read.
    func verifier() throws(DeskRefusal) -> ReleaseVerifier {
        var trust = sources.releases
        trust.revoked = ledger.revoked
        return ReleaseVerifier(trust: trust, products: checksOff.contains(.centralProductsList) ? nil : try sources.products())
    }

    /// Verifies a bundle.
    func verified(_ bundle: ReleaseBundle) async throws(DeskRefusal) -> VerifiedRelease {
        let result = await (try verifier()).verify(bundle, at: now)
        guard let release = result.release else { throw DeskRefusal(result.problems) }
        return release
    }

    /// Reads a release from the store and verifies it.
    func fromStore(_ hash: SHA256Value) async throws(DeskRefusal) -> VerifiedRelease {
        let bundle: ReleaseBundle
        do throws(FirmwareProblem) { bundle = try store.bundle(hash) } catch { throw DeskRefusal(error) }
        let release = try await verified(bundle)
        guard release.manifestHash == hash else {
            throw DeskRefusal(.store, "expected the release \(hash), found \(release.manifestHash); import it again")
        }
        return release
    }

    /// Verifies a release of the store, and holds it in memory where it is approved.
    func load(_ hash: SHA256Value) async {
        let isUnlisted = checksOff.contains(.centralProductsList)
        do throws(DeskRefusal) {
            hold(try await fromStore(hash), isUnlisted: isUnlisted)
        } catch {
            active[hash] = nil
            problems[hash] = error
            logger.error(
                "a release in the store can't be used",
                metadata: ["release": "\(ledger.imported[hash]?.release ?? "?")", "hash": "\(hash)", "problem": "\(error)"])
        }
    }

    /// Notes that a release is sound; in memory it stays only where it is approved.
    func hold(_ release: VerifiedRelease, isUnlisted: Bool) {
        problems[release.manifestHash] = nil
        ends[release.manifestHash] = release.usableUntil
        let isUsed = ledger.approvals.values.contains { $0.uses(release.manifestHash) }
        active[release.manifestHash] = isUsed ? Loaded(release: release, isUnlisted: isUnlisted) : nil
        let days = release.usableUntil.timeIntervalSince(now) / 86_400
        if isUsed, days < Double(ReleaseReport.warningDays) {
            logger.warning(
                "an approved release, or its signer's certificate, ends soon",
                metadata: ["release": "\(release.manifest.release)", "usableUntil": "\(release.usableUntil.formatted(.iso8601))"])
        }
    }

    /// Verifies every release that was imported.
    func verifyAll() async {
        for hash in ledger.imported.keys.sorted(by: { "\($0)" < "\($1)" }) { await load(hash) }
    }

    /// Gives up what no approval uses any more; sessions that run have their own hold of it.
    func dropUnused() {
        for hash in active.keys where !ledger.approvals.values.contains(where: { $0.uses(hash) }) { active[hash] = nil }
    }
}
