internal import BenchModel
internal import Firmware
internal import Links
internal import Protocols

/// A 4G Communications Hub on the level of USB requests: its firmware with a DFU run-time interface, its bootloader, its
/// flash, its identity and its faults. Pure: time comes in with each request, and what it does beyond answering goes out as actions.
struct SimulatedUnit4G: SimulatedUnit {
    /// pid.codes' vendor id, and product ids that are ours to use in a simulation.
    static let idVendor: UInt16 = 0x1209
    static let runtimeProduct: UInt16 = 0x4C01
    static let bootloaderProduct: UInt16 = 0x4C02

    let description: UnitDescription
    private(set) var mode = UnitMode.runtime
    private(set) var counters = Bootloader.Counters()
    var faults = FaultPlan()
    private var serial: EUI64
    private var version: FirmwareVersion?
    private var flash: [UInt8: SimulatedFlash]
    private var bootloader: Bootloader
    private var alternates: [UInt8: UInt8] = [:]
    private var hang = Hang()
    /// Counted, for what a bootloader has put off is off once the unit has started again.
    private var starts = 0

    /// `folder` keeps the flash between runs; `firmware` fills it where it is empty.
    init(_ description: UnitDescription, folder: String?, firmware: [UInt8]) {
        self.description = description
        serial = description.chfId
        bootloader = Bootloader(description)
        flash = Dictionary(
            uniqueKeysWithValues: Bootloader.partitions.map { alternate, name in
                (alternate, SimulatedFlash(capacity: description.flashSize, file: folder.map { "\($0)/\(name).bin" }))
            })
        if flash[0]?.content.isEmpty == true { flash[0]?.replace(with: firmware) }
        for fault in description.faults { faults.add(fault) }
        boot()
    }

    /// What the application flash holds.
    var application: [UInt8] { flash[0]?.content ?? [] }

    /// The version that the unit would tell; `nil` in its bootloader.
    var reportedVersion: FirmwareVersion? { mode == .runtime ? version : nil }

    /// Starts the firmware if the bootloader finds it good, and stays in the bootloader otherwise.
    mutating func boot() {
        startBootloader()
        if let image = Bootloader.validImage(in: flash[0]) {
            let wrong = faults.lasting(.wrongVersion)?.value.flatMap { FirmwareVersion($0) }
            version = wrong ?? image.version.firmwareVersion
            mode = .runtime
        } else {
            mode = .bootloader
        }
    }

    private mutating func startBootloader() {
        starts += 1
        bootloader = Bootloader(description)
        alternates = [:]
    }

    // MARK: Descriptors

    var strings: (manufacturer: String, product: String, serial: String) {
        ("Simulated", mode == .runtime ? "4G Communications Hub" : "4G Communications Hub (bootloader)", serial.compact)
    }

    /// Indices of the string descriptors beside the device descriptor's own three.
    private func string(_ index: UInt8) -> String? {
        switch index {
        case 1: strings.manufacturer
        case 2: strings.product
        case 3: strings.serial
        case 4: reportedVersion?.description
        case 5: description.model
        case 6: description.hardwareVersion.description
        case 7: Bootloader.partitions[0]
        case 8: Bootloader.partitions[1]
        case 9: "DFU"
        default: nil
        }
    }

    var descriptors: [UInt8] {
        let honest = DescriptorBuilder(
            idVendor: Self.idVendor, idProduct: mode == .runtime ? Self.runtimeProduct : Self.bootloaderProduct,
            bcdDevice: UInt16(truncatingIfNeeded: reportedVersion?.rawValue ?? 0), manufacturer: 1, product: 2, serial: 3,
            interfaces: mode == .runtime ? runtimeInterfaces : bootloaderInterfaces
        ).bytes
        if let cut = faults.lasting(.truncatedDescriptors)?.value.flatMap({ Int($0) }) { return Array(honest.prefix(cut)) }
        if let seed = faults.lasting(.garbageDescriptors)?.value.flatMap({ UInt64($0) }) {
            var noise = SplitMix64(state: seed)
            return honest.map { _ in UInt8.random(in: 0...255, using: &noise) }
        }
        if faults.lasting(.hugeDescriptors) != nil { return Array(honest[..<20]) + [0xFF, 0xFF] + honest[22...] }
        return honest
    }

    private var functional: [UInt8] {
        var attributes: DFUFunctionalDescriptor.Attributes = [.canDownload, .canUpload, .willDetach]
        if description.manifestationTolerant { attributes.insert(.manifestationTolerant) }
        var bytes: [UInt8] = [9, DFU.functionalDescriptor, attributes.rawValue]
        bytes.appendLittleEndian(UInt16(1000))
        bytes.appendLittleEndian(UInt16(description.transferSize))
        bytes.appendLittleEndian(UInt16(0x0110))
        return bytes
    }

