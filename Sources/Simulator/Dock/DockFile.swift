public import BenchModel
public import ConfigFiles
internal import Firmware

/// A simulated dock as its YAML file describes it.
public struct DockDescription: Sendable {
    /// The dock's name, by which `hubsim ctl` finds it.
    public var name: String
    /// Slot label → where it is.
    public var slots: [(slot: SlotID, position: SlotPosition)]
    /// Units and, where they are plugged in from the start, the slot.
    public var units: [(unit: UnitDescription, slot: SlotID?)]
    /// Where flash contents are kept between runs; `nil` for nowhere.
    public var stateFolder: String?

    public init(
        name: String, slots: [(slot: SlotID, position: SlotPosition)], units: [(unit: UnitDescription, slot: SlotID?)], stateFolder: String?
    ) {
        self.name = name
        self.slots = slots
        self.units = units
        self.stateFolder = stateFolder
    }
}

/// Where a slot of the simulated dock is.
public enum SlotPosition: Hashable, Sendable {
    /// A USB port.
    case usb(USBPosition)
    /// A port of a serial device server on the loopback interface.
    case tcp(UInt16)

    /// Reads `1-1.2.3`, as sysfs writes it, or `tcp://127.0.0.1:PORT`.
    public init?(_ text: String) {
        if case .tcp(host: "127.0.0.1", let port) = SerialAddress(text) {
            self = .tcp(port)
        } else if let position = USBPosition(text) {
            self = .usb(position)
        } else {
            return nil
        }
    }

    /// Whether it is a USB port.
    public var isUSB: Bool { usb != nil }

    /// The USB port; `nil` for a device server's.
    var usb: USBPosition? { if case .usb(let position) = self { position } else { nil } }
}

extension SlotPosition: CustomStringConvertible {
    public var description: String {
        switch self {
        case .usb(let position): "\(position)"
        case .tcp(let port): "tcp://127.0.0.1:\(port)"
        }
    }
}

/// Where a device sits: bus number and the ports of each USB hub on the way, `1-1.2.3`.
public struct USBPosition: Hashable, Sendable, CustomStringConvertible {
    /// Bus number, 1 to 8.
    public let bus: Int
    /// The port of each USB hub on the way, and the device's own; empty for a root hub.
    public let ports: [Int]

    /// `nil` unless it is written `BUS-PORT[.PORT…]` with at most 6 ports, as many as USB 2.0 allows hubs and a device.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let bus = Int(parts[0]), (1...8).contains(bus) else { return nil }
        let ports = parts[1].split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard (1...6).contains(ports.count), ports.allSatisfy({ (1...31).contains($0) }) else { return nil }
        self.init(bus: bus, ports: ports)
    }

    init(bus: Int, ports: [Int]) {
        self.bus = bus
        self.ports = ports
    }

    /// The name in sysfs; a root hub is `usb1`.
    public var description: String {
        ports.isEmpty ? "usb\(bus)" : "\(bus)-\(ports.map(String.init).joined(separator: "."))"
    }

    /// The USB hub that it is plugged into; `nil` for a root hub.
    var parent: USBPosition? { ports.isEmpty ? nil : USBPosition(bus: bus, ports: ports.dropLast()) }
}

extension DockDescription {
    /// - Throws: ``ConfigError`` naming the file, the line and the field of the first mistake.
    public static func load(_ path: String) throws(ConfigError) -> DockDescription {
        try parse(TextFile.read(path), file: path)
    }

    /// As ``load(_:)``, from text; `file` is used in errors and to resolve relative paths.
    public static func parse(_ text: String, file: String) throws(ConfigError) -> DockDescription {
        let top = try YAMLField(text: text, file: file).fields(["dock", "state", "defaults", "slots", "units"])
        let folder = TextFile.folder(of: file)
        let defaults = try top["defaults"]?.fields(unitKeys)
        let slots = try slots(try top.required("slots"))
        return DockDescription(
            name: try top.required("dock").text(), slots: slots,
            units: try units(try top.required("units"), defaults: defaults, slots: slots.map(\.slot), folder: folder),
            stateFolder: try top["state"].map { field throws(ConfigError) in TextFile.resolve(try field.text(), in: folder) })
    }

    private static let unitKeys: Set<String> = [
        "variant", "model", "hardwareVersion", "firmware", "flashMiB", "transferSize", "manifestationTolerant", "timing", "serial",
    ]

    private static func slots(_ field: YAMLField) throws(ConfigError) -> [(slot: SlotID, position: SlotPosition)] {
        var slots: [(slot: SlotID, position: SlotPosition)] = []
        for (label, value) in try field.entries() {
            guard let slot = SlotID(label) else { throw value.error("expected a slot label, found '\(label)'") }
            let position = try value.value("a position such as 1-1.2.3, or tcp://127.0.0.1:PORT") { SlotPosition($0) }
            if let taken = slots.first(where: { $0.position == position }) {
                throw value.error("\(position) is already slot \(taken.slot)")
            }
            slots.append((slot, position))
        }
        for (slot, position) in slots {
            guard let port = position.usb else { continue }
            if let below = slots.first(where: { $0.position != position && $0.position.usb?.isBelow(port) == true }) {
                throw field.error("slot \(below.slot) (\(below.position)) would lie behind slot \(slot) (\(position))")
            }
        }
        return slots
    }

