@testable import Bench
import BenchKit
import BenchModel
import Firmware
import Simulator
import Testing

/// Slot, unit or release: what the counts say, and how often they are wrong.
@Suite struct AttributionTests {
    private static let good = SHA256Value.of(Array("good".utf8))
    private static let bad = SHA256Value.of(Array("bad".utf8))
    private static let hardware = HardwareVersion(rawValue: 0x0101)

    private func slot(_ index: Int) throws -> SlotID { try #require(SlotID("A\(index)")) }

    /// Sessions one after the other, as a bench has them.
    private struct Story {
        var statistics: FailureStatistics
        var last: SessionID = 0
        var nextUnit: UInt64 = 0

        init(slots: Int = 16) { statistics = FailureStatistics(slots: (1...slots).compactMap { SlotID("A\($0)") }) }

        mutating func session(
            _ slot: SlotID, unit: UInt64? = nil, _ outcome: Outcome, _ reason: OutcomeReason? = nil, release: SHA256Value = good,
            hardware: HardwareVersion? = hardware, variant: Variant? = .fourG, approval: EventNumber = 1, transferred: Bool = true,
            isHosts: Bool? = nil
        ) {
            last += 10
            nextUnit += 1
            var session = SessionRecord(
                id: last, slot: slot, chfId: EUI64(rawValue: unit ?? 1_000_000 + nextUnit), startedAt: "", release: "release",
                manifestHash: release, hardwareVersion: hardware, variant: variant, approval: approval, transferBegan: transferred)
            session.verdict = Verdict(outcome, reason: reason)
            session.verdict?.isHosts = isHosts
            statistics.add(session)
        }
    }

    @Test func `A slot in which one unit after the other fails is out of line, and its neighbours are not`() throws {
        var story = Story()
        for round in 1...6 {
            for index in 1...8 { story.session(try slot(index), index == 3 && round > 1 ? .failed : .reflashed) }
        }
        #expect(story.statistics.slot(try slot(3)).isOutOfLine)
        #expect(!story.statistics.slot(try slot(4)).isOutOfLine)
    }

    @Test func `One unit that fails again and again speaks once, and not at all once it has failed elsewhere`() throws {
        var story = Story()
        for index in 1...8 { story.session(try slot(index), .reflashed) }
        for _ in 1...20 { story.session(try slot(3), unit: 7, .failed) }
        #expect(story.statistics.slot(try slot(3)).failures == 1)
        story.session(try slot(5), unit: 7, .failed)
        #expect(story.statistics.slot(try slot(3)).failures == 0)
        #expect(story.statistics.report(outOfService: []).units.map(\.failedSlots) == [[try slot(3), try slot(5)]])
    }

    @Test(arguments: 1...2)
    func `On a bench of one or two slots a release is out of line once it has failed in all of them`(slots: Int) throws {
        var story = Story(slots: slots)
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        for index in 0..<5 { story.session(try slot(index % slots + 1), .failed, release: Self.bad, approval: 2) }
        #expect(story.statistics.release(key).isOutOfLine)
        for index in 1...slots { #expect(!story.statistics.slot(try slot(index)).isOutOfLine, "no slot is blamed for it") }
        var elsewhere = Story()
        for index in 0..<5 { elsewhere.session(try slot(index % slots + 1), .failed, release: Self.bad, approval: 2) }
        #expect(!elsewhere.statistics.release(key).isOutOfLine, "the same on a bench that has more slots")
    }

    @Test func `Where two slots take a variant, its release is out of line once it has failed in both`() throws {
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .twoG3G, hardware: Self.hardware, approval: 2)
        func isOutOfLine(in slots: ClosedRange<Int>, whileOthersTake other: Variant?, sessions: Int = 3) throws -> Bool {
            var story = Story()
            for index in slots.upperBound + 1...16 { for _ in 0..<sessions { story.session(try slot(index), .reflashed, variant: other) } }
            for index in 0..<6 {
                story.session(try slot(index % slots.count + 1), .failed, release: Self.bad, variant: .twoG3G, approval: 2)
            }
            return story.statistics.release(key).isOutOfLine
        }
        #expect(try isOutOfLine(in: 1...2, whileOthersTake: .fourG))
        #expect(try !isOutOfLine(in: 1...2, whileOthersTake: .twoG3G))
        #expect(try !isOutOfLine(in: 1...2, whileOthersTake: nil), "nobody has said what those slots take")
        #expect(try !isOutOfLine(in: 1...2, whileOthersTake: .fourG, sessions: 2), "they may take both")
        #expect(try !isOutOfLine(in: 1...1, whileOthersTake: .fourG), "it may be the slot")
    }

    @Test func `A slot that the bench has no longer does not count for what its slots take`() throws {
        var story = Story(slots: 4)
        for index in 11...40 { for _ in 1...3 { story.session(try slot(index), .reflashed, variant: .fourG) } }
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .twoG3G, hardware: Self.hardware, approval: 2)
        for index in 0..<6 { story.session(try slot(index % 2 + 1), .failed, release: Self.bad, variant: .twoG3G, approval: 2) }
        #expect(!story.statistics.release(key).isOutOfLine)
    }