    private var runtimeInterfaces: [DescriptorBuilder.Interface] {
        [
            .init(
                number: 0, interfaceClass: 0xFF, interfaceSubclass: 0, interfaceProtocol: 0,
                following: [
                    DescriptorBuilder.endpoint(0x81, attributes: 2, maxPacket: 512),
                    DescriptorBuilder.endpoint(0x01, attributes: 2, maxPacket: 512),
                ]),
            .init(
                number: 1, interfaceClass: DFU.interfaceClass, interfaceSubclass: DFU.interfaceSubclass,
                interfaceProtocol: DFU.runtimeProtocol, name: 9, following: [functional]),
        ]
    }

    private var bootloaderInterfaces: [DescriptorBuilder.Interface] {
        [UInt8(0), 1].map { alternate in
            .init(
                number: 0, alternate: alternate, interfaceClass: DFU.interfaceClass,
                interfaceSubclass: DFU.interfaceSubclass, interfaceProtocol: DFU.dfuModeProtocol, name: 7 + alternate,
                following: alternate == 1 ? [functional] : [])
        }
    }

    // MARK: Requests

    mutating func control(_ setup: SetupPacket, _ data: [UInt8], now: Duration) -> (ControlReply, [DeviceAction]) {
        let name = Self.name(of: setup)
        hang.meet(name, &faults)
        guard !hang.isOn else { return (.silence, []) }
        // Asked first: descriptors are made anew each time.
        if setup.isStandard,
            let reply = StandardRequests.answer(
                setup, descriptors: descriptors, string: string, alternates: &alternates)
        {
            if mode == .bootloader { bootloader.select(alternate: alternates[0] ?? 0) }
            return (reply, [])
        }
        guard let request = Self.request(setup) else { return (.stall, []) }
        switch mode {
        case .runtime: return runtime(request)
        case .bootloader:
            return bootloader.request(
                request, setup, data, now: now, flash: &flash, faults: &faults, counters: &counters)
        }
    }

    private static func request(_ setup: SetupPacket) -> DFURequest? {
        [DFU.hostToDevice, DFU.deviceToHost].contains(setup.type) ? DFURequest(rawValue: setup.request) : nil
    }

    /// A DFU request's name; of the standard ones only that which asks for a descriptor has one here.
    private static func name(of setup: SetupPacket) -> String? {
        setup.type == 0x80 && setup.request == 6 ? "GET_DESCRIPTOR" : request(setup)?.name
    }

    private mutating func runtime(_ request: DFURequest) -> (ControlReply, [DeviceAction]) {
        if faults.take(.stall, where: { $0.request == request.name }) != nil { return (.stall, []) }
        if faults.take(.silence, where: { $0.request == request.name }) != nil { return (.silence, []) }
        switch request {
        case .detach:
            let answer: ControlReply = faults.take(.lineError, where: { $0.request == request.name }) != nil ? .lineError : .done
            mode = .bootloader
            startBootloader()
            return (answer, [.reenumerate(after: description.timing.detach, slot: nil)])
        case .getStatus:
            return (.data(DFUStatus(status: .ok, pollTimeout: .zero, state: .appIDLE).bytes), [])
        case .getState:
            return (.data([DFUState.appIDLE.rawValue]), [])
        default:
            return (.stall, [])
        }
    }

    mutating func portReset(now: Duration) -> [DeviceAction] {
        guard hang.portReset(), mode == .bootloader else { return [] }
        boot()
        if faults.take(.neverReturns) != nil { return [.die] }
        if let other = faults.take(.returnsAs)?.value.flatMap({ EUI64($0) }) { serial = other }
        let back = DeviceAction.reenumerate(after: description.timing.reboot, slot: faults.take(.returnsIn)?.value)
        guard mode == .runtime, let window = faults.lasting(.dfuWindow)?.value.flatMap({ Int($0) }) else { return [back] }
        mode = .bootloader
        return [back, .startFirmware(after: description.timing.reboot + .milliseconds(window), start: starts)]
    }

    mutating func startFirmware(start: Int) -> Bool {
        guard start == starts, mode == .bootloader, bootloader.state == .dfuIDLE else { return false }
        boot()
        return mode == .runtime
    }

    /// Power is gone and comes back: what was being written stays half written.
    mutating func powerCycle() {
        hang.powerCycle()
        boot()
    }
}

/// A small seeded generator (SplitMix64), the same for the same seed everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(state: UInt64) { self.state = state }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
