/// The sysfs side of a unit's tty, as the kernel's cdc_acm driver makes it below the control interface.
extension SysfsTree {
    /// Major number of ttyACM (Linux `Documentation/admin-guide/devices.txt`).
    static let ttyMajor = 166

    /// The tty's folder below /sys, without `/sys`: DEVPATH. `nil` for a device without a tty.
    static func ttyPath(of device: BusDevice) -> String? {
        device.ttyName.map { "\(path(of: device.position))/\(device.position):1.0/tty/\($0)" }
    }

    func addTTY(of device: BusDevice) throws(SimulatorError) {
        guard let path = Self.ttyPath(of: device), let name = device.ttyName, let number = device.ttyNumber else { return }
        let depth = path.split(separator: "/").count
        try files.write("\(Self.ttyMajor):\(number)\n", to: "/sys\(path)/dev")
        try files.write(ttyUevent(of: device), to: "/sys\(path)/uevent")
        try files.link("../../../\(device.position):1.0", at: "/sys\(path)/device")
        try files.link(String(repeating: "../", count: depth) + "class/tty", at: "/sys\(path)/subsystem")
        try files.link("../..\(path)", at: "/sys/class/tty/\(name)")
        try files.link("../..\(path)", at: "/sys/dev/char/\(Self.ttyMajor):\(number)")
    }

    func removeTTY(of device: BusDevice) {
        guard let name = device.ttyName, let number = device.ttyNumber else { return }
        files.remove("/sys/class/tty/\(name)")
        files.remove("/sys/dev/char/\(Self.ttyMajor):\(number)")
    }

    /// The kernel's own uevent properties.
    func ttyUevent(of device: BusDevice) -> String {
        "MAJOR=\(Self.ttyMajor)\nMINOR=\(device.ttyNumber ?? 0)\nDEVNAME=\(device.ttyName ?? "")\n"
    }
}
