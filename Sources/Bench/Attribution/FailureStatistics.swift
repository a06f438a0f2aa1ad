internal import BenchModel
internal import Foundation

/// Whether it is the slot, the unit or the release: counted from sessions alone, so that a restart counts the same.
///
/// The statistical rule is Page's cumulative sum of log-likelihood ratios: each attempt adds ln(p₁/p₀) where it went wrong and ln((1-p₁)/(1-p₀))
/// where it did not, never below zero, with p₀ the share that fails elsewhere on the bench and p₁ one half. Above ``FailureCount/limit`` chance
/// explains it no longer (Page, Biometrika 41, 1954; Lorden, Ann. Math. Statist. 42, 1971).
struct FailureStatistics: Sendable {
    /// One release on one variant and hardware version, since it was last approved.
    struct ReleaseKey: Hashable, Sendable {
        let manifestHash: SHA256Value
        let variant: Variant?
        let hardware: HardwareVersion?
        let approval: EventNumber?
    }

    private struct Attempt: Sendable {
        let id: SessionID
        let slot: SlotID
        let unit: EUI64?
        let variant: Variant?
        let release: String?
        let key: ReleaseKey?
        let didFail: Bool
    }

    /// Sessions that are remembered.
    static let memory = 2000
    /// Attempts elsewhere by which it is judged what is to be expected.
    private static let reference = 500
    /// Failures in fewer slots, or of fewer units, are not called the release's; where only two slots take its variant, in both.
    private static let leastSlots = 3
    private static let leastUnits = 5
    /// A slot that has had so many sessions, all with units of one variant, takes that one alone.
    private static let leastSessionsOfVariant = 3
    /// A slot is not judged by fewer units.
    private static let leastUnitsOfSlot = 3
    /// p₁: the share of failures beside which the expected one is weighed.
    private static let suspected = 0.5

    /// Slots of the bench.
    private let slots: Set<SlotID>
    private var attempts: [Attempt] = []
    /// A slot's sessions before this one do not count: it was returned to service since.
    private var serviceSince: [SlotID: EventNumber] = [:]
    /// Releases that have been out of line. One that was halted for it stays what was wrong, however its last sessions end.
    private var suspects: Set<ReleaseKey> = []

    init(slots: some Sequence<SlotID>) { self.slots = Set(slots) }

    /// A session that has ended; those of which the outcome says nothing about slot, unit or release are passed over.
    mutating func add(_ session: SessionRecord) {
        guard let verdict = session.verdict, let didFail = Self.didFail(verdict) else { return }
        let key = ReleaseKey(session)
        attempts.append(
            Attempt(
                id: session.id, slot: session.slot, unit: session.chfId, variant: session.variant, release: session.release, key: key,
                didFail: didFail))
        if attempts.count > Self.memory { attempts.removeFirst(attempts.count - Self.memory) }
        if didFail, let key, release(key).isOutOfLine { suspects.insert(key) }
    }

    /// The bench has ended a release's approval: sessions that have been forgotten since may have been part of why.
    mutating func halted(_ halt: ReleaseHalt) { suspects.insert(ReleaseKey(halt)) }

    mutating func returned(_ slot: SlotID, at number: EventNumber) { serviceSince[slot] = number }

    /// `nil` for what says nothing: a refusal, a swap, a stop of the bench, a unit that somebody carried elsewhere or never brought, a host
    /// that would not let the unit be spoken to.
    private static func didFail(_ verdict: Verdict) -> Bool? {
        switch (verdict.outcome, verdict.reason) {
        case _ where verdict.isHosts == true: nil
        case (.failed, .noContact): nil
        case (.reflashed, _), (.alreadyCurrent, _): false
        case (.failed, _): true
        case (.unknown, .benchStopped), (.unknown, .seenElsewhere): nil
        case (.unknown, _): true
        case (.refused, _), (.swapped, _): nil
        }
    }

    // MARK: Slot, release, unit

