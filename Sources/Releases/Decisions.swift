public import BenchModel
public import Firmware
internal import Foundation
internal import Journal
internal import Logging

// What people ask of the desk. Each either is recorded and counts, or is refused, which is recorded too.

extension ReleaseDesk {
    /// Takes a bundle in: verifies it, keeps it, records it.
    /// - Throws: ``DeskRefusal``.
    public func importRelease(_ bundle: ReleaseBundle, by: Operator) async throws(DeskRefusal) -> ReleaseRecord {
        let manifest = bundle[ReleaseBundle.manifestName].map { $0.sha256(0..<$0.count).description }
        return try await answering("import", manifest ?? "a bundle without a manifest", by) { () async throws(DeskRefusal) in
            let isUnlisted = checksOff.contains(.centralProductsList)
            let release = try await verified(bundle)
            try store.keep(bundle, release.manifestHash)
            try await record(
                .releaseImported(
                    .init(
                        release: release.manifest.release, manifestHash: release.manifestHash,
                        versions: Dictionary(release.targets.map { ($0.key.rawValue, $0.value.version) }) { first, _ in first },
                        signer: release.signer.subject, fingerprint: release.signer.fingerprint, by: by)))
            hold(release, isUnlisted: isUnlisted)
            return try recordOf(release.manifestHash)
        }
    }

    /// Takes a signed statement, and does what it says.
    /// - Returns: the releases that it is about.
    /// - Throws: ``DeskRefusal``.
    public func take(_ signed: SignedStatement, by: Operator) async throws(DeskRefusal) -> [ReleaseRecord] {
        try await answering(signed.statement.request, "\(signed.hash)", by) { () async throws(DeskRefusal) in
            let warrant = try await warrant(signed, by)
            let content: Statement.Content
            do throws(FirmwareProblem) { content = try signed.statement.content } catch { throw DeskRefusal(error) }
            switch content {
            case .approval(let approval): return [try await approve(approval, warrant)]
            case .withdrawal(let withdrawal): return [try await withdraw(withdrawal.manifestHash, withdrawal.reason, warrant)]
            case .checkOff(let checkOff):
                try await record(
                    .checkSwitchedOff(
                        .init(check: checkOff.check, notAfter: checkOff.notAfter, reason: checkOff.reason, warrant: warrant)))
                await verifyAll()
                return releases
            case .revocations(let list):
                try await record(
                    .revocationsImported(
                        .init(number: list.number, certificates: list.certificates, releases: list.releases, warrant: warrant)))
                await verifyAll()
                return releases
            }
        }
    }

    /// Approves a release on the word of somebody who has the role. `release` and `via`: names or manifest hashes.
    /// - Throws: ``DeskRefusal``, `signature-required` where this bench takes statements only.
    public func approve(
        _ release: String, variant: Variant, consignment: ConsignmentID? = nil, first: Int?, via: [String], by: Operator
    ) async throws(DeskRefusal) -> ReleaseRecord {
        try await answering("approve", release, by) { () async throws(DeskRefusal) in
            let warrant = try warrant(by)
            var steps: [SHA256Value] = []
            for name in via { steps.append(try find(name)) }
            let hash = try find(release)
            guard first.map({ $0 > 0 }) ?? true, Set(steps + [hash]).count == steps.count + 1 else {
                throw DeskRefusal(.notApproved, "expected at least one unit, and each release once")
            }
            let name = ledger.imported[hash]?.release ?? release
            return try await approve(
                Statement.Approval(
                    release: name, manifestHash: hash, variant: variant, consignment: consignment, first: first, via: steps), warrant)
        }
    }

    /// Withdraws a release on the word of somebody who has the role.
    /// - Throws: ``DeskRefusal``.
    public func withdraw(_ release: String, reason: String, by: Operator) async throws(DeskRefusal) -> ReleaseRecord {
        try await answering("withdraw", release, by) { () async throws(DeskRefusal) in
            try await withdraw(try find(release), reason, try warrant(by))
        }
    }

    // MARK: What they come down to

    private func approve(_ approval: Statement.Approval, _ warrant: JournalEvent.Warrant) async throws(DeskRefusal) -> ReleaseRecord {
        guard let imported = ledger.imported[approval.manifestHash], imported.release == approval.release else {
            throw DeskRefusal(
                .releaseUnknown,
                "expected a release that was imported, found \(approval.release), \(approval.manifestHash); import it first")
        }
        let isUnlisted = checksOff.contains(.centralProductsList)
        var loaded: [VerifiedRelease] = []
        for hash in approval.via + [approval.manifestHash] {
            guard ledger.imported[hash] != nil else {
                throw DeskRefusal(.releaseUnknown, "expected a release that was imported, found \(hash); import it first")
            }
            let release = try await fromStore(hash)
            try checkFit(release, approval.variant)
            loaded.append(release)
        }
        guard let part = loaded.last?.manifest.variants.first(where: { $0.variant == approval.variant }) else {
            throw DeskRefusal(.variantMissing, "\(approval.release) holds nothing for variant \(approval.variant)")
        }
        let highest = ledger.counters[approval.variant] ?? 0
        guard part.securityCounter >= highest || checksOff.contains(.securityCounter) else {
            throw DeskRefusal(
                .securityCounter,
                "expected a security counter of at least \(highest), as was approved on this bench for \(approval.variant), found "
                    + "\(part.securityCounter) in \(approval.release)")
        }
        try await record(
            .releaseApproved(
                .init(
                    release: approval.release, manifestHash: approval.manifestHash, variant: approval.variant,
                    consignment: approval.consignment, version: part.version,
                    securityCounter: part.securityCounter, first: approval.first, via: approval.via, warrant: warrant)))
        for release in loaded { hold(release, isUnlisted: isUnlisted) }
        dropUnused()
        return try recordOf(approval.manifestHash)
    }

