import BenchModel
import Foundation
import Testing

@testable import Simulator

@Suite struct UdevTests {
    private let rules: String
    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        rules = try String(contentsOf: root.appending(path: "udev-rules/70-reflash.rules"), encoding: .utf8)
    }

    /// The value that the rule file gives to a key.
    private func value(of key: String) throws -> String {
        let line = try #require(rules.split(separator: "\n").first { !$0.hasPrefix("#") && $0.contains("\(key)\"") })
        let rest = line[try #require(line.range(of: "\(key)\"")).upperBound...]
        return String(rest.prefix { $0 != "\"" })
    }

    @Test func `the simulated database is written as the rule file would have udev write it`() throws {
        #expect(try value(of: "TAG+=") == UdevDatabase.tag)
        #expect(try value(of: "SYMLINK+=") == "\(UdevDatabase.linkFolder)/$env{ID_PATH}")
        #expect(try value(of: "ENV{ID_USB_INTERFACES}!=") == "*:fe0101:*|*:fe0102:*")
        #expect(!rules.contains("\nACTION==\"add\""))
    }

    @Test func `the hash by which libudev filters messages is MurmurHash2`() {
        // Computed by systemd's string_hash32 for these words.
        #expect(UeventMessage.murmur("") == 0)
        let message = UeventMessage(properties: [("ACTION", "add")], subsystem: "usb", devtype: "usb_device", tags: ["reflash"]).bytes
        #expect(Array(message[0..<8]) == Array("libudev".utf8) + [0])
        #expect(Array(message[8..<12]) == [0xFE, 0xED, 0xCA, 0xFE])
        #expect(message[12] == 40)
        #expect(Array(message[40...]) == Array("ACTION=add".utf8) + [0])
    }

    @Test func `a position is named as sysfs and as udev's path_id do`() throws {
        let position = try #require(USBPosition("1-1.2.3"))
        #expect(SysfsTree.path(of: position) == "/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2.3")
        #expect(UdevDatabase.idPath(of: position) == "pci-0000:00:14.0-usb-0:1.2.3")
        #expect(USBPosition("1-") == nil)
        #expect(USBPosition("1-1.2.3.4.5.6.7") == nil)
        #expect(USBPosition("11") == nil)
    }
}
