public import BenchModel

/// A simulated unit as the dock file describes it.
public struct UnitDescription: Sendable {
    /// Which Communications Hub it is made for.
    public var variant: Variant
    /// The unit's CHF ID.
    public var chfId: EUI64
    /// The unit's GPF ID.
    public var gpfId: EUI64
    /// The model as the unit says it, 8 hex digits (`010A030B`).
    public var model: String
    /// The hardware version as the unit says it.
    public var hardwareVersion: HardwareVersion
    /// What lies in its flash at first.
    public var firmware: Firmware
    /// How long it takes.
    public var timing: UnitTiming
    /// What each partition of its flash holds, bytes.
    public var flashSize: Int
    /// wTransferSize, bytes.
    public var transferSize: Int
    /// Whether the unit stays in DFU mode after manifestation.
    public var manifestationTolerant: Bool
    /// How a 2G/3G unit speaks SMP.
    public var serial: SerialDescription
    /// What goes wrong with the unit, in the order in which it was asked for.
    public var faults: [Fault]

    public init(
        variant: Variant, chfId: EUI64, gpfId: EUI64, model: String, hardwareVersion: HardwareVersion, firmware: Firmware,
        timing: UnitTiming, flashSize: Int = 4 << 20, transferSize: Int, manifestationTolerant: Bool, serial: SerialDescription,
        faults: [Fault]
    ) {
        self.variant = variant
        self.chfId = chfId
        self.gpfId = gpfId
        self.model = model
        self.hardwareVersion = hardwareVersion
        self.firmware = firmware
        self.timing = timing
        self.flashSize = flashSize
        self.transferSize = transferSize
        self.manifestationTolerant = manifestationTolerant
        self.serial = serial
        self.faults = faults
    }

    /// A 2G/3G unit's line and SMP server.
    public struct SerialDescription: Sendable, Equatable {
        /// The speed at which the line really carries bytes, bits a second.
        public var baud = 115_200
        /// How messages lie on the line.
        public var framing = SMPFraming.console(lineLength: SMPFraming.defaultLineLength)
        /// What the server says, and really has.
        public var buffers = SMPBuffers(size: 1024, count: 4)
        /// How its bootloader chooses an image.
        public var activation = ImageActivation.swap
        /// Whether its list of images leaves out flags that are false, as Zephyr's `CONFIG_MCUMGR_GRP_IMG_FRUGAL_LIST` does.
        public var isFrugal = false

        public init() {}
    }

    /// What lies in the unit's application flash when it is first plugged in.
    public enum Firmware: Sendable, Equatable {
        /// A factory image of this version, made by the simulator.
        case factory(FirmwareVersion)
        /// The Manufacturer Image of this file.
        case file(String)
        /// Nothing: the unit stays in its bootloader.
        case empty
    }
}

/// How long a unit takes, as its flash and its boot do.
public struct UnitTiming: Sendable, Equatable {
    /// Erasing 64 KiB.
    public var erase: Duration
    /// Programming one block.
    public var program: Duration
    /// From the last block to the end of manifestation.
    public var manifest: Duration
    /// Leaving the bus after DETACH and coming back in DFU mode.
    public var detach: Duration
    /// From reset until the firmware is on the bus.
    public var reboot: Duration

    public init(
        erase: Duration = .milliseconds(20), program: Duration = .milliseconds(2),
        manifest: Duration = .milliseconds(50), detach: Duration = .milliseconds(100),
        reboot: Duration = .milliseconds(500)
    ) {
        self.erase = erase
        self.program = program
        self.manifest = manifest
        self.detach = detach
        self.reboot = reboot
    }
}
