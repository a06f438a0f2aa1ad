internal import BenchModel
internal import Firmware
internal import Protocols

/// What a unit's SMP server works on.
struct UnitState: Sendable {
    /// Image number → its two slots.
    var images: [Int: MCUbootSlots]
    var faults = FaultPlan()
    var hang = Hang()
    var chfId: EUI64
    /// Whether its firmware runs; without, its bootloader's serial recovery.
    var isRunning = false
    /// The version that the running firmware says.
    var version: MCUbootImage.Version?
    /// Images whose confirmation was answered and not kept.
    var claimConfirmed: Set<Int> = []
    /// Whether flags that are false are left out.
    var isFrugal = false

    /// SHA-256 of what a slot holds.
    func hash(ofImage image: Int, slot: Int) -> [UInt8]? {
        images[image].map { SHA256Value.of($0.slots[slot].content).bytes }
    }

    /// Every slot with an image, as Zephyr lists it; the bootloader's recovery lists the primary ones, with less to say of them.
    var imageState: ImageGroup.State {
        var states: [ImageGroup.SlotState] = []
        for (number, slots) in images.sorted(by: { $0.key < $1.key }) {
            for slot in slots.slots.indices {
                guard let image = slots.image(slot) else { continue }
                let isActive = isRunning && slot == slots.active
                let shown = isActive && number == 0 ? version ?? image.version : image.version
                var state = ImageGroup.SlotState(
                    image: images.count > 1 ? number : nil, slot: slot, version: Self.text(shown), hash: image.hash)
                if isRunning {
                    state.bootable = true
                    state.active = isActive
                    state.confirmed =
                        isActive ? slots.isConfirmed || claimConfirmed.contains(number) : !slots.isConfirmed
                    state.pending = slot == slots.spare && slots.pending != .none
                    state.permanent = slot == slots.spare && slots.pending == .permanent
                }
                if isFrugal { state.leaveOutFalse() }
                if isRunning || slot == 0 { states.append(state) }
            }
        }
        return ImageGroup.State(states, splitStatus: isRunning ? 0 : nil)
    }

    private static func text(_ version: MCUbootImage.Version) -> String {
        "\(version.major).\(version.minor).\(version.revision)" + (version.build == 0 ? "" : ".\(version.build)")
    }
}

extension ImageGroup.SlotState {
    fileprivate mutating func leaveOutFalse() {
        for flag in [\Self.bootable, \.pending, \.confirmed, \.active, \.permanent] where self[keyPath: flag] == false {
            self[keyPath: flag] = nil
        }
    }
}

/// A 2G/3G Communications Hub on the level of serial bytes: firmware with an SMP server, MCUboot with two slots an image, its
/// identity and its faults. Docked at a USB port it is a CDC-ACM device. Pure: time comes in with each call.
struct SimulatedUnit2G3G: SimulatedUnit {
    /// pid.codes' vendor id, and a product id that is ours to use in a simulation.
    static let idVendor: UInt16 = 0x1209
    static let product: UInt16 = 0x2C01
    /// Zephyr's `CONFIG_MCUMGR_GRP_OS_RESET_MS`, shortened: from the answer to a reset until it happens.
    static let resetDelay = Duration.milliseconds(20)

    let description: UnitDescription
    private var state: UnitState
    private var server: SimulatedSMPServer
    private var toUnit: LineFaults
    private var toHost: LineFaults
    private var alternates: [UInt8: UInt8] = [:]
    private var lineControl = LineControl()
    /// The unit says nothing and hears nothing until then.
    private var upAt: Duration = .zero
    /// A reset that was answered and is about to happen.
    private var reboot: (at: Duration, bootloader: Bool)?
    private var output: [UInt8] = []

    init(_ description: UnitDescription, folder: String?, firmware: [UInt8]) {
        self.description = description
        func slots(_ name: String, _ firmware: [UInt8]) -> MCUbootSlots {
            MCUbootSlots(
                file: { file in folder.map { "\($0)/\(file)" } }, name: name, activation: description.serial.activation,
                firmware: firmware)
        }
        state = UnitState(images: [0: slots("application", firmware)], chfId: description.chfId)
        state.isFrugal = description.serial.isFrugal
        for fault in description.faults { state.faults.add(fault) }
        server = SimulatedSMPServer(description)
        let delimiter: UInt8? =
            switch description.serial.framing {
            case .console: UInt8(ascii: "\n")
            case .cobs: 0
            case .raw: nil
            }
        toUnit = LineFaults(delimiter: delimiter)
        toHost = LineFaults(delimiter: delimiter)
        boot()
    }

    var faults: FaultPlan {
        get { state.faults }
        set { state.faults = newValue }
    }

    var mode: UnitMode { state.isRunning ? .runtime : .bootloader }
    var counters: Bootloader.Counters { server.counters }
    var baud: Int? { description.serial.baud }
    var hostLine: HostLine? { lineControl.host }

