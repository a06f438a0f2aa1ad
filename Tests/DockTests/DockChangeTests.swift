import BenchModel
import Testing

@testable import Dock

@Suite struct DockChangeTests {
    private func device(_ port: String, number: Int) -> DockedDevice {
        DockedDevice(
            port: PortPath("pci-usb-0:\(port)"), node: "/dev/bus/usb/001/\(number)", syspath: "/sys/devices/1-\(port)", properties: [:])
    }

    @Test func `what is new has appeared and what is missing has disappeared`() {
        let (one, two, three) = (device("1", number: 5), device("2", number: 6), device("3", number: 7))
        #expect(DockChange.changes(from: [one, two], to: [two, three]) == [.disappeared(one), .appeared(three)])
    }

    @Test func `a removal and an addition between two looks show as both`() {
        let (before, after) = (device("1", number: 5), device("1", number: 9))
        #expect(DockChange.changes(from: [before], to: [after]) == [.disappeared(before), .appeared(after)])
    }

    @Test func `a unit that comes back under the number that it had is another attachment`() {
        func device(_ found: String) -> DockedDevice {
            DockedDevice(
                port: PortPath("pci-usb-0:1"), node: "/dev/bus/usb/001/005", syspath: "/sys/devices/1-1", incarnation: "5", found: found,
                properties: [:])
        }
        let (before, after) = (device("1000"), device("900000"))
        #expect(DockChange.changes(from: [before], to: [after]) == [.disappeared(before), .appeared(after)])
    }

    @Test func `An event of a device is about its ttys too, and one of a USB hub is not about what is plugged into it`() {
        func found(_ name: String, interface: UInt8?) -> DockedDevice {
            DockedDevice(
                port: PortPath("pci-usb-0:1.4"), interface: interface, node: "/dev/\(name)", syspath: "/sys/usb1/1-1/1-1.4\(name)",
                properties: [:])
        }
        let (unit, line) = (found("", interface: nil), found("/1-1.4:1.0/tty/ttyACM0", interface: 0))
        func concerned(_ path: String) -> Set<String> { Set(DockedDevice.concerned(by: path, among: [unit, line])) }
        #expect(concerned(unit.syspath) == [unit.syspath, line.syspath])
        #expect(concerned(line.syspath) == [line.syspath])
        #expect(concerned("/sys/usb1/1-1") == ["/sys/usb1/1-1"])
    }

    @Test func `Of two looks only what is not the same differs, where a device comes, goes, changes or has another place`() {
        let (one, two, three) = (device("1", number: 5), device("2", number: 6), device("3", number: 7))
        func differing(_ old: [DockedDevice], _ new: [DockedDevice]) -> [[DockedDevice]] {
            let (old, new) = DockChange.differing(old, new)
            return [Array(old), Array(new)]
        }
        #expect(differing([one, two, three], [one, two, three]) == [[], []])
        #expect(differing([one, three], [one, two, three]) == [[], [two]])
        #expect(differing([one, two, three], [one, three]) == [[two], []])
        #expect(differing([one, one], [one]) == [[one], []])
        #expect(differing([], [one, two]) == [[], [one, two]])
        #expect(differing([one, two, three], [three, two, one]) == [[one, two, three], [three, two, one]])
        let changed = DockedDevice(port: two.port, node: two.node, syspath: two.syspath, properties: ["DEVLINKS": "/dev/hub"])
        #expect(differing([one, two, three], [one, changed, three]) == [[two], [changed]])
    }

    private static let times: [(own: String?, parent: String?, isCurrent: Bool)] = [
        ("2000", "1000", true), ("1000", "1000", true), ("1000", "2000", false), (nil, "1000", false), ("1000", nil, false),
    ]

    @Test(arguments: times)
    func `what udev knew of the last tty of this number is not taken for the new one's`(own: String?, parent: String?, isCurrent: Bool) {
        func properties(_ time: String?) -> [String: String] { ["SUBSYSTEM": "tty", "USEC_INITIALIZED": time].compactMapValues { $0 } }
        #expect(DockedDevice.isCurrent(properties(own), of: properties(parent)) == isCurrent)
    }

    @Test func `a USB device, and a tty that hangs on none, have their own properties`() {
        #expect(DockedDevice.isCurrent(["SUBSYSTEM": "usb"], of: [:]))
        #expect(DockedDevice.isCurrent(["SUBSYSTEM": "tty"], of: nil))
    }

    @Test func `the same dock twice is no change`() {
        let dock = [device("1", number: 5), device("2", number: 6)]
        #expect(DockChange.changes(from: dock, to: dock.reversed()).isEmpty)
    }
}
