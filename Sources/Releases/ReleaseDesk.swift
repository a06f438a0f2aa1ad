public import BenchModel
internal import Firmware
internal import Foundation
public import Journal
public import Logging

/// A bench's releases: takes them in, takes decisions about them, and answers what a unit should hold.
///
/// What it flashes was verified from the bytes that it holds in memory, and was approved by an event in the journal. Decisions are taken
/// one after the other; one that is refused changes nothing and is recorded as refused.
public actor ReleaseDesk {
    let config: ReleaseConfig
    let bench: String
    let profiles: [DeviceProfile]
    let journal: Journal
    let clock: any BenchClock
    let logger: Logger
    let store: ReleaseStore
    let sources: TrustSources
    var ledger = ReleaseLedger()
    /// The releases that may be flashed, in memory as they were verified.
    var active: [SHA256Value: Loaded] = [:]
    /// Why a release that was imported can't be used.
    var problems: [SHA256Value: DeskRefusal] = [:]
    /// When imported releases end, as far as they could be verified.
    var ends: [SHA256Value: Date] = [:]
    private var trials: [EventNumber: Trial] = [:]
    private var turn = Turn()
    var refusals = RefusalBrake()

    /// A release in memory.
    struct Loaded: Sendable {
        let release: VerifiedRelease
        /// Whether it was verified without the Central Products List.
        let isUnlisted: Bool
    }

    /// Who has taken the places of an approval for so many units.
    private struct Trial {
        var known: Set<EUI64>
        var unknown: Int
        var used: Int { known.count + unknown }
    }

    /// Opens the store, replays the journal and verifies every release that is there.
    /// - Throws: ``DeskRefusal`` where the store, the trust or the journal can't be read.
    public init(
        _ config: ReleaseConfig, bench: String, profiles: [DeviceProfile], journal: Journal, clock: any BenchClock, logger: Logger
    ) async throws(DeskRefusal) {
        self.config = config
        self.bench = bench
        self.profiles = profiles
        self.journal = journal
        self.clock = clock
        self.logger = logger
        sources = try TrustSources(config)
        store = try ReleaseStore(config.store)
        do throws(JournalError) {
            for (number, event) in try await journal.ledger() { ledger.apply(event, number: number) }
            for approval in ledger.approvals.values where approval.event.first != nil {
                let (known, unknown) = try await journal.units(under: approval.number)
                trials[approval.number] = Trial(known: known, unknown: unknown)
            }
        } catch {
            throw DeskRefusal(error)
        }
        try await recordConfiguredChecks()
        await verifyAll()
    }

    /// Reads what a config trusts, as the desk will when it opens.
    /// - Throws: ``DeskRefusal`` with the first file that can't be read.
    public static func checkTrust(_ config: ReleaseConfig) throws(DeskRefusal) {
        let sources = try TrustSources(config)
        if config.productsList != nil { _ = try sources.products() }
    }

    var now: Date { Date(timeIntervalSince1970: Double(clock.utcMilliseconds) / 1000) }

    /// Takes decisions one after the other: what one has checked must still hold when it is recorded.
    func inTurn<Value>(_ body: () async throws(DeskRefusal) -> Value) async throws(DeskRefusal) -> Value {
        await takeTurn()
        defer { turn.pass() }
        return try await body()
    }

    private func takeTurn() async {
        guard turn.isTaken else { return turn.isTaken = true }
        await withCheckedContinuation { turn.waiting.append($0) }
    }

    private struct Turn {
        var isTaken = false
        /// At most one for each request that the API serves.
        var waiting: [CheckedContinuation<Void, Never>] = []

        mutating func pass() {
            if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
        }
    }

    /// Records a decision, and only then lets it count.
    @discardableResult
    func record(_ event: JournalEvent) async throws(DeskRefusal) -> EventNumber {
        let number: EventNumber
        do throws(JournalError) { number = try await journal.append(JournalDraft(event)).number } catch { throw DeskRefusal(error) }
        ledger.apply(event, number: number)
        if case .releaseApproved(let approved) = event, approved.first != nil { trials[number] = Trial(known: [], unknown: 0) }
        return number
    }

    func used(by approval: ReleaseLedger.Approval) -> Int? { approval.event.first.map { _ in trials[approval.number]?.used ?? 0 } }

    // MARK: Checks that are left out

    /// The checks that the config leaves out and may.
    var checksOff: Set<PolicyCheck> {
        guard config.statements == .signed else { return config.checksOff }
        let now = now
        return config.checksOff.filter { check in
            guard let event = ledger.checksOff[check], event.warrant.statement != nil, !ledger.isRevoked(event.warrant) else {
                return false
            }
            return event.notAfter.flatMap(Statement.date).map { now <= $0 } ?? false
        }
    }

    /// Where the config's word is enough, it is recorded once; where it is not, it is said that the check is made.
    private func recordConfiguredChecks() async throws(DeskRefusal) {
        for check in config.checksOff.sorted(by: { $0.rawValue < $1.rawValue }) {
            if config.statements == .signed {
                if !checksOff.contains(check) {
                    logger.warning(
                        "the config leaves out a check, and no supervisor's statement allows it: it is made",
                        metadata: ["check": "\(check.rawValue)"])
                }
            } else if ledger.checksOff[check]?.warrant.by.user != Self.configUser {
                let warrant = JournalEvent.Warrant(by: Operator(user: Self.configUser, role: nil))
                try await record(
                    .checkSwitchedOff(.init(check: check, notAfter: nil, reason: "the bench's config says so", warrant: warrant)))
            }
        }
    }

    private static let configUser = "config"
}

