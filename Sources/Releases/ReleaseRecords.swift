public import BenchModel
public import Firmware
internal import Foundation
internal import Journal

/// What the desk shows.
extension ReleaseDesk {
    /// Every release that was imported, by name.
    public var releases: [ReleaseRecord] {
        ledger.imported.values.map { recordOf($0) }.sorted { ($0.release, "\($0.manifestHash)") < ($1.release, "\($1.manifestHash)") }
    }

    /// One release, by name or manifest hash.
    /// - Throws: ``DeskRefusal`` of code `release-unknown` or `release-ambiguous`.
    public func release(_ name: String) throws(DeskRefusal) -> ReleaseRecord { try recordOf(try find(name)) }

    /// The certificates that releases must lead to, and those that statements must.
    public nonisolated var trusted: TrustSummary {
        TrustSummary(roots: sources.releases.certificates, approvers: sources.approvers?.certificates ?? [])
    }

    /// A release by its name, its manifest hash, or the hash's first eight digits or more.
    func find(_ name: String) throws(DeskRefusal) -> SHA256Value {
        let found = ledger.imported.values.filter {
            $0.release == name || (name.utf8.count >= 8 && "\($0.manifestHash)".hasPrefix(name.lowercased()))
        }
        guard let first = found.first else {
            let known = Set(ledger.imported.values.map(\.release)).sorted().joined(separator: ", ")
            throw DeskRefusal(.releaseUnknown, "there is no release '\(name)'; imported are: \(known.isEmpty ? "none" : known)")
        }
        guard found.count == 1 else {
            let hashes = found.map { "\($0.manifestHash)" }.sorted().joined(separator: ", ")
            throw DeskRefusal(.releaseAmbiguous, "'\(name)' is \(found.count) releases; name one by its manifest hash: \(hashes)")
        }
        return first.manifestHash
    }

    func recordOf(_ hash: SHA256Value) throws(DeskRefusal) -> ReleaseRecord {
        guard let imported = ledger.imported[hash] else { throw DeskRefusal(.releaseUnknown, "there is no release \(hash)") }
        return recordOf(imported)
    }

    private func recordOf(_ imported: JournalEvent.ReleaseImported) -> ReleaseRecord {
        let hash = imported.manifestHash
        let last = ends[hash]
        return ReleaseRecord(
            release: imported.release, manifestHash: hash, versions: imported.versions, signer: imported.signer, state: state(of: hash),
            approvals: ledger.approvals.values.filter { $0.event.manifestHash == hash }.map { approval($0) }
                .sorted { ($0.variant.rawValue, $0.consignment?.name ?? "") < ($1.variant.rawValue, $1.consignment?.name ?? "") },
            usableUntil: last?.formatted(.iso8601), daysLeft: last.map { Int(($0.timeIntervalSince(now) / 86_400).rounded(.down)) },
            problem: problems[hash]?.message ?? ledger.halt(of: hash)?.sentence ?? ledger.withdrawn[hash]?.reason)
    }

    private func state(of hash: SHA256Value) -> ReleaseRecord.State {
        switch end(of: hash) {
        case .revoked: return .revoked
        case .expired: return .expired
        case .withdrawn, .halted, nil: break
        }
        if problems[hash] != nil { return .unusable }
        if ledger.approvals.values.contains(where: { $0.uses(hash) }) { return .approved }
        if ledger.halt(of: hash) != nil { return .halted }
        return ledger.withdrawn[hash] != nil ? .withdrawn : .imported
    }

    private func approval(_ approval: ReleaseLedger.Approval) -> ReleaseRecord.Approval {
        let event = approval.event
        return ReleaseRecord.Approval(
            variant: event.variant, consignment: event.consignment, number: approval.number, first: event.first, used: used(by: approval),
            via: event.via.map { ledger.imported[$0]?.release ?? "\($0)" }, by: event.warrant.signer ?? event.warrant.by.user,
            isSigned: event.warrant.statement != nil)
    }
}