    private func withdraw(
        _ hash: SHA256Value, _ reason: String, _ warrant: JournalEvent.Warrant
    ) async throws(DeskRefusal) -> ReleaseRecord {
        guard let imported = ledger.imported[hash] else {
            throw DeskRefusal(.releaseUnknown, "expected a release that was imported, found \(hash)")
        }
        try await record(
            .releaseWithdrawn(.init(release: imported.release, manifestHash: hash, reason: String(reason.prefix(500)), warrant: warrant)))
        dropUnused()
        return try recordOf(hash)
    }

    /// Whether every unit of the variant could be given it, by this bench's profiles.
    private func checkFit(_ release: VerifiedRelease, _ variant: Variant) throws(DeskRefusal) {
        guard let target = release.targets[variant], let part = release.manifest.variants.first(where: { $0.variant == variant }) else {
            throw DeskRefusal(.variantMissing, "\(release.manifest.release) holds nothing for variant \(variant)")
        }
        let fitting = profiles.filter { $0.variant == variant }
        guard !fitting.isEmpty else { throw DeskRefusal(.profileUnfit, "this bench has no profile for variant \(variant)") }
        for profile in fitting {
            if let problem = profile.problem(with: target) { throw DeskRefusal(.profileUnfit, problem) }
            for component in part.components {
                guard let place = component.place, let own = profile.components[component.name], Int(own) != place else { continue }
                throw DeskRefusal(
                    .profileUnfit,
                    "component '\(component.name)': expected place \(own), as profile '\(profile.name)' says, found \(place) in the manifest"
                )
            }
        }
    }

    // MARK: Whose word it is

    private func warrant(_ by: Operator) throws(DeskRefusal) -> JournalEvent.Warrant {
        guard config.statements == .byRole else {
            throw DeskRefusal(
                .signatureRequired, "this bench takes signed statements only: sign with '--key' and '--certificate' (releases.statements)")
        }
        return JournalEvent.Warrant(by: by, issuedAt: now.formatted(.iso8601))
    }

    private func warrant(_ signed: SignedStatement, _ by: Operator) async throws(DeskRefusal) -> JournalEvent.Warrant {
        let statement = signed.statement
        let signer = try await signer(of: signed)
        if let other = statement.bench, other != bench {
            throw DeskRefusal(.otherBench, "expected a statement for '\(bench)' or for every bench, found one for '\(other)'")
        }
        guard let issued = statement.issued, issued <= now + Self.clockTolerance else {
            throw DeskRefusal(
                .statementFromFuture, "expected a statement from before \(now.formatted(.iso8601)), found \(statement.issuedAt)")
        }
        try ledger.expectNew(statement, hash: signed.hash, by: signer.certificate.fingerprint, now: now.formatted(.iso8601))
        return JournalEvent.Warrant(
            by: by, statement: signed.hash, signer: signer.certificate.subject, fingerprint: signer.certificate.fingerprint,
            chain: signer.fingerprints.sorted(), issuedAt: statement.issuedAt)
    }

    /// How far another machine's clock may be ahead.
    private static let clockTolerance: TimeInterval = 300

    /// Supervisors sign statements; a revocation list may also be a releaser's.
    private func signer(of signed: SignedStatement) async throws(DeskRefusal) -> SignerFound {
        let isList = signed.statement.revocations != nil
        var trusts = sources.approvers.map { [$0] } ?? []
        if isList { trusts.append(sources.releases) }
        var refusal = DeskRefusal(.noApprovers, "this bench names no certificates of approvers ('releases.trust.approvers')")
        for var trust in trusts {
            trust.revoked = ledger.revoked
            do throws(FirmwareProblem) { return try await signed.signer(trust: trust, at: now) } catch { refusal = DeskRefusal(error) }
        }
        throw refusal
    }

    /// In its turn; a refusal is recorded.
    private func answering<Value>(
        _ request: String, _ subject: String, _ by: Operator, _ body: () async throws(DeskRefusal) -> Value
    ) async throws(DeskRefusal) -> Value {
        do throws(DeskRefusal) { return try await inTurn(body) } catch {
            await noteRefused(request, subject, code: error.code, message: error.message, by: by)
            throw error
        }
    }

    /// Records that somebody asked for something and did not get it, unless that happens all the time.
    public func noteRefused(_ request: String, _ subject: String, code: String, message: String, by: Operator) async {
        guard refusals.lets(by.user, at: clock.now) else { return }
        let refused = JournalEvent.RequestRefused(
            request: request, subject: String(subject.prefix(200)), code: code, message: String(message.prefix(2000)), by: by)
        do { try await journal.append(JournalDraft(.requestRefused(refused))) } catch {
            logger.error("not recorded", metadata: ["kind": "request-refused", "error": "\(error)"])
        }
    }
}

extension Statement {
    /// What it asks for, in the journal's words.
    var request: String {
        if approval != nil { return "approve" }
        if withdrawal != nil { return "withdraw" }
        return checkOff != nil ? "check-off" : "revoke"
    }
}
