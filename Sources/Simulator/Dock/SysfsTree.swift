internal import Foundation

/// The sysfs side of the simulated bus: one folder a device with the attributes that libusb, libudev and usbutils read, and
/// the links by which they find it.
struct SysfsTree: Sendable {
    /// The PCI address of a bus' host controller, as ID_PATH has it: each bus has its own.
    static func controller(of bus: Int) -> String { "0000:00:\(String(0x13 + bus, radix: 16)).0" }

    private static func folder(ofController bus: Int) -> String { "/sys/devices/pci0000:00/\(controller(of: bus))" }

    let files: PrivateFiles

    /// What does not depend on any device.
    func prepare() throws(SimulatorError) {
        for folder in [
            "/sys/bus/usb/devices", "/sys/bus/usb/drivers", "/sys/bus/pci/devices", "/sys/dev/char", "/sys/dev/block",
            "/sys/class/tty",
        ] {
            try files.makeFolder(folder)
        }
        // usbcore's default, megabytes.
        try files.write("16\n", to: "/sys/module/usbcore/parameters/usbfs_memory_mb")
    }

    /// The device's folder below /sys, without `/sys`: DEVPATH.
    static func path(of position: USBPosition) -> String {
        var path = String(folder(ofController: position.bus).dropFirst(4)) + "/usb\(position.bus)"
        for count in position.ports.indices {
            path += "/\(USBPosition(bus: position.bus, ports: Array(position.ports[...count])))"
        }
        return path
    }

    func add(_ device: BusDevice) throws(SimulatorError) {
        if device.position.ports.isEmpty { try addController(of: device.position.bus) }
        let path = Self.path(of: device.position)
        let folder = "/sys\(path)"
        let name = device.position.description
        let depth = path.split(separator: "/").count
        for (attribute, value) in attributes(of: device) { try files.write("\(value)\n", to: "\(folder)/\(attribute)") }
        try files.write(device.descriptors, to: "\(folder)/descriptors")
        // As the rule file sets it.
        try files.write("on\n", to: "\(folder)/power/control")
        try files.write(uevent(of: device), to: "\(folder)/uevent")
        try files.link(String(repeating: "../", count: depth) + "bus/usb", at: "\(folder)/subsystem")
        try files.link("../../..\(path)", at: "/sys/bus/usb/devices/\(name)")
        try files.link("../..\(path)", at: "/sys/dev/char/189:\(device.minor)")
        try addInterfaces(of: device, folder: folder, depth: depth)
        try addTTY(of: device)
    }

    private func addController(of bus: Int) throws(SimulatorError) {
        let folder = Self.folder(ofController: bus)
        try files.write("PCI_SLOT_NAME=\(Self.controller(of: bus))\n", to: "\(folder)/uevent")
        try files.link("../../../bus/pci", at: "\(folder)/subsystem")
    }

    func remove(_ device: BusDevice) {
        let path = Self.path(of: device.position)
        files.remove("/sys/bus/usb/devices/\(device.position)")
        for interface in interfaces(of: device) { files.remove("/sys/bus/usb/devices/\(interface.name)") }
        files.remove("/sys/dev/char/189:\(device.minor)")
        removeTTY(of: device)
        files.remove("/sys\(path)")
    }

    /// The kernel's own uevent properties.
    func uevent(of device: BusDevice) -> String {
        let bytes = UsbView(device.descriptors)
        return """
            MAJOR=189
            MINOR=\(device.minor)
            DEVNAME=\(device.node.dropFirst(5))
            DEVTYPE=usb_device
            DRIVER=usb
            PRODUCT=\(hex(bytes.idVendor))/\(hex(bytes.idProduct))/\(hex(bytes.bcdDevice))
            TYPE=\(bytes.deviceClass)/0/0
            BUSNUM=\(BusDevice.padded(device.position.bus))
            DEVNUM=\(BusDevice.padded(device.number))

            """
    }

