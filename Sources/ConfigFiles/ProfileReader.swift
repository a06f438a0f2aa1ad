internal import BenchModel

extension BenchConfigFile {
    static func profiles(_ field: YAMLField) throws(ConfigError) -> [DeviceProfile] {
        var profiles: [DeviceProfile] = []
        for (name, value) in try field.entries() {
            profiles.append(try profile(name, value))
        }
        guard !profiles.isEmpty else { throw field.error("expected at least one profile") }
        return profiles
    }

    private static func profile(_ name: String, _ field: YAMLField) throws(ConfigError) -> DeviceProfile {
        let fields = try field.fields([
            "variant", "protocol", "runtime", "bootloader", "identity", "version", "model", "hardwareVersion",
            "components", "bounds", "leastProof", "line", "activation", "reboot", "rate",
        ])
        let isSMP = try fields.required("protocol").value("dfu or smp") { ["dfu": false, "smp": true][$0] }
        var profile = DeviceProfile(
            name: name, variant: try variant(try fields.required("variant")), conversation: .dfu,
            components: try components(try fields.required("components"), place: isSMP ? "image" : "alternate"))
        if isSMP {
            try readSMP(fields, into: &profile)
        } else {
            try readDFU(fields, into: &profile)
        }
        if let identity = fields["identity"] { profile.identity = try self.identity(identity, isSMP: isSMP) }
        if let version = fields["version"] {
            profile.version = try source(version, isSMP: isSMP)
            guard profile.restarts || profile.version == .absent else {
                throw version.error("expected none beside 'reboot: none': no firmware runs that could say it")
            }
        }
        if let model = fields["model"] { profile.model = try source(model, isSMP: isSMP) }
        if let hardware = fields["hardwareVersion"] { profile.hardwareVersion = try source(hardware, isSMP: isSMP) }
        if let bounds = fields["bounds"] { profile.bounds = try self.bounds(bounds) }
        if let rate = fields["rate"] {
            profile.rate = try rate.byteCount()
            guard profile.rate > 0 else { throw rate.error("expected at least one byte a second") }
        }
        return profile
    }

    private static func readDFU(_ fields: YAMLMapping, into profile: inout DeviceProfile) throws(ConfigError) {
        for key in ["line", "activation"] {
            if let field = fields[key] { throw field.error("is for protocol smp alone") }
        }
        let bootloader = try fields.required("bootloader")
        profile.bootloader = try match(bootloader)
        let runtime = try fields.required("runtime")
        profile.restarts = try fields["reboot"]?.value("none, or nothing: a USB reset") { $0 == "none" ? false : nil } ?? true
        if !runtime.isMapping {
            _ = try runtime.value("udev properties, or none") { $0 == "none" ? true : nil }
            guard !profile.restarts else { throw runtime.error("expected 'reboot: none' beside it: a restarted unit would not be known") }
        } else {
            guard profile.restarts else { throw runtime.error("expected none beside 'reboot: none': the unit would never be in it") }
            profile.runtime = try match(runtime)
            try tellApart(profile, bootloader)
        }
        if let proof = fields["leastProof"] {
            profile.leastProof = try proof.value("flash-readback or device-reported") {
                Proof(rawValue: $0).flatMap { $0 == .bootloaderValidated ? nil : $0 }
            }
        }
    }

    /// The modes are tried in this order: a unit in its bootloader must not fit 'runtime' too.
    private static func tellApart(_ profile: DeviceProfile, _ bootloader: YAMLField) throws(ConfigError) {
        guard !profile.runtime.allSatisfy({ profile.bootloader[$0.key] == $0.value }) else {
            throw bootloader.error("expected other properties than in 'runtime': the two modes can't be told apart")
        }
    }

    private static func readSMP(_ fields: YAMLMapping, into profile: inout DeviceProfile) throws(ConfigError) {
        if let reboot = fields["reboot"] { throw reboot.error("is for protocol dfu alone") }
        // Without them the profile is for slots that name it.
        if let runtime = fields["runtime"] { profile.runtime = try match(runtime) }
        if let bootloader = fields["bootloader"] {
            profile.bootloader = try match(bootloader)
            try tellApart(profile, bootloader)
        }
        profile.conversation = .smp(try smpSettings(fields))
        profile.identity = .none
        profile.version = .imageState
        profile.leastProof = .bootloaderValidated
        if let proof = fields["leastProof"] {
            profile.leastProof = try proof.value("bootloader-validated: it is what SMP can prove") {
                Proof(rawValue: $0).flatMap { $0 == .bootloaderValidated ? $0 : nil }
            }
        }
    }