    /// A slot since it was last returned to service. Each unit speaks once, with its first session there; one that failed in other slots too
    /// does not speak: it is the unit's fault. Nor does an attempt with a release that failed out of line, or that has gone well nowhere yet: it
    /// may be the release, which is known only once it was tried in other slots, if others take its variant.
    /// `closed`: slots in which nothing can be tried now.
    func slot(_ slot: SlotID, closed: Set<SlotID> = []) -> FailureCount {
        // Under whichever approval.
        let proven = Set(attempts.lazy.filter { !$0.didFail }.compactMap { $0.key?.underAnyApproval })
        let open = slots.subtracting(closed)
        let faulty = failedSlots.filter { $0.value.count > 1 }
        let relevant = attempts.filter { attempt in
            attempt.unit.map { faulty[$0] == nil } ?? true
                && attempt.key.map { !suspects.contains($0) && (proven.contains($0.underAnyApproval) || taking($0.variant, of: open) < 2) }
                    ?? true
        }
        let own = Self.firsts(relevant.filter { $0.slot == slot && $0.id > serviceSince[slot] ?? 0 })
        let others = Self.firsts(relevant.filter { $0.slot != slot })
        let count = Self.count(own, expected: Self.rate(others.suffix(Self.reference), within: 0.02...0.45))
        return count.failedUnits < Self.leastUnitsOfSlot ? Self.cleared(count) : count
    }

    /// A release on one variant and hardware version since it was last approved, each unit once, of what its own sessions can say of it; slots
    /// also from where a unit was tried again.
    func release(_ key: ReleaseKey) -> FailureCount {
        var seen: Set<EUI64> = []
        func isFirst(_ attempt: Attempt) -> Bool { attempt.unit.map { seen.insert($0).inserted } ?? true }
        let own = attempts.filter { $0.key == key && isFirst($0) }
        let others = attempts.filter { attempt in attempt.key.map { $0.manifestHash != key.manifestHash } ?? false && isFirst(attempt) }
        var count = Self.count(own, expected: Self.rate(others.suffix(Self.reference), within: 0.05...0.25))
        count.failedSlots = Self.slotsOfTheirOwn(attempts.filter { $0.key == key && $0.didFail })
        return count.failedSlots < leastSlots(of: key.variant) || count.failedUnits < Self.leastUnits ? Self.cleared(count) : count
    }

    /// What fails in one slot alone is never the release's, unless the bench has no other.
    private func leastSlots(of variant: Variant?) -> Int {
        min(slots.count, max(2, min(Self.leastSlots, taking(variant, of: slots))))
    }

    /// How many of the slots may take a variant: all but those that take the other one, by what they have had.
    private func taking(_ variant: Variant?, of slots: Set<SlotID>) -> Int {
        guard let variant else { return slots.count }
        let had = Dictionary(grouping: attempts.filter { slots.contains($0.slot) }, by: \.slot)
        return slots.count
            - had.values.count { attempts in
                attempts.count >= Self.leastSessionsOfVariant && attempts.allSatisfy { $0.variant != nil && $0.variant != variant }
            }
    }

    /// The slots of failures, each with a unit of its own: what one unit did in several of them may be the unit.
    private static func slotsOfTheirOwn(_ failures: [Attempt]) -> Int {
        var spoken: Set<EUI64> = []
        let bySlot = Dictionary(grouping: failures, by: \.slot).sorted { ($0.value.count, $0.key) < ($1.value.count, $1.key) }
        return bySlot.count { _, failures in
            failures.contains { $0.unit == nil } || failures.lazy.compactMap(\.unit).contains { spoken.insert($0).inserted }
        }
    }

    /// The distinct slots in which each unit failed since it was last current.
    private var failedSlots: [EUI64: Set<SlotID>] {
        var slots: [EUI64: Set<SlotID>] = [:]
        for attempt in attempts {
            guard let unit = attempt.unit else { continue }
            if attempt.didFail { slots[unit, default: []].insert(attempt.slot) } else { slots[unit] = nil }
        }
        return slots
    }