    @Test func `A release that was halted stays what was wrong after a restart, whose sessions do not show it any more`() throws {
        var story = Story()
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        for index in 2...3 { story.session(try slot(index), .reflashed, release: Self.bad, approval: 2) }
        for _ in 1...4 { story.session(try slot(1), .failed, release: Self.bad, approval: 2) }
        #expect(story.statistics.slot(try slot(1)).failures == 4)
        story.statistics.halted(
            ReleaseHalt(
                release: "release", manifestHash: Self.bad, variant: .fourG, hardwareVersion: Self.hardware, approval: 2,
                count: story.statistics.release(key)))
        #expect(story.statistics.slot(try slot(1)).failures == 0)
    }

    @Test func `Both variants of a release are judged apart, and told apart`() throws {
        var story = Story()
        for index in 1...9 {
            story.session(try slot(index), .failed, release: Self.bad, variant: .twoG3G)
            story.session(try slot(index), .reflashed, release: Self.bad, variant: .fourG)
        }
        let told = story.statistics.report(outOfService: []).releases
        #expect(told.map(\.variant) == [.twoG3G, .fourG])
        #expect(told.map(\.count.failures) == [9, 0])
        #expect(told.map(\.count.isOutOfLine) == [true, false])
    }

    @Test func `Once a release has been out of line, what it did to the slots stays its fault, however its last sessions end`() throws {
        var story = Story()
        for index in 1...8 { for _ in 1...4 { story.session(try slot(index), .reflashed) } }
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        for index in [1, 1, 1, 1, 1, 2, 3] { story.session(try slot(index), .failed, release: Self.bad, approval: 2) }
        #expect(story.statistics.release(key).isOutOfLine)
        for index in 4...14 { story.session(try slot(index), .reflashed, release: Self.bad, approval: 2) }
        try #require(!story.statistics.release(key).isOutOfLine)
        #expect(story.statistics.slot(try slot(1)).failures == 0)
    }

