/// How SMP messages lie on a serial line.
public enum SMPFraming: Hashable, Sendable, Codable {
    /// Base64 in lines, with a length and a CRC: what Zephyr calls SMP over console. `lineLength` counts the whole line, its
    /// newline too.
    case console(lineLength: Int)
    /// The bare messages, one after the other: for links that lose nothing.
    case raw
    /// COBS, with a CRC, ended by a zero byte.
    case cobs

    /// The longest line that Zephyr and MCUboot take by default (`MCUMGR_SERIAL_MAX_FRAME`), bytes.
    public static let defaultLineLength = 127
}

/// What an SMP server can take: its buffers' size and their number. A buffer holds SMP header and body; with the console framing also
/// the packet's length and CRC.
public struct SMPBuffers: Hashable, Sendable, Codable {
    /// Bytes of one buffer.
    public var size: Int
    /// Requests that may be under way at once.
    public var count: Int

    /// Without a word from the server: what the smallest ones in the field can take.
    public init(size: Int = 256, count: Int = 1) {
        self.size = size
        self.count = count
    }

    /// The largest buffer that is believed of a server, bytes.
    public static let sizeLimit = 16_384
    /// The greatest number of buffers that is believed of a server.
    public static let countLimit = 16
}

/// How a unit's bootloader is told which image to start.
public enum ImageActivation: String, Hashable, Sendable, Codable, CaseIterable {
    /// The new image is set for test, started, and confirmed once it runs: MCUboot with two slots.
    case swap
    /// The bootloader starts the highest version that it finds; a reset is all: MCUboot's RAM load and direct XIP.
    case highestVersion = "highest-version"
}

/// How a profile's units speak SMP.
public struct SMPSettings: Hashable, Sendable, Codable {
    /// How the line is set up.
    public var line: LineSettings
    /// How messages lie on the line while the firmware runs.
    public var framing: SMPFraming
    /// How they lie on it in the bootloader's serial recovery.
    public var recoveryFraming: SMPFraming
    /// What the server can take, where the profile says so; `nil` to ask it.
    public var buffers: SMPBuffers?
    /// How a new image is started.
    public var activation: ImageActivation

    public init(
        line: LineSettings = LineSettings(), framing: SMPFraming = .console(lineLength: SMPFraming.defaultLineLength),
        recoveryFraming: SMPFraming? = nil, buffers: SMPBuffers? = nil, activation: ImageActivation = .swap
    ) {
        self.line = line
        self.framing = framing
        self.recoveryFraming = recoveryFraming ?? framing
        self.buffers = buffers
        self.activation = activation
    }
}
