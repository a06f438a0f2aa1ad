/// How one kind of unit is recognised, asked and written. No port or product id of a production unit is public, so all of
/// it is configuration.
public struct DeviceProfile: Sendable, Equatable {
    /// The name that is recorded with each session.
    public var name: String
    /// Which Communications Hub it describes.
    public var variant: Variant
    /// udev properties that the unit has in run-time mode; all must be equal.
    public var runtime: [String: String]
    /// udev properties that the unit has in DFU mode; all must be equal.
    public var bootloader: [String: String]
    /// Where the CHF ID comes from.
    public var identity: IdentitySource
    /// Where the installed version comes from.
    public var version: ValueSource
    /// Where the model comes from.
    public var model: ValueSource
    /// Where the hardware version comes from.
    public var hardwareVersion: ValueSource
    /// Component name → DFU alternate setting.
    public var components: [String: UInt8]
    /// How long each wait may take.
    public var bounds: SessionBounds
    /// The weakest proof that counts; below it an outcome is `unknown: unproven`.
    public var leastProof: Proof

    public init(
        name: String, variant: Variant, runtime: [String: String], bootloader: [String: String],
        identity: IdentitySource = .serialNumber, version: ValueSource = .absent, model: ValueSource = .absent,
        hardwareVersion: ValueSource = .absent, components: [String: UInt8], bounds: SessionBounds = SessionBounds(),
        leastProof: Proof = .flashReadback
    ) {
        self.name = name
        self.variant = variant
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
        if runtime.allSatisfy({ properties[$0.key] == $0.value }) { return .runtime }
        if bootloader.allSatisfy({ properties[$0.key] == $0.value }) { return .bootloader }
        return nil
    }
}

/// Whether a unit runs its firmware or its bootloader.
public enum UnitMode: String, Sendable, Codable {
    case runtime
    case bootloader
}

/// Where a unit's CHF ID comes from.
public enum IdentitySource: Sendable, Equatable {
    /// The USB string descriptor iSerialNumber.
    case serialNumber
    /// A bare board without one; outcomes then say that identity is not proven.
    case none
}

/// Where a value that a unit says of itself comes from.
public enum ValueSource: Sendable, Equatable {
    /// USB string descriptor of this index.
    case string(UInt8)
    /// The device descriptor's bcdDevice, 16 bits.
    case bcdDevice
    /// The unit does not say it.
    case absent
}

/// How long each wait may take at the most; every wait ends earlier, on the event that it waits for.
public struct SessionBounds: Sendable, Equatable {
    /// One USB request.
    public var request: Duration
    /// From DETACH until the unit is there in DFU mode.
    public var enterBootloader: Duration
    /// From the last block until the image is manifested.
    public var activate: Duration
    /// From the reset until the unit is back in the same slot.
    public var comeBack: Duration

    public init(
        request: Duration = .seconds(5), enterBootloader: Duration = .seconds(15), activate: Duration = .seconds(60),
        comeBack: Duration = .seconds(60)
    ) {
        self.request = request
        self.enterBootloader = enterBootloader
        self.activate = activate
        self.comeBack = comeBack
    }
}
