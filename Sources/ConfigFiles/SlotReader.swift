internal import BenchModel

extension BenchConfigFile {
    /// A slot is a port as udev names it, a port with an interface number, or a line that is always there.
    static func place(of slot: SlotID, _ field: YAMLField, profiles: [DeviceProfile]) throws(ConfigError) -> SlotPlace {
        guard field.isMapping else { return SlotPlace(slot: slot, port: PortPath(try field.text())) }
        let fields = try field.fields(["port", "interface", "link", "profile"])
        guard let link = fields["link"] else {
            return SlotPlace(
                slot: slot, port: PortPath(try fields.required("port").text()),
                interface: UInt8(try fields.required("interface").integer(in: 0...255)))
        }
        if let port = fields["port"] ?? fields["interface"] { throw port.error("expected nothing of this kind beside 'link'") }
        let address = try link.value("a tty such as /dev/ttyS1, or tcp://HOST:PORT") { SerialAddress($0) }
        let name = try fields.required("profile").value("the name of an smp profile above") { text in
            profiles.first { $0.name == text && $0.smp != nil }?.name
        }
        return SlotPlace(slot: slot, fixed: .init(address: address, profile: name))
    }
}
