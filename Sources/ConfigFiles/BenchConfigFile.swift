public import BenchModel

/// Reads and validates a bench's config file. Paths in it are relative to the file's own folder.
public enum BenchConfigFile {
    /// - Throws: ``ConfigError`` naming the file, the line and the field of the first mistake.
    public static func load(_ path: String) throws(ConfigError) -> BenchConfig {
        try parse(TextFile.read(path), file: path)
    }

    /// As ``load(_:)``, from text; `file` is used in errors and to resolve relative paths.
    public static func parse(_ text: String, file: String) throws(ConfigError) -> BenchConfig {
        let top = try YAMLField(text: text, file: file)
            .fields(["bench", "checkpoints", "journal", "socket", "limits", "logistics", "profiles", "releases", "roles", "slots"])
        let folder = TextFile.folder(of: file)
        let profiles = try profiles(try top.required("profiles"))
        return BenchConfig(
            name: try top.required("bench").text(),
            journal: TextFile.resolve(try top.required("journal").text(), in: folder),
            socket: try socket(try top.required("socket"), folder: folder),
            limits: try top["limits"].map(limits) ?? BenchLimits(),
            profiles: profiles,
            releases: try releases(try top.required("releases"), folder: folder),
            roles: RoleRules(try top["roles"].map(roles)),
            logistics: try top["logistics"].map { field throws(ConfigError) in try LogisticsReader.read(field, folder: folder) },
            checkpoints: try top["checkpoints"].map { field throws(ConfigError) in try checkpoints(field, folder: folder) },
            slots: try slots(try top.required("slots"), profiles: profiles))
    }

    private static func checkpoints(_ field: YAMLField, folder: String) throws(ConfigError) -> CheckpointCopies {
        let place = try field.text()
        guard place.contains("://") else { return .folder(TextFile.resolve(place, in: folder)) }
        return .server(try LogisticsReader.url(field))
    }

    private static func socket(_ field: YAMLField, folder: String) throws(ConfigError) -> String {
        let path = TextFile.resolve(try field.text(), in: folder)
        // sockaddr_un.sun_path, unix(7): 108 bytes with the closing zero.
        guard path.utf8.count <= 107 else {
            throw field.error("expected a path of at most 107 bytes, found \(path.utf8.count): '\(path)'")
        }
        return path
    }

    private static func limits(_ field: YAMLField) throws(ConfigError) -> BenchLimits {
        let fields = try field.fields(["usbfsMemory", "concurrentSessions", "drain", "hostController", "usbHub", "powerUpStagger"])
        var limits = BenchLimits()
        if let memory = fields["usbfsMemory"] {
            limits.usbfsMemory = try memory.byteCount()
            guard limits.usbfsMemory >= 64 << 10 else { throw memory.error("expected at least 64 KiB") }
        }
        if let count = fields["concurrentSessions"] { limits.concurrentSessions = try count.integer(in: 1...1024) }
        if let drain = fields["drain"] { limits.drain = try drain.duration() }
        if let stagger = fields["powerUpStagger"] { limits.powerUpStagger = try stagger.duration() }
        if let controller = fields["hostController"] { limits.hostController = try capacity(controller) }
        if let hub = fields["usbHub"] { limits.usbHub = try capacity(hub) }
        return limits
    }

    private static func capacity(_ field: YAMLField) throws(ConfigError) -> BenchLimits.Capacity {
        let fields = try field.fields(["devices", "endpoints", "bandwidth"])
        var capacity = BenchLimits.Capacity()
        if let count = fields["devices"] { capacity.devices = try count.integer(in: 1...255) }
        if let count = fields["endpoints"] { capacity.endpoints = try count.integer(in: 1...2048) }
        if let bandwidth = fields["bandwidth"] {
            capacity.bandwidth = try bandwidth.byteCount()
            guard capacity.bandwidth > 0 else { throw bandwidth.error("expected at least one byte a second") }
        }
        return capacity
    }

    private static func slots(_ field: YAMLField, profiles: [DeviceProfile]) throws(ConfigError) -> [SlotPlace] {
        var places: [SlotPlace] = []
        for (label, value) in try field.entries() {
            guard let slot = SlotID(label) else {
                throw value.error("expected a slot label of 1 to 16 letters, digits, '-' or '_', found '\(label)'")
            }
            let place = try place(of: slot, value, profiles: profiles)
            if let taken = places.first(where: { $0.port == place.port && $0.interface == place.interface }) {
                throw value.error("the port \(place.port) is already slot \(taken.slot)")
            }
            places.append(place)
        }
        guard !places.isEmpty else { throw field.error("expected at least one slot") }
        return places
    }

    static func variant(_ field: YAMLField) throws(ConfigError) -> Variant {
        try field.value("one of \(Variant.allCases.map(\.rawValue).joined(separator: ", "))") { Variant(rawValue: $0) }
    }
}
