/// The standard device requests (USB 2.0 §9.4) that every simulated device answers alike.
enum StandardRequests {
    /// As below, for a device with the three strings of every device.
    static func answer(
        _ setup: SetupPacket, descriptors: [UInt8], strings: (manufacturer: String, product: String, serial: String),
        alternates: inout [UInt8: UInt8]
    ) -> ControlReply? {
        let texts = [1: strings.manufacturer, 2: strings.product, 3: strings.serial]
        return answer(setup, descriptors: descriptors, string: { texts[Int($0)] }, alternates: &alternates)
    }

    /// The answer, or `nil` where the request is not a standard one that is known here.
    static func answer(
        _ setup: SetupPacket, descriptors: [UInt8], string: (UInt8) -> String?, alternates: inout [UInt8: UInt8]
    ) -> ControlReply? {
        guard setup.isStandard else { return nil }
        switch (setup.type, setup.request) {
        case (0x80, 6):
            return descriptor(setup, descriptors, string)
        case (0x80, 8):
            return .data([1])
        case (0x80, 0), (0x81, 0), (0x82, 0):
            return .data([setup.type == 0x80 ? 1 : 0, 0])
        case (0x00, 9):
            return setup.value <= 1 ? .done : .stall
        case (0x81, 10):
            return .data([alternates[UInt8(truncatingIfNeeded: setup.index)] ?? 0])
        case (0x01, 11):
            alternates[UInt8(truncatingIfNeeded: setup.index)] = UInt8(truncatingIfNeeded: setup.value)
            return .done
        case (0x00, 1), (0x00, 3), (0x02, 1), (0x02, 3):
            return .done
        default:
            return .stall
        }
    }

    private static func descriptor(
        _ setup: SetupPacket, _ descriptors: [UInt8], _ string: (UInt8) -> String?
    ) -> ControlReply {
        let index = UInt8(setup.value & 0xFF)
        let whole: [UInt8]?
        switch setup.value >> 8 {
        case 1: whole = Array(descriptors.prefix(18))
        case 2: whole = index == 0 ? Array(descriptors.dropFirst(18)) : nil
        case 3: whole = index == 0 ? DescriptorBuilder.languages : string(index).map(DescriptorBuilder.string)
        default: whole = nil
        }
        return whole.map { .data(Array($0.prefix(Int(setup.length)))) } ?? .stall
    }
}
