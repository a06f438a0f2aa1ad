import BenchModel
import BenchWire
import TerminalView
import Testing

/// What a shift and its failures look like, and what `watch` says where there is no terminal.
@Suite struct ReportLinesTests {
    private let lines = ReportLines(style: Style(isColoured: false))

    private func slot(_ label: String) throws -> SlotID { try #require(SlotID(label)) }

    private func shift() throws -> ShiftReport {
        ShiftReport(
            from: "2026-11-23T06:00:00.000Z", to: "2026-11-23T14:00:00.000Z",
            slots: [
                .init(slot: try slot("A1"), milliseconds: ["flashing": 21_600_000, "awaiting-hands": 7_200_000]),
                .init(slot: try slot("A2"), milliseconds: ["retry": 3_600_000, "bench-down": 25_200_000]),
            ], reflashed: 90, alreadyCurrent: 10, lost: ["failed: transfer-failed": 2, "unknown: contact-lost": 7],
            handling: .init([10, 20, 30]))
    }

    @Test func `a shift says where its slot hours went, to the last of them`() throws {
        #expect(
            lines.lines(try shift(), target: nil).prefix(7) == [
                "shift 2026-11-23T06:00:00.000Z to 2026-11-23T14:00:00.000Z: 2 slots, 16.0 slot hours",
                "  flashing             6.0 h   38 %", "  awaiting-hands       2.0 h   13 %", "  awaiting-grant       0.0 h    0 %",
                "  retry                1.0 h    6 %", "  out-of-service       0.0 h    0 %", "  bench-down           7.0 h   44 %",
            ])
    }

    @Test func `units are told beside the target, what was lost by its cause, and how long hands took`() throws {
        #expect(
            lines.lines(try shift(), target: 80).dropFirst(7) == [
                "units: 100 current (90 reflashed, 10 already-current), 125 % of the 80 that were to be done", "lost:",
                "  7     unknown: contact-lost", "  2     failed: transfer-failed",
                "handling: 20 s from an outcome to the next docking (median of 3), nine of ten within 30 s",
            ])
        #expect(lines.lines(try shift(), target: nil)[7] == "units: 100 current (90 reflashed, 10 already-current)")
    }

    @Test func `failures name the slots, releases and units that fail, and sum up the others`() throws {
        let bad = FailureCount(attempts: 6, failures: 5, failedUnits: 5, failedSlots: 1, expectedRate: 0.05, evidence: 11)
        let fine = FailureCount(attempts: 9, failures: 0, failedUnits: 0, failedSlots: 0, expectedRate: 0.05, evidence: 0)
        let report = FailureReport(
            slots: [
                .init(slot: try slot("A1"), count: bad, isOutOfService: true),
                .init(slot: try slot("A2"), count: fine, isOutOfService: false),
            ], releases: [.init(release: "r1", variant: .fourG, hardwareVersion: HardwareVersion(rawValue: 0x0101), count: fine)],
            units: [.init(chfId: EUI64(rawValue: 0x00DB_1234_5678_90A2), failedSlots: [try slot("A1"), try slot("A2")])])
        #expect(
            lines.lines(report) == [
                "slots", "  A1                \(bad.sentence)  out of service", "  1 slots without a failure", "releases",
                "  r1                4G, hardware 0101: \(fine.sentence)", "units that failed in two slots or more",
                "  00-DB-12-34-56-78-90-A2  A1, A2",
            ])
    }
}

/// What somebody must decide is said first, wherever one looks.
@Suite struct AlarmTests {
    private func status(_ alarms: [String]) -> BenchStatus {
        BenchStatus(
            bench: "rack-a", version: "1", journal: "j", slots: [], strays: [], outcomes: [:], unitsPerHour: nil, firstPassYield: nil,
            secondsLeft: nil, impediment: nil, alarms: alarms)
    }

    @Test func `an alarm is said once, and again when it comes back`() {
        var changes = ChangeLines()
        #expect(changes.lines(status(["slot A1 is out of service"])) == ["!! slot A1 is out of service"])
        #expect(changes.lines(status(["slot A1 is out of service", "r1 is halted"])) == ["!! r1 is halted"])
        #expect(changes.lines(status([])) == [])
        #expect(changes.lines(status(["r1 is halted"])) == ["!! r1 is halted"])
    }

    @Test func `the table of a terminal begins with the alarms`() {
        let lines = StatusTable(style: Style(isColoured: false), width: 100).summary(status(["r1 is halted"]))
        #expect(lines.first == "!! r1 is halted")
    }
}