    private static func units(
        _ field: YAMLField, defaults: YAMLMapping?, slots: [SlotID], folder: String
    ) throws(ConfigError) -> [(unit: UnitDescription, slot: SlotID?)] {
        var units: [(unit: UnitDescription, slot: SlotID?)] = []
        for item in try field.items() {
            let fields = try item.fields(unitKeys.union(["chfId", "gpfId", "slot", "faults"]))
            let slot = try fields["slot"].map { field throws(ConfigError) -> SlotID in
                try field.value("the label of a slot above") { text in slots.first { $0.label == text } }
            }
            if let slot, units.contains(where: { $0.slot == slot }) { throw item.error("slot \(slot) is already taken") }
            let unit = try unit(fields, defaults: defaults, folder: folder)
            if units.contains(where: { $0.unit.chfId == unit.chfId }) {
                throw item.error("CHF ID \(unit.chfId) is already another unit's")
            }
            units.append((unit, slot))
        }
        return units
    }

    private static func unit(
        _ own: YAMLMapping, defaults: YAMLMapping?, folder: String
    ) throws(ConfigError) -> UnitDescription {
        func field(_ key: String) -> YAMLField? { own[key] ?? defaults?[key] }
        func required(_ key: String) throws(ConfigError) -> YAMLField {
            if let field = field(key) { return field }
            return try own.required(key)
        }
        return UnitDescription(
            variant: try required("variant").value(Variant.allCases.map(\.rawValue).joined(separator: " or ")) { Variant(rawValue: $0) },
            chfId: try required("chfId").value("an EUI-64") { EUI64($0) },
            gpfId: try required("gpfId").value("an EUI-64") { EUI64($0) },
            model: try required("model").text(),
            hardwareVersion: try required("hardwareVersion").value("4 hex digits") { HardwareVersion($0) },
            firmware: try firmware(try required("firmware"), folder: folder),
            timing: try field("timing").map(timing) ?? UnitTiming(),
            flashSize: (try field("flashMiB")?.integer(in: 1...256) ?? 4) << 20,
            transferSize: try field("transferSize")?.integer(in: 64...4096) ?? 4096,
            manifestationTolerant: try field("manifestationTolerant")?.flag() ?? true,
            serial: try field("serial").map(serial) ?? UnitDescription.SerialDescription(),
            faults: try own["faults"].map(faults) ?? [])
    }

    private static func firmware(_ field: YAMLField, folder: String) throws(ConfigError) -> UnitDescription.Firmware {
        let fields = try field.fields(["version", "file", "empty"])
        if let empty = fields["empty"], try empty.flag() { return .empty }
        if let file = fields["file"] { return .file(TextFile.resolve(try file.text(), in: folder)) }
        return .factory(try fields.required("version").value("8 hex digits") { FirmwareVersion($0) })
    }

    private static func timing(_ field: YAMLField) throws(ConfigError) -> UnitTiming {
        let fields = try field.fields(["erase", "program", "manifest", "detach", "reboot"])
        var timing = UnitTiming()
        if let erase = fields["erase"] { timing.erase = try erase.duration() }
        if let program = fields["program"] { timing.program = try program.duration() }
        if let manifest = fields["manifest"] { timing.manifest = try manifest.duration() }
        if let detach = fields["detach"] { timing.detach = try detach.duration() }
        if let reboot = fields["reboot"] { timing.reboot = try reboot.duration() }
        return timing
    }

    private static func serial(_ field: YAMLField) throws(ConfigError) -> UnitDescription.SerialDescription {
        let fields = try field.fields(["baud", "framing", "bufferSize", "bufferCount", "activation", "frugal"])
        var serial = UnitDescription.SerialDescription()
        if let baud = fields["baud"] { serial.baud = try baud.integer(in: 300...12_000_000) }
        if let framing = fields["framing"] { serial.framing = try framing.smpFraming() }
        if let size = fields["bufferSize"] { serial.buffers.size = try size.integer(in: 96...SMPBuffers.sizeLimit) }
        if let count = fields["bufferCount"] { serial.buffers.count = try count.integer(in: 1...SMPBuffers.countLimit) }
        if let activation = fields["activation"] { serial.activation = try activation.choice() }
        if let frugal = fields["frugal"] { serial.isFrugal = try frugal.flag() }
        return serial
    }

    private static func faults(_ field: YAMLField) throws(ConfigError) -> [Fault] {
        var faults: [Fault] = []
        for item in try field.items() {
            let fields = try item.fields(["kind", "atByte", "atBlock", "inState", "request", "status", "value", "times"])
            let kinds = Fault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            var fault = Fault(try fields.required("kind").value("one of \(kinds)") { Fault.Kind(rawValue: $0) })
            fault.atByte = try fields["atByte"]?.integer(in: 0...Int(Int32.max))
            fault.atBlock = try fields["atBlock"]?.integer(in: 0...Int(Int32.max))
            fault.inState = try fields["inState"]?.text()
            fault.request = try fields["request"]?.text()
            fault.status = try fields["status"]?.text()
            fault.value = try fields["value"]?.text()
            fault.times =
                try fields["times"].map { field throws(ConfigError) -> Int? in
                    try field.text() == "always" ? nil : try field.integer(in: 1...1_000_000)
                } ?? 1
            faults.append(fault)
        }
        return faults
    }
}

extension USBPosition {
    /// Whether it lies behind a device at `other`.
    func isBelow(_ other: USBPosition) -> Bool {
        bus == other.bus && ports.count > other.ports.count && ports.starts(with: other.ports)
    }
}
