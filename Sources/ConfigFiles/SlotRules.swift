public import BenchModel

/// udev's rules for the slots of a bench, made of its config, so that the two can't disagree.
public enum SlotRules {
    /// The file's name among udev's rules: after every rule that a program brought with it, brltty's say, and before 99-systemd.rules.
    public static let fileName = "98-reflash-slots.rules"

    /// The whole file: for each slot that is a USB port a name, `/dev/reflash/<slot>`, and peace for what is docked there; and to the daemon's
    /// group what it needs to reset the port and to switch its power.
    public static func text(for config: BenchConfig) -> String {
        let slots = config.slots.filter { $0.fixed == nil }
        return header(config.name, slots.count) + hubRules(slots) + slots.map(rules).joined() + "\nLABEL=\"reflash_slots_end\"\n"
    }

    /// The first line of `installed` that is not as the config has it, with what it should be; `nil` where all agree.
    public static func difference(of installed: String, from config: BenchConfig) -> Difference? {
        let lines = installed.split(separator: "\n", omittingEmptySubsequences: false)
        let wanted = text(for: config).split(separator: "\n", omittingEmptySubsequences: false)
        for number in 0..<max(lines.count, wanted.count) {
            let (found, expected) = (number < lines.count ? lines[number] : nil, number < wanted.count ? wanted[number] : nil)
            if found != expected { return Difference(line: number + 1, expected: expected.map(String.init), found: found.map(String.init)) }
        }
        return nil
    }

    /// Where rules and config disagree.
    public struct Difference: Sendable, Equatable {
        /// From 1.
        public let line: Int
        /// `nil` past the end.
        public let expected: String?
        /// `nil` past the end.
        public let found: String?
    }

    private static func header(_ bench: String, _ count: Int) -> String {
        """
        # The \(count) slots of bench '\(bench)' that are USB ports. Made by 'reflashctl config rules'; to change it, change the config.
        #
        # Matched by what a device is, not by ACTION=="add": a symlink that is set for "add" alone is lost at the "bind" event that follows it.

        ACTION=="remove", GOTO="reflash_slots_end"
        SUBSYSTEM!="usb|tty", GOTO="reflash_slots_end"
        SUBSYSTEM=="usb", ENV{DEVTYPE}!="usb_device", GOTO="reflash_slots_end"
        ENV{ID_PATH}=="", IMPORT{builtin}="path_id"

        """
    }

    /// The USB hubs that the slots are ports of: they switch the power of a unit that does not answer.
    private static func hubRules(_ slots: [SlotPlace]) -> String {
        Set(slots.map(\.port.hub)).sorted().map { hub in
            #"SUBSYSTEM=="usb", ENV{ID_PATH}=="\#(hub)", ENV{ID_USB_INTERFACES}=="*:0900*", GROUP="reflash", MODE="0660""# + "\n"
        }.joined()
    }

    /// A unit in its slot: the USB device itself, or its tty, whose path has configuration and interface behind the port's.
    ///
    /// brltty takes USB-serial adapters for braille displays, by rules that come before these: what they ask for is not done in a slot.
    private static func rules(_ place: SlotPlace) -> String {
        let digits = String(place.interface ?? 0, radix: 16)
        let interface = (digits.count < 2 ? "0" : "") + digits
        var lines = [
            "",
            "# \(place.slot)",
            #"SUBSYSTEM=="usb", ENV{ID_PATH}=="\#(place.port)", ENV{ID_MM_DEVICE_IGNORE}="1", ENV{BRLTTY_BRAILLE_DRIVER}="", ENV{SYSTEMD_WANTS}="", GROUP="reflash", MODE="0660""#,
        ]
        // A slot that names an interface is that tty, whatever else the device is.
        if place.interface == nil {
            lines.append(#"SUBSYSTEM=="usb", ENV{ID_PATH}=="\#(place.port)", TAG=="reflash", SYMLINK+="reflash/\#(place.slot)""#)
        }
        lines.append(
            #"SUBSYSTEM=="tty", ENV{ID_PATH}=="\#(place.port):*", ENV{ID_USB_INTERFACE_NUM}=="\#(interface)", TAG=="reflash", SYMLINK+="reflash/\#(place.slot)""#
        )
        return lines.joined(separator: "\n") + "\n"
    }
}
