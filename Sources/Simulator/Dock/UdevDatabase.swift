internal import BenchModel
internal import Foundation
internal import Protocols

/// The udev side of the simulated bus: the database as `udev-rules/70-reflash.rules` makes udev write it, the node's
/// symlinks, and the properties that go out with each event.
struct UdevDatabase: Sendable {
    /// The tag, and the folder of symlinks, that the rule file gives to devices with a DFU interface.
    static let tag = "reflash"
    static let linkFolder = "reflash/by-path"

    let files: PrivateFiles

    func prepare() throws(SimulatorError) {
        for folder in ["/run/udev/data", "/run/udev/tags/\(Self.tag)", "/dev/\(Self.linkFolder)"] {
            try files.makeFolder(folder)
        }
        // libudev takes the absence of this as the absence of udev.
        try files.write("", to: "/run/udev/control")
    }

    func add(_ device: BusDevice) throws(SimulatorError) {
        let name = "c189:\(device.minor)"
        var lines = ["I:\(Int(ProcessInfo.processInfo.systemUptime * 1_000_000))"]
        lines += properties(of: device).map { "E:\($0.key)=\($0.value)" }
        if isOurs(device) {
            lines = ["S:\(Self.linkFolder)/\(Self.idPath(of: device.position))"] + lines
            lines += ["G:\(Self.tag)", "Q:\(Self.tag)"]
            try files.write("", to: "/run/udev/tags/\(Self.tag)/\(name)")
            try files.link("../..\(device.node.dropFirst(4))", at: "/dev/\(Self.linkFolder)/\(Self.idPath(of: device.position))")
        }
        try files.write((lines + ["V:1", ""]).joined(separator: "\n"), to: "/run/udev/data/\(name)")
        try addTTY(of: device)
    }

    /// Every tty on the bus is ours: the rule file takes those that hang on USB.
    private func addTTY(of device: BusDevice) throws(SimulatorError) {
        guard let number = device.ttyNumber, let node = device.ttyNode else { return }
        let name = "c\(SysfsTree.ttyMajor):\(number)"
        let link = "\(Self.linkFolder)/\(Self.ttyPath(of: device))"
        let lines =
            ["S:\(link)", "I:\(Int(ProcessInfo.processInfo.systemUptime * 1_000_000))"]
            + ttyProperties(of: device).map { "E:\($0.key)=\($0.value)" } + ["G:\(Self.tag)", "Q:\(Self.tag)", "V:1", ""]
        try files.write("", to: "/run/udev/tags/\(Self.tag)/\(name)")
        try files.link("../..\(node.dropFirst(4))", at: "/dev/\(link)")
        try files.write(lines.joined(separator: "\n"), to: "/run/udev/data/\(name)")
    }

    private func removeTTY(of device: BusDevice) {
        guard let number = device.ttyNumber else { return }
        let name = "c\(SysfsTree.ttyMajor):\(number)"
        files.remove("/run/udev/data/\(name)")
        files.remove("/run/udev/tags/\(Self.tag)/\(name)")
        files.remove("/dev/\(Self.linkFolder)/\(Self.ttyPath(of: device))")
    }

    /// ID_PATH of a tty: its USB device's, then configuration and interface.
    static func ttyPath(of device: BusDevice) -> String { "\(idPath(of: device.position)):1.0" }

    /// What udev's usb_id and path_id builtins find out about a tty.
    func ttyProperties(of device: BusDevice) -> [(key: String, value: String)] {
        let parents = properties(of: device).filter { $0.key != "ID_PATH" }
        return parents + [
            ("ID_PATH", Self.ttyPath(of: device)), ("ID_USB_INTERFACE_NUM", "00"), ("ID_USB_DRIVER", "cdc_acm"),
            ("ID_MM_DEVICE_IGNORE", "1"),
        ]
    }

    func remove(_ device: BusDevice) {
        removeTTY(of: device)
        let name = "c189:\(device.minor)"
        files.remove("/run/udev/data/\(name)")
        files.remove("/run/udev/tags/\(Self.tag)/\(name)")
        files.remove("/dev/\(Self.linkFolder)/\(Self.idPath(of: device.position))")
    }

    /// Whether the rule file's match, a DFU interface in either mode, fits.
    func isOurs(_ device: BusDevice) -> Bool {
        UsbView(device.descriptors).interfaces.contains {
            $0[5] == DFU.interfaceClass && $0[6] == DFU.interfaceSubclass
                && [DFU.runtimeProtocol, DFU.dfuModeProtocol].contains($0[7])
        }
    }

    /// What udev's usb_id and path_id builtins find out.
    func properties(of device: BusDevice) -> [(key: String, value: String)] {
        let bytes = UsbView(device.descriptors)
        let strings = device.strings
        func four(_ value: UInt16) -> String { Hex.lowercase([UInt8(value >> 8), UInt8(value & 0xff)]) }
        let codes = bytes.interfaces.map { Hex.lowercase($0[5...7]) }
        let distinct = codes.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        var properties: [(key: String, value: String)] = [
            ("ID_BUS", "usb"), ("ID_VENDOR_ID", four(bytes.idVendor)), ("ID_MODEL_ID", four(bytes.idProduct)),
            ("ID_REVISION", four(bytes.bcdDevice)), ("ID_VENDOR", Self.udevName(strings.manufacturer)),
            ("ID_MODEL", Self.udevName(strings.product)),
            ("ID_USB_INTERFACES", ":" + distinct.map { "\($0):" }.joined()),
        ]
        if !device.position.ports.isEmpty {
            properties += [("ID_PATH", Self.idPath(of: device.position))]
        }
        if isOurs(device) { properties.append(("ID_MM_DEVICE_IGNORE", "1")) }
        if !strings.serial.isEmpty { properties.append(("ID_SERIAL_SHORT", strings.serial)) }
        return properties
    }

    /// As udev's path_id builtin writes it.
    static func idPath(of position: USBPosition) -> String {
        "pci-\(SysfsTree.controller(of: position.bus))-usb-0:\(position.ports.map(String.init).joined(separator: "."))"
    }

    /// As udev replaces what it does not allow in names: of ASCII it allows letters, digits and these.
    private static func udevName(_ text: String) -> String {
        let bytes = text.utf8.map { byte -> UInt8 in
            switch byte {
            case 0x80..., UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            default: "#+-.:=@_".utf8.contains(byte) ? byte : UInt8(ascii: "_")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