    @Test func `A release that fails everywhere is out of line before any slot is`() throws {
        var story = Story()
        for _ in 1...4 { for index in 1...16 { story.session(try slot(index), .reflashed) } }
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        var failed = 0
        while !story.statistics.release(key).isOutOfLine {
            failed += 1
            story.session(try slot(failed % 16 + 1), .failed, .readbackMismatch, release: Self.bad, approval: 2)
            for index in 1...16 { #expect(!story.statistics.slot(try slot(index)).isOutOfLine) }
        }
        #expect(failed == 5)
    }

    @Test func `A release that has gone well nowhere retires no slot, however many units fail with it in one`() throws {
        var story = Story()
        for _ in 1...4 { for index in 1...16 { story.session(try slot(index), .reflashed) } }
        for _ in 1...8 { story.session(try slot(1), .failed, release: Self.bad, approval: 2) }
        #expect(!story.statistics.slot(try slot(1)).isOutOfLine)
        story.session(try slot(2), .reflashed, release: Self.bad, approval: 2)
        #expect(story.statistics.slot(try slot(1)).isOutOfLine, "it was the slot")
    }

    @Test func `A release is out of line though all units were put into one slot first, once they have failed in others as well`() throws {
        var story = Story()
        for _ in 1...4 { for index in 1...16 { story.session(try slot(index), .reflashed) } }
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        for unit in 1...5 {
            story.session(try slot(1), unit: UInt64(unit), .failed, release: Self.bad, approval: 2)
            story.session(try slot(2 + unit % 3), unit: UInt64(unit), .failed, release: Self.bad, approval: 2)
        }
        #expect(story.statistics.release(key).isOutOfLine)
        #expect(!story.statistics.slot(try slot(1)).isOutOfLine)
    }

    @Test func `A slot that is out of service is none in which a release can be tried`() throws {
        var story = Story(slots: 2)
        for _ in 1...8 { story.session(try slot(1), .failed, release: Self.bad, approval: 2) }
        #expect(!story.statistics.slot(try slot(1)).isOutOfLine)
        #expect(story.statistics.slot(try slot(1), closed: [try slot(2)]).isOutOfLine)
    }

    @Test func `One faulty unit that was tried in other slots does not make a slot's failures the release's`() throws {
        var story = Story()
        for _ in 1...4 { for index in 1...16 { story.session(try slot(index), .reflashed) } }
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        for unit in 1...5 { story.session(try slot(1), unit: UInt64(unit), .failed, release: Self.bad, approval: 2) }
        for index in 2...3 { story.session(try slot(index), unit: 1, .failed, release: Self.bad, approval: 2) }
        #expect(!story.statistics.release(key).isOutOfLine)
    }

    @Test func `Where one slot alone takes a variant, its units do not fail there without end, and a new approval forgets nothing`() throws
    {
        var story = Story()
        for _ in 1...4 { for index in 2...16 { story.session(try slot(index), .reflashed) } }
        for _ in 1...8 { story.session(try slot(1), .failed, release: Self.bad, variant: .twoG3G, approval: 2) }
        #expect(story.statistics.slot(try slot(1)).isOutOfLine)
        var other = Story()
        for _ in 1...4 { for index in 1...16 { other.session(try slot(index), .reflashed, approval: 1) } }
        for _ in 1...6 { other.session(try slot(1), .failed, approval: 2) }
        #expect(other.statistics.slot(try slot(1)).isOutOfLine)
    }

    @Test func `What goes wrong before a release is tried speaks against the slot, whichever release it is`() throws {
        var story = Story()
        for _ in 1...4 { for index in 1...16 { story.session(try slot(index), .reflashed) } }
        for _ in 1...5 { story.session(try slot(1), .failed, .enterFailed, release: Self.bad, approval: 2, transferred: false) }
        #expect(story.statistics.slot(try slot(1)).isOutOfLine)
    }

    @Test func `A release is judged on each hardware version apart, and anew under a new approval`() throws {
        var story = Story()
        let other = HardwareVersion(rawValue: 0x0102)
        for index in 1...9 {
            story.session(try slot(index), .failed, .notStarted, release: Self.bad, hardware: other)
            story.session(try slot(index), .reflashed, release: Self.bad)
        }
        func count(_ hardware: HardwareVersion, _ approval: EventNumber) -> FailureCount {
            story.statistics.release(.init(manifestHash: Self.bad, variant: .fourG, hardware: hardware, approval: approval))
        }
        #expect(count(other, 1).isOutOfLine)
        #expect(!count(Self.hardware, 1).isOutOfLine)
        #expect(count(other, 2).attempts == 0)
    }

    @Test func `A broken slot alone does not halt the release`() throws {
        var story = Story()
        story.session(try slot(2), .reflashed, release: Self.bad)
        for _ in 1...20 { story.session(try slot(1), .failed, release: Self.bad) }
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 1)
        #expect(!story.statistics.release(key).isOutOfLine)
        #expect(story.statistics.slot(try slot(1)).isOutOfLine)
    }

    @Test func `Refusals, swaps, stops of the bench and units that were carried elsewhere say nothing`() throws {
        var story = Story()
        story.session(try slot(1), .refused, .downgrade)
        story.session(try slot(1), .swapped, .otherUnit)
        story.session(try slot(1), .unknown, .benchStopped)
        story.session(try slot(1), .unknown, .seenElsewhere)
        #expect(story.statistics.slot(try slot(1)).attempts == 0)
    }

