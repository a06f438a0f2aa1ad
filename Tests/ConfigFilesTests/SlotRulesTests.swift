import BenchModel
import ConfigFiles
import Foundation
import Testing

@Suite struct SlotRulesTests {
    private func config(_ slots: String) throws -> BenchConfig {
        let text = """
            bench: rack-a
            journal: journal.sqlite
            socket: d.sock
            profiles:
              line: {variant: 2G/3G, protocol: smp, components: {application: {image: 0}}}
            releases: {store: releases, trust: {roots: roots, imageKeys: keys}, statements: by-role, checksOff: [central-products-list]}
            slots: \(slots)
            """
        return try BenchConfigFile.parse(text, file: "bench.yaml")
    }

    private func rules(_ text: String) -> [String] { text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") } }

    @Test func `what is docked in a slot gets its label for a name, as a USB device and as a tty`() throws {
        let text = SlotRules.text(for: try config("{A01: 'pci-0000:00:14.0-usb-0:1.2'}"))
        #expect(
            rules(text).contains(#"SUBSYSTEM=="usb", ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:1.2", TAG=="reflash", SYMLINK+="reflash/A01""#))
        #expect(
            rules(text).contains(
                #"SUBSYSTEM=="tty", ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:1.2:*", ENV{ID_USB_INTERFACE_NUM}=="00", TAG=="reflash", SYMLINK+="reflash/A01""#
            )
        )
    }

    @Test func `the daemon's group may open the USB hub of a slot, to switch its port, and what is docked there, to reset it`() throws {
        let rules = rules(
            SlotRules.text(
                for: try config("{A01: 'pci-0000:00:14.0-usb-0:1.2', A02: 'pci-0000:00:14.0-usb-0:1.3', A03: 'pci-0000:00:14.0-usb-0:4'}")))
        let open = rules.filter { $0.hasSuffix(#"GROUP="reflash", MODE="0660""#) }
        #expect(open.count { $0.contains(#"ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:1", ENV{ID_USB_INTERFACES}=="*:0900*""#) } == 1)
        #expect(open.count { $0.contains(#"ENV{ID_PATH}=="pci-0000:00:14.0", ENV{ID_USB_INTERFACES}=="*:0900*""#) } == 1)
        #expect(open.count { $0.contains(#"ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:1.2""#) } == 1)
    }

    @Test func `a slot with an interface number names that tty alone`() throws {
        let text = SlotRules.text(for: try config("{A01: {port: 'pci-usb-0:1', interface: 10}}"))
        #expect(text.contains(#"ENV{ID_PATH}=="pci-usb-0:1:*", ENV{ID_USB_INTERFACE_NUM}=="0a", TAG=="reflash""#))
        #expect(rules(text).count { $0.contains("SYMLINK") } == 1, "the device itself has no name then")
    }

    @Test func `a line that is always there is no port of udev's`() throws {
        let text = SlotRules.text(for: try config("{S1: {link: 'tcp://192.0.2.7:4001', profile: line}}"))
        #expect(!text.contains("S1"))
    }

    @Test func `rules that were made of this config agree with it, and of another one do not`() throws {
        let (one, other) = (try config("{A01: usb-0:1, A02: usb-0:2}"), try config("{A01: usb-0:1, A02: usb-0:3}"))
        #expect(SlotRules.difference(of: SlotRules.text(for: one), from: one) == nil)
        let difference = try #require(SlotRules.difference(of: SlotRules.text(for: one), from: other))
        #expect(difference.expected?.contains("usb-0:3") == true)
        #expect(difference.found?.contains("usb-0:2") == true)
        let line = SlotRules.text(for: one).split(separator: "\n", omittingEmptySubsequences: false)[difference.line - 1]
        #expect(line.contains("usb-0:2"))
    }

    @Test func `a slot that was added to the config is missed in the rules`() throws {
        let (one, other) = (try config("{A01: usb-0:1}"), try config("{A01: usb-0:1, A02: usb-0:2}"))
        #expect(SlotRules.difference(of: SlotRules.text(for: one), from: other) != nil)
        #expect(SlotRules.difference(of: SlotRules.text(for: other), from: one) != nil)
    }
}
