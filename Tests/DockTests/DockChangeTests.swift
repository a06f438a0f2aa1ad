import BenchModel
import Dock
import Testing

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

    @Test func `the same dock twice is no change`() {
        let dock = [device("1", number: 5), device("2", number: 6)]
        #expect(DockChange.changes(from: dock, to: dock.reversed()).isEmpty)
    }
}
