/// How one kind of unit is recognised, asked and written. No port or product id of a production unit is public, so all of
/// it is configuration.
public struct DeviceProfile: Sendable, Equatable, Codable {
    /// The name that is recorded with each session.
    public var name: String
    /// Which Communications Hub it describes.
    public var variant: Variant
    /// What the unit speaks.
    public var conversation: Conversation
    /// udev properties that the unit has in run-time mode; all must be equal. Empty where a slot names the profile, or where the unit has no
    /// such mode.
    public var runtime: [String: String]
    /// udev properties that the unit has in its bootloader; all must be equal. Empty where it is not another device there.
    public var bootloader: [String: String]
    /// Where the CHF ID comes from.
    public var identity: IdentitySource
    /// Where the installed version comes from.
    public var version: ValueSource
    /// Where the model comes from.
    public var model: ValueSource
    /// Where the hardware version comes from.
    public var hardwareVersion: ValueSource
    /// Component name → its place: the DFU alternate setting, or the SMP image number.
    public var components: [String: UInt8]
    /// How long each wait may take.
    public var bounds: SessionBounds
    /// Whether a reset starts the unit's firmware. Where it does not, the unit is met in DFU mode alone, and its flash is all that is seen.
    public var restarts = true
    /// Bytes a second that a unit takes at the most, for the share of the bus that it is given.
    public var rate = 240_000
    /// The weakest proof that counts; below it an outcome is `unknown: unproven`.
    public var leastProof: Proof

    public init(
        name: String, variant: Variant, conversation: Conversation = .dfu, runtime: [String: String] = [:],
        bootloader: [String: String] = [:],
        identity: IdentitySource = .serialNumber, version: ValueSource = .absent, model: ValueSource = .absent,
        hardwareVersion: ValueSource = .absent, components: [String: UInt8], bounds: SessionBounds = SessionBounds(),
        leastProof: Proof = .flashReadback
    ) {
        self.name = name
        self.variant = variant
        self.conversation = conversation
        self.runtime = runtime
        self.bootloader = bootloader
        self.identity = identity
        self.version = version
        self.model = model
        self.hardwareVersion = hardwareVersion
        self.components = components
        self.bounds = bounds
        self.leastProof = leastProof
    }

    /// The mode that a device with these udev properties is in; `nil` when it is none of ours.
    public func mode(of properties: [String: String]) -> UnitMode? {
        if Self.fits(runtime, properties) { return .runtime }
        if Self.fits(bootloader, properties) { return .bootloader }
        return nil
    }

    private static func fits(_ wanted: [String: String], _ properties: [String: String]) -> Bool {
        !wanted.isEmpty && wanted.allSatisfy { properties[$0.key] == $0.value }
    }

    /// What a profile's units speak.
    public enum Conversation: Sendable, Equatable, Codable {
        /// USB DFU 1.1.
        case dfu
        /// SMP over a serial line.
        case smp(SMPSettings)
    }

    /// How the units speak SMP; `nil` where they do not.
    public var smp: SMPSettings? {
        if case .smp(let settings) = conversation { settings } else { nil }
    }
}

/// Whether a unit runs its firmware or its bootloader.
public enum UnitMode: String, Sendable, Codable {
    case runtime
    case bootloader
}

/// Where a unit's CHF ID comes from.
public enum IdentitySource: Sendable, Equatable {
    /// The USB string descriptor iSerialNumber. Not of a USB-serial adapter: that is the adapter's.
    case serialNumber
    /// The unit's answer to SMP's OS info with this format letter.
    case osInfo(Character)
    /// A bare board without one; outcomes then say that identity is not proven.
    case none

    /// `serial-number`, `os-info LETTER` or `none`, as the config has it.
    public init?(_ text: String) {
        switch text {
        case "serial-number": self = .serialNumber
        case "none": self = .none
        default:
            guard let letter = OSInfo.letter(of: text) else { return nil }
            self = .osInfo(letter)
        }
    }
}

extension IdentitySource: CustomStringConvertible, Codable {
    public var description: String {
        switch self {
        case .serialNumber: "serial-number"
        case .osInfo(let letter): "os-info \(letter)"
        case .none: "none"
        }
    }

    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "where an identity comes from") { IdentitySource($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}

/// The letter of `os-info n`; those of Zephyr's OS info that ask for one part.
private enum OSInfo {
    static func letter(of text: String) -> Character? {
        guard text.hasPrefix("os-info "), text.count == 9, let letter = text.last, "snrvbmpio".contains(letter) else { return nil }
        return letter
    }
}

/// Where a value that a unit says of itself comes from.
public enum ValueSource: Sendable, Equatable {
    /// USB string descriptor of this index.
    case string(UInt8)
    /// The device descriptor's bcdDevice, 16 bits.
    case bcdDevice
    /// The unit's answer to SMP's OS info with this format letter.
    case osInfo(Character)
    /// The version of the image that runs, as SMP's image state has it.
    case imageState
    /// The unit does not say it.
    case absent

    /// `string N`, `bcd-device`, `os-info LETTER`, `image-state` or `none`, as the config has it.
    public init?(_ text: String) {
        switch text {
        case "none": self = .absent
        case "bcd-device": self = .bcdDevice
        case "image-state": self = .imageState
        default:
            if let letter = OSInfo.letter(of: text) {
                self = .osInfo(letter)
            } else if text.hasPrefix("string "), let index = UInt8(text.dropFirst(7)), index > 0 {
                self = .string(index)
            } else {
                return nil
            }
        }
    }

    /// Whether only SMP can say it.
    public var isOfSMP: Bool {
        switch self {
        case .osInfo, .imageState: true
        case .string, .bcdDevice, .absent: false
        }
    }
}

extension ValueSource: CustomStringConvertible, Codable {
    public var description: String {
        switch self {
        case .string(let index): "string \(index)"
        case .bcdDevice: "bcd-device"
        case .osInfo(let letter): "os-info \(letter)"
        case .imageState: "image-state"
        case .absent: "none"
        }
    }

    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "where a value comes from") { ValueSource($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}

/// How long each wait may take at the most; every wait ends earlier, on the event that it waits for.
public struct SessionBounds: Sendable, Equatable, Codable {
    /// One request and its answer.
    public var request: Duration
    /// From DETACH until the unit is there in DFU mode.
    public var enterBootloader: Duration
    /// From the last block until the image is manifested.
    public var activate: Duration
    /// From the reset until the unit is back in the same slot.
    public var comeBack: Duration
    /// The first chunk of an SMP upload, for which a slot may be erased.
    public var erase: Duration
    /// How long an SMP upload may come no further.
    public var stall: Duration
    /// From the scan of a unit into a slot until it appears there.
    public var contact: Duration

    public init(
        request: Duration = .seconds(5), enterBootloader: Duration = .seconds(15), activate: Duration = .seconds(60),
        comeBack: Duration = .seconds(60), erase: Duration = .seconds(60), stall: Duration = .seconds(20),
        contact: Duration = .seconds(120)
    ) {
        self.request = request
        self.enterBootloader = enterBootloader
        self.activate = activate
        self.comeBack = comeBack
        self.erase = erase
        self.stall = stall
        self.contact = contact
    }
}
