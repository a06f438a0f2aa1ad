import BenchModel
import ConfigFiles
import Foundation
import Simulator
import Testing

@Suite struct DockFileTests {
    private static let whole = """
        dock: test
        defaults: {variant: 4G, model: 010A030B, hardwareVersion: "0101", firmware: {version: 00020100}}
        slots:
          A01: 1-1.1
          A02: 1-1.2
        units:
          - {slot: A01, chfId: 00-DB-12-34-56-78-90-01, gpfId: 00-DB-12-34-56-78-A0-01}
          - {chfId: 00-DB-12-34-56-78-90-02, gpfId: 00-DB-12-34-56-78-A0-02, faults: [{kind: stall, atBlock: 3, times: always}]}
        """

    @Test func `units take what they do not say from the defaults`() throws {
        let dock = try DockDescription.parse(Self.whole, file: "dock.yaml")
        #expect(dock.units.map(\.slot?.label) == ["A01", nil])
        #expect(dock.units[1].unit.hardwareVersion.description == "0101")
        #expect(dock.units[1].unit.faults == [Fault(.stall, atBlock: 3, times: nil)])
    }

    @Test(arguments: [
        ("A02: 1-1.2", "A02: 1-1.1", "dock.yaml:5: slots.A02: 1-1.1 is already slot A01"),
        ("A02: 1-1.2", "A02: 1-1.1.1", "dock.yaml:4: slots: slot A02 (1-1.1.1) would lie behind slot A01 (1-1.1)"),
        ("A02: 1-1.2", "A02: usb1", "dock.yaml:5: slots.A02: expected a position such as 1-1.2.3, or tcp://127.0.0.1:PORT, found 'usb1'"),
        ("slot: A01", "slot: A09", "dock.yaml:7: units[0].slot: expected the label of a slot above, found 'A09'"),
        (
            "chfId: 00-DB-12-34-56-78-90-02", "chfId: 00-DB-12-34-56-78-90-01",
            "dock.yaml:8: units[1]: CHF ID 00-DB-12-34-56-78-90-01 is already another unit's"
        ),
        ("kind: stall", "kind: fire", "dock.yaml:8: units[1].faults[0].kind: expected one of unplug, stall"),
        ("firmware: {version: 00020100}", "firmware: {}", "dock.yaml:2: defaults.firmware: the key 'version' is missing"),
    ])
    func `each mistake is named with file, line and field`(line: String, mistake: String, message: String) throws {
        try #require(Self.whole.contains(line))
        let error = #expect(throws: ConfigError.self) {
            try DockDescription.parse(Self.whole.replacingOccurrences(of: line, with: mistake), file: "dock.yaml")
        }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}
