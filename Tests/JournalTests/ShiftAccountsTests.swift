import BenchModel
@testable import Journal
import Testing

/// The books of a shift: every millisecond of every slot has one use.
@Suite struct ShiftAccountsTests {
    /// A shift of 100 seconds on one slot, `A1`; each event at so many seconds after its beginning.
    private struct Shift {
        var accounts: ShiftAccounts
        var number: EventNumber = 0
        private static let began: Int64 = 1_790_000_000_000

        init(before state: SlotStateBefore = SlotStateBefore(), isDown: Bool = false, isKnown: Bool = true) {
            let before = BenchStateBefore(isDown: isDown, lastEvent: nil, slots: isKnown ? [slotA1: state] : [:])
            accounts = ShiftAccounts(from: Self.began, to: Self.began + 100_000, before: before)
        }

        mutating func at(
            _ second: Int64, _ event: JournalEvent, unit: EUI64? = nil, session: SessionID? = nil, uptime: Int64? = nil
        ) throws {
            try accounts.add(fields(second, event, unit, session, uptime))
        }

        /// The first event after the shift.
        mutating func after(_ second: Int64, _ event: JournalEvent, uptime: Int64) throws {
            accounts.noticeRestart(try fields(second, event, nil, nil, uptime))
        }

        private mutating func fields(
            _ second: Int64, _ event: JournalEvent, _ unit: EUI64?, _ session: SessionID?, _ uptime: Int64?
        ) throws -> EventFields {
            number += 1
            return EventFields(
                number: number, utc: UTC.text(Self.began + second * 1000), monotonicNanoseconds: uptime ?? second + 1000,
                slot: event.isOfBench ? nil : slotA1.label, unit: unit?.description, session: session, kind: event.kind,
                payload: try event.payload())
        }

        /// Seconds of each use, checked to add up.
        consuming func seconds() throws -> [String: Int64] {
            let slot = try #require(accounts.report().slots.first)
            #expect(slot.milliseconds.values.reduce(0, +) == 100_000)
            return slot.milliseconds.mapValues { $0 / 1000 }
        }
    }

    private let unit2 = EUI64(rawValue: 0x00DB_1234_5678_90A3)
    private static let technician = Operator(user: "test", role: .technician)
    private static let count = FailureCount(attempts: 5, failures: 5, failedUnits: 5, failedSlots: 1, expectedRate: 0.05, evidence: 11)

    @Test func `An empty slot awaits hands`() throws {
        #expect(try Shift().seconds() == ["awaiting-hands": 100])
    }

