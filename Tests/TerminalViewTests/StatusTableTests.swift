import BenchModel
import BenchWire
import TerminalView
import Testing

private func slot(_ label: String, _ state: SlotStatus.State, _ doNext: DoNext) throws -> SlotStatus {
    SlotStatus(slot: try #require(SlotID(label)), port: PortPath("p-\(label)"), state: state, doNext: doNext)
}

private func status(_ slots: [SlotStatus]) -> BenchStatus {
    BenchStatus(
        bench: "rack-a", version: "1", journal: "j", slots: slots, strays: [], outcomes: ["reflashed": 3, "failed": 1], unitsPerHour: 312.4,
        firstPassYield: 0.955, secondsLeft: 65, impediment: nil)
}

@Suite struct StatusTableTests {
    private let plain = StatusTable(style: Style(isColoured: false), width: 140)

    @Test func `a running slot shows its step, bar, rate and time left`() throws {
        var running = try slot("A01", .running, .wait)
        running.chfId = EUI64(rawValue: 0x00DB_1234_5678_90A2)
        running.step = .transferring
        running.progress = StepProgress(component: "application", doneBytes: 50, totalBytes: 200)
        running.bytesPerSecond = 512 * 1024
        running.secondsLeft = 2.1
        #expect(
            plain.row(running)
                == "A01   00-DB-12-34-56-78-90-A2  transferring        ████░░░░░░░░░░░░ 25 %  512 KiB/s  3 s                      wait                  "
        )
    }

    @Test func `slots that need hands come first`() throws {
        let lines = plain.lines(
            status([try slot("A01", .running, .wait), try slot("A02", .docked, .remove), try slot("A03", .empty, .dockAgain)]))
        #expect(lines.suffix(3).map { String($0.prefix(3)) } == ["A02", "A03", "A01"])
    }

    @Test func `the summary has the rate, the yield and the end`() throws {
        let lines = plain.summary(status([try slot("A01", .running, .wait)]))
        #expect(lines == ["rack-a · 312 units/h · first-pass yield 96 % · 1 running, done in about 1 min 05 s", "3 reflashed, 1 failed"])
    }

    @Test func `no line is wider than the terminal`() throws {
        var failed = try slot("A01", .docked, .moveToAnotherSlot)
        failed.reason = .readbackMismatch
        for width in [20, 60, 80, 100] {
            let lines = StatusTable(style: Style(isColoured: false), width: width).lines(status([failed]))
            #expect(lines.allSatisfy { $0.count <= width }, "\(width)")
        }
    }

    @Test func `a narrow terminal keeps what the hands need`() throws {
        var failed = try slot("A01", .docked, .moveToAnotherSlot)
        failed.outcome = .failed
        for width in [50, 80, 120] {
            let row = StatusTable(style: Style(isColoured: false), width: width).row(failed)
            #expect(row.contains("A01") && row.contains("failed") && row.contains("move to another slot"), "\(width): \(row)")
        }
    }

    @Test func `there is colour only where it is wanted`() throws {
        let coloured = StatusTable(style: Style(isColoured: true), width: 140)
        #expect(coloured.row(try slot("A01", .empty, .dock)).contains("\u{1B}["))
        #expect(!plain.row(try slot("A01", .empty, .dock)).contains("\u{1B}"))
    }
}

@Suite struct ChangeLinesTests {
    @Test func `a line is printed when something changed, and not twice`() throws {
        var changes = ChangeLines()
        var one = try slot("A01", .running, .wait)
        one.step = .transferring
        #expect(changes.lines(status([one, try slot("A02", .empty, .dock)])) == ["A01  -  transferring"])
        one.progress = StepProgress(component: "application", doneBytes: 1, totalBytes: 2)
        #expect(changes.lines(status([one])).isEmpty)
        one.step = nil
        one.state = .docked
        one.outcome = .failed
        one.reason = .readbackMismatch
        one.doNext = .moveToAnotherSlot
        #expect(changes.lines(status([one])) == ["A01  -  failed: readback-mismatch, do next: move to another slot"])
    }
}
