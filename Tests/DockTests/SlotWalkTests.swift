import BenchModel
import Dock
import Testing

@Suite struct SlotWalkTests {
    private func device(_ port: String) -> DockedDevice {
        DockedDevice(port: PortPath("pci-usb-0:\(port)"), node: "/dev/bus/usb/001/002", syspath: "/sys/\(port)", properties: [:])
    }

    private func tty(_ port: String, interface: UInt8) -> DockedDevice {
        DockedDevice(
            port: PortPath("pci-usb-0:\(port)"), interface: interface, node: "/dev/ttyACM\(interface)",
            syspath: "/sys/\(port)/\(interface)",
            properties: [:])
    }

    private func labels(_ text: String) throws -> [SlotID] { try #require(SlotWalk.labels(text)) }

    @Test func `one unit that goes from slot to slot shows each one's port`() throws {
        var walk = SlotWalk(try labels("A1-A3"))
        #expect(walk.sees([]).isEmpty)
        for (port, label) in [("4", "A1"), ("1", "A2"), ("9.2", "A3")] {
            #expect(walk.current?.label == label)
            #expect(walk.sees([device(port)]) == [.found(try #require(SlotID(label)), device(port))])
            #expect(walk.sees([]).isEmpty)
        }
        #expect(walk.current == nil)
        #expect(walk.yaml == "slots:\n  A1: pci-usb-0:4\n  A2: pci-usb-0:1\n  A3: pci-usb-0:9.2\n")
    }

    @Test func `what was docked before the walk belongs to no slot`() throws {
        var walk = SlotWalk(try labels("A1"))
        #expect(walk.sees([device("1")]).isEmpty)
        #expect(walk.sees([device("1"), device("2")]).count == 1)
        #expect(walk.places.map(\.port.idPath) == ["pci-usb-0:2"])
    }

    @Test func `a slot that was asked for already is told, and takes no label`() throws {
        var walk = SlotWalk(try labels("A1,A2"))
        for look in [[], [device("1")], []] { _ = walk.sees(look) }
        #expect(walk.sees([device("1")]) == [.known(try #require(SlotID("A1")), PortPath("pci-usb-0:1"))])
        #expect(walk.current?.label == "A2")
    }

    @Test func `a slot can be left out`() throws {
        var walk = SlotWalk(try labels("A1,A2"))
        _ = walk.sees([])
        #expect(walk.skip()?.label == "A1")
        _ = walk.sees([device("7")])
        #expect(walk.yaml == "slots:\n  A2: pci-usb-0:7\n")
    }

    @Test func `of a unit with several ttys the first is taken, by its interface`() throws {
        var walk = SlotWalk(try labels("A1"))
        _ = walk.sees([])
        _ = walk.sees([tty("1", interface: 2), tty("1", interface: 0)])
        #expect(walk.yaml == "slots:\n  A1: {port: 'pci-usb-0:1', interface: 0}\n")
    }

    @Test func `a tty at another interface than the first is named with it, as the daemon wants it`() throws {
        var walk = SlotWalk(try labels("A1,A2"))
        for look in [[], [tty("1", interface: 2)], []] { _ = walk.sees(look) }
        _ = walk.sees([tty("2", interface: 0)])
        #expect(walk.yaml == "slots:\n  A1: {port: 'pci-usb-0:1', interface: 2}\n  A2: pci-usb-0:2\n")
    }

    @Test(arguments: [
        ("A01-A03", ["A01", "A02", "A03"]), ("A8-A10,B1", ["A8", "A9", "A10", "B1"]), ("rack-a", ["rack-a"]), ("A1, A2", ["A1", "A2"]),
    ])
    func `labels are read as people write them`(text: String, expected: [String]) throws {
        #expect(try labels(text).map(\.label) == expected)
    }

    @Test(arguments: ["", "A1,A1", "A1-A3,A2", "A1,?"])
    func `what is no list of labels is refused`(text: String) {
        #expect(SlotWalk.labels(text) == nil)
    }
}