// MARK: What a unit should hold

extension ReleaseDesk: TargetSource {
    public func target(for unit: BenchModel.Unit, variant: Variant) async throws(Refusal) -> Target {
        guard let approval = ledger.approval(variant, of: try await consignment(of: unit)) else {
            if let halt = ledger.halted.values.first(where: { $0.variant == variant }) { throw Refusal(.noApprovedRelease, halt.sentence) }
            throw Refusal(
                .noApprovedRelease, "no release is approved for variant \(variant); 'reflashctl release approve' approves one")
        }
        guard !ledger.isRevoked(approval.event.warrant) else {
            throw Refusal(
                .releaseEnded, "the certificate that approved \(approval.event.release) is revoked; another approver must approve it")
        }
        let checksOff = checksOff
        var targets: [Target] = []
        for hash in approval.releases {
            let name = ledger.imported[hash]?.release ?? "\(hash)"
            if let end = end(of: hash) { throw Refusal(.releaseEnded, "\(name) is \(end.rawValue)") }
            guard active[hash]?.isUnlisted != true || checksOff.contains(.centralProductsList) else {
                throw Refusal(
                    .releaseEnded,
                    "\(name) was verified without the Central Products List, which may not be left out any more; approve it again")
            }
            guard var target = active[hash]?.release.targets[variant] else {
                throw Refusal(.releaseEnded, "\(name) can't be used: \(problems[hash]?.message ?? "it holds nothing for \(variant)")")
            }
            target.checksOff = checksOff
            target.approval = approval.number
            target.consignment = approval.event.consignment
            targets.append(target)
        }
        guard checksOff.contains(.securityCounter) || approval.event.securityCounter >= ledger.counters[variant] ?? 0 else {
            throw Refusal(
                .releaseEnded,
                "\(approval.event.release)'s security counter \(approval.event.securityCounter) is below \(ledger.counters[variant] ?? 0), "
                    + "and that check is not left out any more")
        }
        guard var target = targets.popLast() else { throw Refusal(.noApprovedRelease, "the approval names no release") }
        target.steps = targets
        return target
    }

    /// The open consignment of a unit, as far as any approval hangs on it.
    private func consignment(of unit: BenchModel.Unit) async throws(Refusal) -> ConsignmentID? {
        guard ledger.hasConsignments, let chfId = unit.chfId else { return nil }
        do throws(JournalError) { return try await journal.look { try $0.openCase(of: chfId)?.consignment.consignment } } catch {
            throw Refusal(.noApprovedRelease, "which consignment the unit is of can't be found out: \(error)")
        }
    }

    public func claim(_ target: Target, for unit: BenchModel.Unit) async throws(Refusal) {
        if let end = await ended(target) { throw Refusal(.releaseEnded, "\(target.release) is \(end.rawValue), since a moment ago") }
        guard let approval = ledger.approvals[target.scope] else { return }
        guard let first = approval.event.first, var trial = trials[approval.number] else { return }
        if let chfId = unit.chfId, trial.known.contains(chfId) { return }
        guard trial.used < first else {
            throw Refusal(.trialComplete, "\(target.release) is approved for the first \(first) units; approve it for all, or withdraw it")
        }
        if let chfId = unit.chfId { trial.known.insert(chfId) } else { trial.unknown += 1 }
        trials[approval.number] = trial
    }

    public func ended(_ target: Target) async -> ReleaseEnd? {
        for release in target.steps + [target] {
            if let end = end(of: release.manifestHash) { return end }
        }
        guard let approval = ledger.approvals[target.scope], let number = target.approval, number >= approval.since,
            approval.uses(target.manifestHash)
        else { return ledger.halted[.init(target.manifestHash, target.variant)] == nil ? .withdrawn : .halted }
        return ledger.isRevoked(approval.event.warrant) ? .revoked : nil
    }

    public func halt(_ halt: ReleaseHalt) async -> Bool {
        do throws(DeskRefusal) {
            return try await inTurn { () async throws(DeskRefusal) in
                guard !ledger.scopes(of: halt).isEmpty else { return false }
                try await record(.releaseHalted(halt))
                dropUnused()
                return true
            }
        } catch {
            logger.error("not halted", metadata: ["release": "\(halt.release)", "error": "\(error.message)"])
            return false
        }
    }

    public var halts: [ReleaseHalt] {
        ledger.halted.values.sorted { ($0.release, $0.variant.rawValue) < ($1.release, $1.variant.rawValue) }
    }

    /// Why a release may not be flashed any more, whatever is approved.
    func end(of hash: SHA256Value) -> ReleaseEnd? {
        let signers = active[hash]?.release.signerFingerprints ?? Set([ledger.imported[hash]?.fingerprint].compactMap(\.self))
        if ledger.revoked.releases.contains(hash) || !ledger.revoked.certificates.isDisjoint(with: signers) { return .revoked }
        if let end = problems[hash]?.end { return end }
        guard let last = ends[hash], now > last else { return nil }
        return .expired
    }
}

extension Target {
    /// The approval that it was taken from.
    fileprivate var scope: ReleaseLedger.Scope { ReleaseLedger.Scope(variant: variant, consignment: consignment) }
}