    private static func smpSettings(_ fields: YAMLMapping) throws(ConfigError) -> SMPSettings {
        var settings = SMPSettings()
        if let activation = fields["activation"] { settings.activation = try activation.choice() }
        guard
            let line = try fields["line"]?.fields([
                "baud", "dtr", "rts", "framing", "recoveryFraming", "bufferSize", "bufferCount",
            ])
        else { return settings }
        if let baud = line["baud"] { settings.line.baud = try baud.integer(in: 50...12_000_000) }
        if let dtr = line["dtr"] { settings.line.dtr = try dtr.flag() }
        if let rts = line["rts"] { settings.line.rts = try rts.flag() }
        if let framing = line["framing"] { settings.framing = try framing.smpFraming() }
        settings.recoveryFraming =
            try line["recoveryFraming"].map { field throws(ConfigError) in try field.smpFraming() } ?? settings.framing
        if line["bufferSize"] != nil || line["bufferCount"] != nil {
            settings.buffers = SMPBuffers(
                size: try line.required("bufferSize").integer(in: 64...SMPBuffers.sizeLimit),
                count: try line["bufferCount"]?.integer(in: 1...SMPBuffers.countLimit) ?? 1)
        }
        return settings
    }

    private static func identity(_ field: YAMLField, isSMP: Bool) throws(ConfigError) -> IdentitySource {
        try field.value(isSMP ? "serial-number, 'os-info LETTER' or none" : "serial-number or none") { text in
            IdentitySource(text).flatMap { source in
                if case .osInfo = source, !isSMP { nil } else { source }
            }
        }
    }

    private static func match(_ field: YAMLField) throws(ConfigError) -> [String: String] {
        var properties: [String: String] = [:]
        for (key, value) in try field.entries() { properties[key] = try value.text() }
        guard !properties.isEmpty else { throw field.error("expected at least one udev property") }
        return properties
    }

    private static func components(_ field: YAMLField, place: String) throws(ConfigError) -> [String: UInt8] {
        var places: [String: UInt8] = [:]
        for (name, value) in try field.entries() {
            let fields = try value.fields([place])
            let number = UInt8(try fields.required(place).integer(in: 0...255))
            if let other = places.first(where: { $0.value == number }) {
                throw value.error("\(place) \(number) is already the place of '\(other.key)'")
            }
            places[name] = number
        }
        guard !places.isEmpty else { throw field.error("expected at least one component") }
        return places
    }

    private static func source(_ field: YAMLField, isSMP: Bool) throws(ConfigError) -> ValueSource {
        try field.value(isSMP ? "'os-info LETTER', image-state or none" : "'string N' with N from 1 to 255, bcd-device or none") { text in
            ValueSource(text).flatMap { $0 == .absent || $0.isOfSMP == isSMP ? $0 : nil }
        }
    }

    private static func bounds(_ field: YAMLField) throws(ConfigError) -> SessionBounds {
        let fields = try field.fields(["request", "enterBootloader", "activate", "comeBack", "erase", "stall", "contact"])
        var bounds = SessionBounds()
        if let request = fields["request"] { bounds.request = try bound(request) }
        if let enter = fields["enterBootloader"] { bounds.enterBootloader = try bound(enter) }
        if let activate = fields["activate"] { bounds.activate = try bound(activate) }
        if let comeBack = fields["comeBack"] { bounds.comeBack = try bound(comeBack) }
        if let erase = fields["erase"] { bounds.erase = try bound(erase) }
        if let stall = fields["stall"] { bounds.stall = try bound(stall) }
        if let contact = fields["contact"] { bounds.contact = try bound(contact) }
        return bounds
    }

    private static func bound(_ field: YAMLField) throws(ConfigError) -> Duration {
        let bound = try field.duration()
        guard bound >= .milliseconds(10) else { throw field.error("expected at least 10 ms") }
        return bound
    }
}