    /// `outOfService`: the slots that are.
    func report(outOfService: Set<SlotID>) -> FailureReport {
        let told = Set(attempts.map(\.slot)).union(outOfService).sorted().map {
            FailureReport.Slot(slot: $0, count: slot($0, closed: outOfService), isOutOfService: outOfService.contains($0))
        }
        // Under its newest approval each.
        var newest: [ReleaseKey: Attempt] = [:]
        for attempt in attempts { if let key = attempt.key { newest[key.underAnyApproval] = attempt } }
        let releases = newest.values.compactMap { attempt in
            attempt.key.map {
                FailureReport.Release(
                    release: attempt.release ?? "-", variant: $0.variant, hardwareVersion: $0.hardware, count: release($0))
            }
        }
        let units = failedSlots.filter { $0.value.count > 1 }.map { FailureReport.Unit(chfId: $0.key, failedSlots: $0.value.sorted()) }
        return FailureReport(
            slots: told.sorted { ($1.count.evidence, $0.slot) < ($0.count.evidence, $1.slot) },
            releases: releases.sorted { ($1.count.evidence, $0.described) < ($0.count.evidence, $1.described) },
            units: units.sorted { $0.chfId.rawValue < $1.chfId.rawValue })
    }

    // MARK: Counting

    /// The first of each run of attempts with the same unit; where it is not known which, each.
    private static func firsts(_ attempts: [Attempt]) -> [Attempt] {
        var last: [SlotID: EUI64] = [:]
        return attempts.filter { attempt in
            defer { last[attempt.slot] = attempt.unit }
            return attempt.unit == nil || last[attempt.slot] != attempt.unit
        }
    }

    /// Share of failures, as if one of twenty more had failed, so that the first few do not make too much of themselves.
    private static func rate(_ attempts: ArraySlice<Attempt>, within bounds: ClosedRange<Double>) -> Double {
        let rate = (Double(attempts.count(where: \.didFail)) + 1) / (Double(attempts.count) + 20)
        return min(max(rate, bounds.lowerBound), bounds.upperBound)
    }

    private static func count(_ attempts: [Attempt], expected: Double) -> FailureCount {
        let failed = log(suspected / expected)
        let fine = log((1 - suspected) / (1 - expected))
        let evidence = attempts.reduce(0.0) { max(0, $0 + ($1.didFail ? failed : fine)) }
        let failures = attempts.filter(\.didFail)
        return FailureCount(
            attempts: attempts.count, failures: failures.count,
            failedUnits: Set(failures.compactMap(\.unit)).count + failures.count { $0.unit == nil },
            failedSlots: Set(failures.map(\.slot)).count, expectedRate: (expected * 1000).rounded() / 1000,
            evidence: (evidence * 1000).rounded() / 1000)
    }

    private static func cleared(_ count: FailureCount) -> FailureCount {
        var count = count
        count.evidence = min(count.evidence, FailureCount.limit)
        return count
    }
}

extension FailureStatistics.ReleaseKey {
    /// `nil` for a session that says nothing of a release.
    init?(_ session: SessionRecord) {
        guard session.saysSomethingOfRelease, let hash = session.manifestHash else { return nil }
        self.init(
            manifestHash: hash, variant: session.variant, hardware: session.hardwareVersion, approval: session.approval)
    }

    init(_ halt: ReleaseHalt) {
        self.init(manifestHash: halt.manifestHash, variant: halt.variant, hardware: halt.hardwareVersion, approval: halt.approval)
    }

    var underAnyApproval: Self { Self(manifestHash: manifestHash, variant: variant, hardware: hardware, approval: nil) }
}

extension SessionRecord {
    /// Whether the release has been tried, as far as the unit's link carried it: what went wrong before that, or because the unit was no
    /// longer there, would have gone wrong with any other.
    var saysSomethingOfRelease: Bool {
        verdict?.reason == .rejectedByBootloader || transferBegan && verdict?.reason != .contactLost
    }
}

extension FailureReport.Release {
    /// One order for all that are equally bad.
    fileprivate var described: String { "\(release) \(variant?.description ?? "") \(hardwareVersion?.description ?? "")" }
}
