internal import BenchModel
internal import Firmware
internal import Journal

/// What the journal says of a bench's releases: which are there, what was decided about them, and what can't be decided any more.
/// A function of the events alone.
struct ReleaseLedger: Sendable {
    /// An approval that stands.
    struct Approval: Sendable {
        let number: EventNumber
        let event: JournalEvent.ReleaseApproved
        /// The number of the first approval of the same release for the variant since which nothing else was decided: a trial that became
        /// an approval for all, say.
        let since: EventNumber
    }

    /// A release on one variant.
    struct Halted: Hashable, Sendable {
        let manifestHash: SHA256Value
        let variant: Variant

        init(_ manifestHash: SHA256Value, _ variant: Variant) {
            self.manifestHash = manifestHash
            self.variant = variant
        }
    }

    /// For which units an approval is.
    struct Scope: Hashable, Sendable {
        let variant: Variant
        /// `nil` for all units that have no approval of their own.
        let consignment: ConsignmentID?
    }

    /// Imported releases by manifest hash.
    private(set) var imported: [SHA256Value: JournalEvent.ReleaseImported] = [:]
    /// What is flashed.
    private(set) var approvals: [Scope: Approval] = [:]
    /// Releases that were withdrawn and not approved again.
    private(set) var withdrawn: [SHA256Value: JournalEvent.ReleaseWithdrawn] = [:]
    /// Releases whose approval the bench itself has ended, since which nothing else was decided about them.
    private(set) var halted: [Halted: ReleaseHalt] = [:]
    /// The highest security counter that was ever approved.
    private(set) var counters: [Variant: UInt32] = [:]
    /// Checks that may be left out.
    private(set) var checksOff: [PolicyCheck: JournalEvent.CheckSwitchedOff] = [:]
    /// What counts no more.
    private(set) var revoked = ReleaseTrust.Revoked()
    /// Of the last revocation list of each signer: nobody's number keeps another's list out.
    private var revocationNumbers: [String: UInt32] = [:]

    private var statements: Set<SHA256Value> = []
    /// When the last decision about something was made.
    private var decided: [Subject: String] = [:]

    /// What a decision is about: a later one about the same can't be undone by an earlier one.
    private enum Subject: Hashable {
        case scope(Scope)
        case release(SHA256Value)
        case check(PolicyCheck)
    }

    mutating func apply(_ event: JournalEvent, number: EventNumber) {
        switch event {
        case .releaseImported(let event): imported[event.manifestHash] = event
        case .releaseApproved(let event):
            let last = approvals[event.scope]
            let since = last?.event.manifestHash == event.manifestHash ? last?.since : nil
            approvals[event.scope] = Approval(number: number, event: event, since: since ?? number)
            counters[event.variant] = max(counters[event.variant] ?? 0, event.securityCounter)
            withdrawn[event.manifestHash] = nil
            halted[Halted(event.manifestHash, event.variant)] = nil
            note(event.warrant, [.scope(event.scope), .release(event.manifestHash)])
        case .releaseWithdrawn(let event):
            let scopes = approvals.filter { $0.value.uses(event.manifestHash) }.keys
            for scope in scopes { approvals[scope] = nil }
            withdrawn[event.manifestHash] = event
            for variant in Variant.allCases { halted[Halted(event.manifestHash, variant)] = nil }
            note(event.warrant, scopes.map { .scope($0) } + [.release(event.manifestHash)])
        case .releaseHalted(let halt):
            for scope in scopes(of: halt) { approvals[scope] = nil }
            halted[Halted(halt.manifestHash, halt.variant)] = halt
        case .checkSwitchedOff(let event):
            checksOff[event.check] = event
            note(event.warrant, [.check(event.check)])
        case .revocationsImported(let event):
            revoked.certificates.formUnion(event.certificates)
            revoked.releases.formUnion(event.releases)
            revocationNumbers[event.warrant.fingerprint ?? "", default: 0] = event.number
            note(event.warrant, [])
        default: break
        }
    }

