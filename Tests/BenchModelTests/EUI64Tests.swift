import BenchModel
import Testing

@Suite struct EUI64Tests {
    @Test(arguments: ["00-DB-12-34-56-78-90-A2", "00-db-12-34-56-78-90-a2", "00DB1234567890A2", "00db1234567890a2"])
    func `both written forms are read in either case, and one is shown`(text: String) throws {
        let id = try #require(EUI64(text))
        #expect(id.description == "00-DB-12-34-56-78-90-A2")
        #expect(id.compact == "00DB1234567890A2")
    }

    @Test(arguments: [
        "", "00-DB-12-34-56-78-90", "00-DB-12-34-56-78-90-A", "00-DB-12-34-56-78-90-A2-", "00:DB:12:34:56:78:90:A2", "00DB1234567890AG",
        "0-0DB-12-34-56-78-90-A2", "SERIAL0123456789",
    ])
    func `anything else is no identity`(text: String) {
        #expect(EUI64(text) == nil)
    }
}

@Suite struct VersionTests {
    @Test func `a firmware version is 8 hex digits and compares as a number`() throws {
        let old = try #require(FirmwareVersion("0002012E"))
        let new = try #require(FirmwareVersion("0002012f"))
        #expect(old < new)
        #expect(new.description == "0002012F")
        #expect(FirmwareVersion("2012F") == nil)
        #expect(FirmwareVersion("0002012G") == nil)
    }

    @Test func `a hardware version is 4 hex digits`() throws {
        #expect(try #require(HardwareVersion("01ff")).description == "01FF")
        #expect(HardwareVersion("1FF") == nil)
    }

    @Test func `a SHA-256 is 64 hex digits`() throws {
        let text = String(repeating: "0aF1", count: 16)
        #expect(try #require(SHA256Value(text)).description == text.lowercased())
        #expect(SHA256Value(String(text.dropLast(2))) == nil)
    }
}

@Suite struct SlotTests {
    @Test func `slots sort as people count`() throws {
        let labels = ["B1", "A10", "A2", "A1", "A", "10", "9"].shuffled()
        let sorted = try labels.map { try #require(SlotID($0)) }.sorted().map(\.label)
        #expect(sorted == ["9", "10", "A", "A1", "A2", "A10", "B1"])
    }

    @Test(arguments: ["", "A 1", "A/1", "-A1", "ABCDEFGHIJKLMNOPQ", "Ä1"])
    func `what does not fit a label is refused`(label: String) {
        #expect(SlotID(label) == nil)
    }

    @Test func `a port knows its host controller`() {
        #expect(PortPath("pci-0000:00:14.0-usb-0:1.2.3").hostController == "pci-0000:00:14.0")
        #expect(PortPath("platform-xhci").hostController == "platform-xhci")
    }
}
