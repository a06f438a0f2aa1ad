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
            "components", "bounds", "leastProof",
        ])
        let _: String = try fields.required("protocol").value("dfu") { $0 == "dfu" ? $0 : nil }
        let runtime = try match(try fields.required("runtime"))
        let bootloaderField = try fields.required("bootloader")
        let bootloader = try match(bootloaderField)
        // The modes are tried in this order: a unit in DFU mode must not fit 'runtime' too.
        guard !runtime.allSatisfy({ bootloader[$0.key] == $0.value }) else {
            throw bootloaderField.error("expected other properties than in 'runtime': the two modes can't be told apart")
        }
        var profile = DeviceProfile(
            name: name, variant: try variant(try fields.required("variant")), runtime: runtime, bootloader: bootloader,
            components: try components(try fields.required("components")))
        if let identity = fields["identity"] {
            profile.identity = try identity.value("serial-number or none") {
                ["serial-number": .serialNumber, "none": IdentitySource.none][$0]
            }
        }
        if let version = fields["version"] { profile.version = try source(version) }
        if let model = fields["model"] { profile.model = try source(model) }
        if let hardware = fields["hardwareVersion"] { profile.hardwareVersion = try source(hardware) }
        if let bounds = fields["bounds"] { profile.bounds = try self.bounds(bounds) }
        if let proof = fields["leastProof"] {
            profile.leastProof = try proof.value("flash-readback or device-reported") {
                Proof(rawValue: $0).flatMap { $0 == .bootloaderValidated ? nil : $0 }
            }
        }
        return profile
    }

    private static func match(_ field: YAMLField) throws(ConfigError) -> [String: String] {
        var properties: [String: String] = [:]
        for (key, value) in try field.entries() { properties[key] = try value.text() }
        guard !properties.isEmpty else { throw field.error("expected at least one udev property") }
        return properties
    }

    private static func components(_ field: YAMLField) throws(ConfigError) -> [String: UInt8] {
        var places: [String: UInt8] = [:]
        for (name, value) in try field.entries() {
            let fields = try value.fields(["alternate"])
            let alternate = UInt8(try fields.required("alternate").integer(in: 0...255))
            if let other = places.first(where: { $0.value == alternate }) {
                throw value.error("alternate \(alternate) is already the place of '\(other.key)'")
            }
            places[name] = alternate
        }
        guard !places.isEmpty else { throw field.error("expected at least one component") }
        return places
    }

    private static func source(_ field: YAMLField) throws(ConfigError) -> ValueSource {
        try field.value("'string N' with N from 1 to 255, bcd-device or none") { text in
            switch text {
            case "none": .absent
            case "bcd-device": .bcdDevice
            default:
                text.hasPrefix("string ")
                    ? UInt8(text.dropFirst(7)).flatMap { $0 > 0 ? ValueSource.string($0) : nil } : nil
            }
        }
    }

    private static func bounds(_ field: YAMLField) throws(ConfigError) -> SessionBounds {
        let fields = try field.fields(["request", "enterBootloader", "activate", "comeBack"])
        var bounds = SessionBounds()
        if let request = fields["request"] { bounds.request = try bound(request) }
        if let enter = fields["enterBootloader"] { bounds.enterBootloader = try bound(enter) }
        if let activate = fields["activate"] { bounds.activate = try bound(activate) }
        if let comeBack = fields["comeBack"] { bounds.comeBack = try bound(comeBack) }
        return bounds
    }

    private static func bound(_ field: YAMLField) throws(ConfigError) -> Duration {
        let bound = try field.duration()
        guard bound >= .milliseconds(10) else { throw field.error("expected at least 10 ms") }
        return bound
    }
}