    @Test func `A session is flashing, the next one of a unit that failed is a retry, and a wait for a grant is neither`() throws {
        var shift = Shift()
        try shift.at(10, .started(unit1), unit: unit1)
        try shift.at(25, .grantWaited(.init(milliseconds: 12_000)), unit: unit1)
        try shift.at(40, .outcome(Verdict(.failed, reason: .transferFailed)), unit: unit1, session: 1)
        try shift.at(50, .started(unit1), unit: unit1)
        try shift.at(70, .outcome(Verdict(.reflashed)), unit: unit1, session: 4)
        #expect(
            try shift.seconds() == ["awaiting-hands": 10 + 10 + 30, "flashing": 18, "awaiting-grant": 12, "retry": 20])
    }

    @Test func `A wait for a grant is no flashing while it lasts, nor where the session ends in it`() throws {
        var shift = Shift()
        try shift.at(10, .started(unit1), unit: unit1)
        try shift.at(15, .grantAwaited(.init(scarce: "sessions")), unit: unit1)
        try shift.at(35, .grantWaited(.init(milliseconds: 20_000)), unit: unit1)
        try shift.at(45, .outcome(Verdict(.reflashed)), unit: unit1, session: 1)
        try shift.at(50, .started(unit2), unit: unit2)
        try shift.at(52, .grantAwaited(.init(scarce: "sessions")), unit: unit2)
        try shift.at(60, .outcome(Verdict(.unknown, reason: .benchStopped)), unit: unit2, session: 4)
        try shift.at(70, .started(unit2), unit: unit2)
        try shift.at(80, .grantAwaited(.init(scarce: "sessions")), unit: unit2)
        #expect(try shift.seconds() == ["awaiting-hands": 25, "flashing": 17, "awaiting-grant": 48, "retry": 10])
    }

    @Test func `A slot that is held or taken out is out of service`() throws {
        var shift = Shift()
        try shift.at(10, .held)
        try shift.at(20, .slotReleased(.init(by: Self.technician)))
        try shift.at(50, .slotOutOfService(Self.count))
        try shift.at(80, .slotReturned(.init(by: Self.technician)))
        #expect(try shift.seconds() == ["awaiting-hands": 60, "out-of-service": 40])
    }

    @Test func `A stop is down until the next start, whatever ran`() throws {
        var shift = Shift()
        try shift.at(10, .started(unit1), unit: unit1)
        try shift.at(30, .benchStopped)
        try shift.at(60, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])), uptime: 0)
        #expect(try shift.seconds() == ["awaiting-hands": 10 + 40, "flashing": 20, "bench-down": 30])
    }

    @Test func `A bench that was killed is down from its last event on`() throws {
        var shift = Shift()
        try shift.at(10, .started(unit1), unit: unit1)
        try shift.at(30, .bootloaderEntered, unit: unit1, session: 1)
        try shift.at(59, .outcome(Verdict(.unknown, reason: .benchStopped)), unit: unit1, session: 1, uptime: 0)
        try shift.at(60, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])), uptime: 1)
        #expect(try shift.seconds() == ["awaiting-hands": 10 + 40, "flashing": 20, "bench-down": 30])
    }

    @Test func `A bench that was killed and started after the shift was down for the rest of it`() throws {
        var shift = Shift()
        try shift.at(10, .started(unit1), unit: unit1)
        try shift.at(30, .bootloaderEntered, unit: unit1, session: 1)
        try shift.after(40_000, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])), uptime: 1)
        #expect(try shift.seconds() == ["awaiting-hands": 10, "flashing": 20, "bench-down": 70])
    }

    @Test func `A bench that is started for the first time was down until then, and a slot that is new to its config was not there`() throws
    {
        var fresh = Shift(isDown: true, isKnown: false)
        try fresh.at(40, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])))
        #expect(try fresh.seconds() == ["bench-down": 40, "awaiting-hands": 60])
        var added = Shift(isKnown: false)
        try added.at(30, .benchStopped)
        try added.at(40, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])), uptime: 0)
        #expect(try added.seconds() == ["bench-down": 40, "awaiting-hands": 60])
    }

    @Test func `For a slot that a restart finds out of the config the bench is down`() throws {
        var shift = Shift()
        try shift.at(30, .benchStopped)
        try shift.at(40, .benchStarted(.init(bench: "b", version: "v", slots: ["A2": PortPath("p")])), uptime: 0)
        #expect(try shift.seconds() == ["awaiting-hands": 30, "bench-down": 70])
    }

    @Test func `A start without a stop before it is a restart, however long the host has been up`() throws {
        var shift = Shift()
        try shift.at(10, .started(unit1), unit: unit1)
        try shift.at(30, .bootloaderEntered, unit: unit1, session: 1)
        try shift.at(60, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])))
        #expect(try shift.seconds() == ["awaiting-hands": 10 + 40, "flashing": 20, "bench-down": 30])
    }

    @Test func `A unit that is there when the bench starts again was handled by nobody`() throws {
        var shift = Shift()
        try shift.at(20, .outcome(Verdict(.reflashed)), unit: unit1, session: 1)
        try shift.at(30, .benchStopped)
        try shift.at(60, .benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")])), uptime: 0)
        try shift.at(61, .unitDocked(.init(port: PortPath("p"), profile: "4g", mode: .runtime)), unit: unit1, uptime: 1)
        #expect(shift.accounts.report().handling.count == 0)
    }

    @Test func `What ran when the time began and when it ended counts as far as it lies within`() throws {
        var shift = Shift(before: SlotStateBefore(session: false))
        try shift.at(20, .outcome(Verdict(.reflashed)), unit: unit1, session: 1)
        try shift.at(90, .started(unit1), unit: unit1)
        #expect(try shift.seconds() == ["flashing": 30, "awaiting-hands": 70])
    }

    @Test func `A unit counts with its last outcome, and hands from an outcome to the next docking`() throws {
        var shift = Shift()
        let docked = JournalEvent.unitDocked(.init(port: PortPath("p"), profile: "p", mode: .runtime))
        try shift.at(10, .outcome(Verdict(.failed, reason: .transferFailed)), unit: unit1, session: 1)
        try shift.at(30, docked, unit: unit1)
        try shift.at(40, .outcome(Verdict(.reflashed)), unit: unit1, session: 4)
        try shift.at(50, .outcome(Verdict(.unknown, reason: .contactLost)), session: 9)
        let report = shift.accounts.report()
        #expect(report.reflashed == 1)
        #expect(report.lost == ["unknown: contact-lost": 1])
        #expect(report.handling == .init([20]))
        #expect(report.settled == 1)
    }

    @Test func `The journal is asked for a time, and knows how the bench was before it`() async throws {
        try await withJournal { journal, _ in
            let first = try await journal.append([
                JournalDraft(.benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p"), "A2": PortPath("q")]))),
                JournalDraft(.held, slot: slotA1), JournalDraft(.started(unit1), slot: SlotID("A2"), unit: unit1),
            ])
            let now = try #require(UTC.milliseconds(first[0].utc))
            let report = try #require(try await journal.shift(from: UTC.text(now + 1000), to: UTC.text(now + 11_000)))
            #expect(report.slots.map(\.milliseconds) == [["out-of-service": 10_000], ["flashing": 10_000]])
            #expect(try await journal.shift(from: "yesterday", to: "today") == nil)
            #expect(try await journal.shift(from: UTC.text(now), to: UTC.text(now)) == nil)
        }
    }

    @Test func `A session of a unit that failed before the shift is a retry, one that runs when it begins too`() async throws {
        try await withJournal { journal, _ in
            let first = try await journal.append([
                JournalDraft(.benchStarted(.init(bench: "b", version: "v", slots: ["A1": PortPath("p")]))),
                JournalDraft(.started(unit1), slot: slotA1, unit: unit1),
            ])
            try await journal.append(
                JournalDraft(.outcome(Verdict(.failed, reason: .transferFailed)), slot: slotA1, unit: unit1, session: first[1].number))
            let last = try await journal.append(JournalDraft(.started(unit1), slot: slotA1, unit: unit1))
            let now = try #require(UTC.milliseconds(last.utc))
            let report = try #require(try await journal.shift(from: UTC.text(now + 1), to: UTC.text(now + 10_001)))
            #expect(report.slots.map(\.milliseconds) == [["retry": 10_000]])
        }
    }
}

extension JournalEvent {
    fileprivate var isOfBench: Bool { kind.hasPrefix("bench-") }
}
