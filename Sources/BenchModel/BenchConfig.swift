/// A bench as its config file describes it, already validated.
public struct BenchConfig: Sendable, Equatable {
    /// The bench's name in records and on the page.
    public var name: String
    /// The journal's file.
    public var journal: String
    /// The Unix socket of the API.
    public var socket: String
    /// The file of the key by which the bench signs its checkpoints; made where it is not there.
    public var benchKey: String { journal + ".key" }
    /// Where checkpoints are copied to; `nil` for nowhere.
    public var checkpoints: CheckpointCopies?
    /// What the host can carry.
    public var limits: BenchLimits
    /// How each kind of unit is recognised, asked and written; the first that fits is used.
    public var profiles: [DeviceProfile]
    /// What may be flashed, and on whose word.
    public var releases: ReleaseConfig
    /// Who may do what.
    public var roles: RoleRules
    /// How loads are taken in, packed and returned; `nil` for a bench that has nothing to do with that.
    public var logistics: LogisticsConfig?
    /// In the order of the rack's labels.
    public var slots: [SlotPlace]

    public init(
        name: String, journal: String, socket: String, limits: BenchLimits = BenchLimits(),
        profiles: [DeviceProfile], releases: ReleaseConfig, roles: RoleRules = RoleRules(),
        logistics: LogisticsConfig? = nil, checkpoints: CheckpointCopies? = nil, slots: [SlotPlace]
    ) {
        self.checkpoints = checkpoints
        self.name = name
        self.journal = journal
        self.socket = socket
        self.limits = limits
        self.profiles = profiles
        self.releases = releases
        self.roles = roles
        self.logistics = logistics
        self.slots = slots.sorted { $0.slot < $1.slot }
    }
}

/// Where copies of the journal's checkpoints go.
public enum CheckpointCopies: Hashable, Sendable {
    /// A folder, best on another machine.
    case folder(String)
    /// A server that takes each by PUT below this address.
    case server(String)
}

/// Which port a slot is.
public struct SlotPlace: Sendable, Equatable {
    /// The slot's label, as it is printed on the rack.
    public var slot: SlotID
    /// The physical port, by udev's ID_PATH; for a fixed line its address.
    public var port: PortPath
    /// The USB interface number of the tty, where one port has several; `nil` for the port's first.
    public var interface: UInt8?
    /// A line that is there whatever is docked on it; `nil` for a port that udev tells of.
    public var fixed: FixedLine?

    /// A tty or a serial device server, and the profile of the units that are docked on it.
    public struct FixedLine: Sendable, Equatable {
        /// Where the line is.
        public var address: SerialAddress
        /// The profile's name.
        public var profile: String

        public init(address: SerialAddress, profile: String) {
            self.address = address
            self.profile = profile
        }
    }

    public init(slot: SlotID, port: PortPath, interface: UInt8? = nil) {
        self.slot = slot
        self.port = port
        self.interface = interface
    }

    public init(slot: SlotID, fixed: FixedLine) {
        self.slot = slot
        port = PortPath("\(fixed.address)")
        self.fixed = fixed
    }
}