    /// What the slot holds that runs, or would be written.
    var application: [UInt8] { state.images[0].map { $0.slots[$0.active].content } ?? [] }
    var reportedVersion: FirmwareVersion? { state.isRunning ? state.version?.firmwareVersion : nil }

    /// For a unit with more images than the application.
    mutating func addImage(_ number: Int, firmware: [UInt8]) {
        state.images[number] = MCUbootSlots(
            file: { _ in nil }, name: "image-\(number)", activation: description.serial.activation, firmware: firmware)
    }

    private mutating func boot(into bootloader: Bool = false) {
        for number in state.images.keys { state.images[number]?.boot() }
        state.claimConfirmed = []
        let image = state.images[0].flatMap { $0.image($0.active) }
        state.isRunning = image != nil && !bootloader
        let wrong = state.faults.lasting(.wrongVersion)?.value.flatMap { FirmwareVersion($0) }
        state.version = wrong.map { MCUbootImage.Version($0) } ?? image?.version
        let counters = server.counters
        server = SimulatedSMPServer(description, counters: counters)
        output = []
        if case .console = description.serial.framing {
            let version = state.version.map { "I: Image version: v\($0)" } ?? "E: Unable to find bootable image"
            output = Array("*** Booting MCUboot v2.2.0 ***\r\nI: Starting bootloader\r\n\(version)\r\n".utf8)
        }
    }

    mutating func powerCycle() {
        reboot = nil
        upAt = .zero
        lineControl = LineControl()
        state.hang.powerCycle()
        boot()
    }

    // MARK: Serial

    mutating func receive(_ bytes: [UInt8], now: Duration) {
        guard now >= upAt, !state.hang.isOn, reboot.map({ now < $0.at }) ?? true else { return }
        server.receive(toUnit.pass(bytes, &state.faults), now: now, &state)
    }

    mutating func proceed(now: Duration) -> SerialTurn {
        var turn = SerialTurn()
        if let due = reboot, now >= due.at {
            reboot = nil
            lineControl = LineControl()
            boot(into: due.bootloader)
            upAt = due.at + description.timing.reboot
            turn.actions = leave()
        }
        guard now >= upAt else {
            turn.wake = upAt
            return turn
        }
        while reboot == nil, let reply = server.finish(now: now, &state) {
            if let message = reply.message, let bytes = try? message.encoded() {
                output += toHost.pass(description.serial.framing.encode(bytes), &state.faults)
            }
            for action in reply.actions {
                switch action {
                case .unplug: turn.actions.append(.unplug)
                case .reboot(let bootloader): reboot = (now + Self.resetDelay, bootloader)
                }
            }
        }
        turn.output = output
        output = []
        turn.wake = [server.doneAt, reboot?.at].compactMap { $0 }.min()
        return turn
    }

    private mutating func leave() -> [DeviceAction] {
        if state.faults.take(.neverReturns) != nil { return [.die] }
        if let other = state.faults.take(.returnsAs)?.value.flatMap({ EUI64($0) }) { state.chfId = other }
        return [.reenumerate(after: description.timing.reboot, slot: state.faults.take(.returnsIn)?.value)]
    }

    // MARK: USB

    var strings: (manufacturer: String, product: String, serial: String) {
        ("Simulated", "2G/3G Communications Hub", state.chfId.compact)
    }

    /// USB CDC 1.2 and PSTN 1.2: a control and a data interface.
    var descriptors: [UInt8] {
        DescriptorBuilder(
            deviceClass: 2, idVendor: Self.idVendor, idProduct: Self.product, bcdDevice: 0x0100, manufacturer: 1, product: 2,
            serial: 3,
            interfaces: [
                .init(
                    number: 0, interfaceClass: 2, interfaceSubclass: 2, interfaceProtocol: 0,
                    following: [
                        [5, 0x24, 0, 0x10, 0x01], [5, 0x24, 1, 0, 1], [4, 0x24, 2, 2], [5, 0x24, 6, 0, 1],
                        DescriptorBuilder.endpoint(0x82, attributes: 3, maxPacket: 16, interval: 10),
                    ]),
                .init(
                    number: 1, interfaceClass: 10, interfaceSubclass: 0, interfaceProtocol: 0,
                    following: [
                        DescriptorBuilder.endpoint(0x81, attributes: 2, maxPacket: 512),
                        DescriptorBuilder.endpoint(0x01, attributes: 2, maxPacket: 512),
                    ]),
            ]
        ).bytes
    }

    mutating func control(_ setup: SetupPacket, _ data: [UInt8], now: Duration) -> (ControlReply, [DeviceAction]) {
        guard !state.hang.isOn else { return (.silence, []) }
        let reply =
            StandardRequests.answer(setup, descriptors: descriptors, strings: strings, alternates: &alternates)
            ?? lineControl.answer(setup, data)
        return (reply ?? .stall, [])
    }

    mutating func portReset(now: Duration) -> [DeviceAction] {
        _ = state.hang.portReset()
        return []
    }
}
