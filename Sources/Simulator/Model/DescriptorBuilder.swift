internal import Firmware

/// Writes USB descriptors (USB 2.0 §9.6), little-endian.
struct DescriptorBuilder {
    struct Interface {
        var number: UInt8
        var alternate: UInt8 = 0
        var interfaceClass: UInt8
        var interfaceSubclass: UInt8
        var interfaceProtocol: UInt8
        var name: UInt8 = 0
        /// Whole endpoint and class-specific descriptors that follow.
        var following: [[UInt8]] = []
    }

    var deviceClass: UInt8 = 0
    var idVendor: UInt16
    var idProduct: UInt16
    var bcdDevice: UInt16
    var manufacturer: UInt8 = 0
    var product: UInt8 = 0
    var serial: UInt8 = 0
    var interfaces: [Interface]

    /// The device descriptor followed by its one configuration.
    var bytes: [UInt8] { device + configuration }

    private var device: [UInt8] {
        var bytes: [UInt8] = [18, 1]
        bytes.appendLittleEndian(UInt16(0x0200))
        bytes += [deviceClass, 0, deviceClass == 9 ? 1 : 0, 64]
        bytes.appendLittleEndian(idVendor)
        bytes.appendLittleEndian(idProduct)
        bytes.appendLittleEndian(bcdDevice)
        return bytes + [manufacturer, product, serial, 1]
    }

    private var configuration: [UInt8] {
        let body = interfaces.flatMap { interface -> [UInt8] in
            let endpoints = interface.following.filter { $0[1] == 5 }.count
            return [
                9, 4, interface.number, interface.alternate, UInt8(endpoints), interface.interfaceClass,
                interface.interfaceSubclass, interface.interfaceProtocol, interface.name,
            ] + interface.following.flatMap { $0 }
        }
        var bytes: [UInt8] = [9, 2]
        bytes.appendLittleEndian(UInt16(9 + body.count))
        // Self-powered; 100 mA.
        return bytes + [UInt8(Set(interfaces.map(\.number)).count), 1, 0, 0xC0, 50] + body
    }

    static func endpoint(_ address: UInt8, attributes: UInt8, maxPacket: UInt16, interval: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = [7, 5, address, attributes]
        bytes.appendLittleEndian(maxPacket)
        return bytes + [interval]
    }

    /// A string descriptor; index 0 is the list of languages, US English alone.
    static func string(_ text: String) -> [UInt8] {
        let units = Array(text.utf16.prefix(126))
        var bytes: [UInt8] = [UInt8(2 + units.count * 2), 3]
        for unit in units { bytes.appendLittleEndian(unit) }
        return bytes
    }

    static let languages: [UInt8] = [4, 3, 0x09, 0x04]
}