    @Test func `What goes wrong before a release is tried, or because the unit was no longer there, is not the release's`() throws {
        let key = FailureStatistics.ReleaseKey(manifestHash: Self.bad, variant: .fourG, hardware: Self.hardware, approval: 2)
        func count(_ outcome: Outcome, _ reason: OutcomeReason, transferred: Bool) throws -> Int {
            var story = Story()
            for index in 1...8 {
                story.session(try slot(index), outcome, reason, release: Self.bad, approval: 2, transferred: transferred)
            }
            return story.statistics.release(key).failures
        }
        #expect(try count(.failed, .enterFailed, transferred: false) == 0)
        #expect(try count(.failed, .identificationFailed, transferred: false) == 0)
        #expect(try count(.unknown, .contactLost, transferred: true) == 0, "a USB hub that lost its power, say")
        #expect(try count(.unknown, .noAnswer, transferred: true) == 8)
        #expect(try count(.failed, .rejectedByBootloader, transferred: false) == 8)
    }

    @Test func `What the host refuses, and a unit that never came, speak against no slot`() throws {
        var story = Story()
        for _ in 1...8 {
            story.session(try slot(1), .failed, .identificationFailed, transferred: false, isHosts: true)
            story.session(try slot(2), .failed, .noContact, transferred: false)
        }
        for index in 1...2 { #expect(story.statistics.slot(try slot(index)).attempts == 0) }
    }

    @Test func `A slot that was returned to service begins anew`() throws {
        var story = Story()
        for index in 1...8 { story.session(try slot(index), .reflashed) }
        for _ in 1...6 { story.session(try slot(3), .failed) }
        #expect(story.statistics.slot(try slot(3)).isOutOfLine)
        story.statistics.returned(try slot(3), at: story.last)
        #expect(story.statistics.slot(try slot(3)).attempts == 0)
    }

    /// 48 slots, a technician's 1,296 sessions a shift, one unit in twenty faulty wherever it is docked.
    @Test(arguments: [1, 2, 3]) func `In forty shifts chance takes out three slots at the most, and halts a release once`(seed: UInt64)
        async throws
    {
        var dice = SplitMix64(state: seed)
        var story = Story()
        var (slots, releases) = (0, 0)
        var approval: EventNumber = 1
        /// Units that wait for their second slot.
        var waiting: [UInt64] = []
        for index in 0..<40 * 1296 {
            // It takes a minute where nothing is optimised, and beside it are tests in real time.
            if index.isMultiple(of: 20) { await Task.yield() }
            let place = try slot(index % 48 + 1)
            let isFaulty = Int.random(in: 0..<20, using: &dice) == 0
            let unit = UInt64(index)
            story.session(place, unit: unit, isFaulty ? .failed : .reflashed, approval: approval)
            guard isFaulty else { continue }
            if story.statistics.slot(place).isOutOfLine {
                slots += 1
                story.statistics.returned(place, at: story.last)
            }
            let key = FailureStatistics.ReleaseKey(manifestHash: Self.good, variant: .fourG, hardware: Self.hardware, approval: approval)
            if story.statistics.release(key).isOutOfLine {
                releases += 1
                approval += 1
            }
            waiting.append(unit)
            // A technician brings it to another slot within a round.
            if waiting.count > 3 { story.session(try slot((index + 7) % 48 + 1), unit: waiting.removeFirst(), .failed, approval: approval) }
        }
        #expect(slots <= 3, "seed \(seed): \(slots) false alarms")
        #expect(releases <= 1, "seed \(seed): \(releases) false alarms")
    }

    /// A slot that spoils every second unit, among units of which one in twenty is faulty.
    @Test(arguments: [1, 2, 3]) func `A slot that spoils every second unit is out of service within thirty`(seed: UInt64) throws {
        var dice = SplitMix64(state: seed)
        var story = Story()
        for round in 1...40 {
            for index in 1...48 {
                let isSpoilt = index == 17 && round > 10 && Bool.random(using: &dice)
                story.session(try slot(index), isSpoilt || Int.random(in: 0..<20, using: &dice) == 0 ? .failed : .reflashed)
            }
            if story.statistics.slot(try slot(17)).isOutOfLine { return #expect(round <= 40) }
        }
        Issue.record("seed \(seed): the slot is still in service")
    }
}