    /// Why a release was halted, on any variant.
    func halt(of hash: SHA256Value) -> ReleaseHalt? {
        Variant.allCases.lazy.compactMap { halted[Halted(hash, $0)] }.first
    }

    /// The approvals that a halt ends: none that was given after those of which it speaks.
    func scopes(of halt: ReleaseHalt) -> [Scope] {
        approvals.filter { scope, approval in
            scope.variant == halt.variant && approval.uses(halt.manifestHash) && halt.approval.map { approval.since <= $0 } ?? true
        }.map(\.key)
    }

    /// The approval for a unit: its consignment's own, or the one for all.
    func approval(_ variant: Variant, of consignment: ConsignmentID?) -> Approval? {
        let own = consignment.flatMap { approvals[Scope(variant: variant, consignment: $0)] }
        return own ?? approvals[Scope(variant: variant, consignment: nil)]
    }

    /// Whether any approval is for a consignment's units alone.
    var hasConsignments: Bool { approvals.keys.contains { $0.consignment != nil } }

    private mutating func note(_ warrant: JournalEvent.Warrant, _ subjects: [Subject]) {
        if let hash = warrant.statement { statements.insert(hash) }
        guard let time = warrant.issuedAt else { return }
        for subject in subjects { decided[subject] = max(decided[subject] ?? "", time) }
    }

    /// Whether what a decision rests on is a statement of somebody whose certificate counts no more.
    func isRevoked(_ warrant: JournalEvent.Warrant) -> Bool {
        !revoked.certificates.isDisjoint(with: warrant.chain ?? [warrant.fingerprint].compactMap(\.self))
    }

    /// Whether a statement says something new.
    /// - Throws: ``DeskRefusal`` where it was taken before, or something later was said about the same.
    func expectNew(_ statement: Statement, hash: SHA256Value, by signer: String, now: String) throws(DeskRefusal) {
        guard !statements.contains(hash) else {
            throw DeskRefusal(
                .statementReplayed, "expected a statement that was not taken before, found \(hash), which was; sign a new one")
        }
        let content: Statement.Content
        do throws(FirmwareProblem) { content = try statement.content } catch { throw DeskRefusal(error) }
        if case .revocations(let list) = content, let last = revocationNumbers[signer], list.number <= last {
            throw DeskRefusal(.revocationsOutdated, "expected a list with a number above \(last), this signer's last, found \(list.number)")
        }
        let subjects = Self.subjects(of: content)
        var last = subjects.compactMap { decided[$0] }.max() ?? ""
        // A clock that was ahead when something was approved must not keep it from being withdrawn.
        if case .withdrawal = content { last = min(last, now) }
        if statement.issuedAt < last {
            throw DeskRefusal(
                .statementOutdated, "expected a statement made after the last decision about the same, \(last), found \(statement.issuedAt)"
            )
        }
    }

    private static func subjects(of content: Statement.Content) -> [Subject] {
        switch content {
        case .approval(let approval):
            [.scope(Scope(variant: approval.variant, consignment: approval.consignment)), .release(approval.manifestHash)]
                + approval.via.map { .release($0) }
        case .withdrawal(let withdrawal): [.release(withdrawal.manifestHash)]
        case .checkOff(let checkOff): [.check(checkOff.check)]
        case .revocations: []
        }
    }
}

extension JournalEvent.ReleaseApproved {
    /// For which units it is.
    var scope: ReleaseLedger.Scope { ReleaseLedger.Scope(variant: variant, consignment: consignment) }
}

extension ReleaseLedger.Approval {
    /// Whether the release is flashed by it, at the end or on the way.
    func uses(_ hash: SHA256Value) -> Bool { event.manifestHash == hash || event.via.contains(hash) }

    /// All releases that are flashed by it.
    var releases: [SHA256Value] { event.via + [event.manifestHash] }
}