    private func attributes(of device: BusDevice) -> [(String, String)] {
        let bytes = UsbView(device.descriptors)
        let strings = device.strings
        var attributes: [(String, String)] = [
            ("busnum", "\(device.position.bus)"), ("devnum", "\(device.number)"),
            ("devpath", device.position.ports.isEmpty ? "0" : device.position.ports.map(String.init).joined(separator: ".")),
            ("idVendor", four(bytes.idVendor)), ("idProduct", four(bytes.idProduct)), ("bcdDevice", four(bytes.bcdDevice)),
            ("manufacturer", strings.manufacturer), ("product", strings.product), ("speed", "480"), ("version", " 2.00"),
            ("bConfigurationValue", "1"), ("bNumConfigurations", "1"), ("bNumInterfaces", " \(interfaces(of: device).count)"),
            ("bmAttributes", "c0"), ("bMaxPower", "100mA"), ("bMaxPacketSize0", "64"),
            ("bDeviceClass", two(bytes.deviceClass)), ("bDeviceSubClass", "00"), ("bDeviceProtocol", "00"),
            ("maxchild", "\(device.ports)"), ("configuration", ""), ("rx_lanes", "1"), ("tx_lanes", "1"), ("dev", "189:\(device.minor)"),
            ("authorized", "1"),
        ]
        if !strings.serial.isEmpty { attributes.append(("serial", strings.serial)) }
        return attributes
    }

    private func addInterfaces(of device: BusDevice, folder: String, depth: Int) throws(SimulatorError) {
        for interface in interfaces(of: device) {
            let path = "\(folder)/\(interface.name)"
            let fields = interface.fields
            for (attribute, value) in [
                ("bInterfaceNumber", two(fields[2])), ("bAlternateSetting", " \(fields[3])"), ("bNumEndpoints", two(fields[4])),
                ("bInterfaceClass", two(fields[5])), ("bInterfaceSubClass", two(fields[6])),
                ("bInterfaceProtocol", two(fields[7])),
            ] {
                try files.write("\(value)\n", to: "\(path)/\(attribute)")
            }
            try files.write(
                "DEVTYPE=usb_interface\nINTERFACE=\(fields[5])/\(fields[6])/\(fields[7])\n", to: "\(path)/uevent")
            try files.link(String(repeating: "../", count: depth + 1) + "bus/usb", at: "\(path)/subsystem")
            try files.link(
                "../../..\(Self.path(of: device.position))/\(interface.name)", at: "/sys/bus/usb/devices/\(interface.name)")
        }
    }

    private func interfaces(of device: BusDevice) -> [(name: String, fields: [UInt8])] {
        let name = device.position.ports.isEmpty ? "\(device.position.bus)-0" : "\(device.position)"
        return UsbView(device.descriptors).interfaces.filter { $0[3] == 0 }.map { ("\(name):1.\($0[2])", $0) }
    }

    private func two(_ value: UInt8) -> String { String(format: "%02x", value) }
    private func four(_ value: UInt16) -> String { String(format: "%04x", value) }
    private func hex(_ value: UInt16) -> String { String(value, radix: 16) }
}

/// The fields of descriptor bytes that sysfs and udev show, read as far as they go: a simulated unit may lie.
struct UsbView {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var deviceClass: UInt8 { bytes.count > 4 ? bytes[4] : 0 }
    var idVendor: UInt16 { word(8) }
    var idProduct: UInt16 { word(10) }
    var bcdDevice: UInt16 { word(12) }

    /// Interface descriptors of 9 bytes.
    var interfaces: [[UInt8]] {
        var found: [[UInt8]] = []
        var offset = 18
        while offset + 1 < bytes.count, bytes[offset] >= 2, offset + Int(bytes[offset]) <= bytes.count {
            if bytes[offset + 1] == 4, bytes[offset] == 9 { found.append(Array(bytes[offset..<offset + 9])) }
            offset += Int(bytes[offset])
        }
        return found
    }

    private func word(_ offset: Int) -> UInt16 {
        offset + 1 < bytes.count ? UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8 : 0
    }
}
