/// What a device says of itself: the device descriptor and its first configuration (USB 2.0 §9.6), little-endian.
///
/// The bytes come from the device and are trusted in nothing: lengths are checked before every read.
public struct USBDescriptors: Hashable, Sendable, Codable {
    /// Vendor id, 16 bits.
    public var idVendor: UInt16
    /// Product id, 16 bits.
    public var idProduct: UInt16
    /// Device release number, 16 bits.
    public var bcdDevice: UInt16
    /// Index of the serial number's string; 0 when the device has none.
    public var iSerialNumber: UInt8
    /// Every alternate setting of every interface, in the order of the configuration.
    public var interfaces: [Interface]

    /// One alternate setting of one interface.
    public struct Interface: Hashable, Sendable, Codable {
        /// bInterfaceNumber.
        public var number: UInt8
        /// bAlternateSetting.
        public var alternate: UInt8
        /// bInterfaceClass.
        public var interfaceClass: UInt8
        /// bInterfaceSubClass.
        public var interfaceSubclass: UInt8
        /// bInterfaceProtocol.
        public var interfaceProtocol: UInt8
        /// The class-specific descriptors that follow it, each whole with its length and type.
        public var classSpecific: [[UInt8]]
    }

    /// Descriptor types, USB 2.0 table 9-5.
    private enum Kind {
        static let device: UInt8 = 1
        static let configuration: UInt8 = 2
        static let interface: UInt8 = 4
        static let endpoint: UInt8 = 5
    }

    /// Reads a device descriptor followed by configurations, as usbfs and sysfs `descriptors` give them.
    /// - Throws: ``USBError`` with code `descriptors` that names the offset.
    public init(_ bytes: [UInt8]) throws(USBError) {
        guard bytes.count >= 18, bytes[0] >= 18, bytes[1] == Kind.device else {
            throw Self.error(0, "expected a device descriptor of 18 bytes, found \(bytes.prefix(2).count) of \(bytes.count)")
        }
        idVendor = Self.word(bytes, 8)
        idProduct = Self.word(bytes, 10)
        bcdDevice = Self.word(bytes, 12)
        iSerialNumber = bytes[16]
        interfaces = []
        var offset = Int(bytes[0])
        guard offset + 9 <= bytes.count, bytes[offset] >= 9, bytes[offset + 1] == Kind.configuration else {
            throw Self.error(offset, "expected a configuration descriptor of 9 bytes")
        }
        let total = Int(Self.word(bytes, offset + 2))
        let end = offset + total
        guard total >= 9, end <= bytes.count else {
            throw Self.error(
                offset + 2, "wTotalLength: expected 9 to \(bytes.count - offset) bytes, found \(total)")
        }
        offset += Int(bytes[offset])
        while offset < end {
            let length = Int(bytes[offset])
            guard length >= 2, offset + length <= end else {
                throw Self.error(offset, "bLength: expected 2 to \(end - offset) bytes, found \(length)")
            }
            try add(Array(bytes[offset..<offset + length]), at: offset)
            offset += length
        }
    }

    private mutating func add(_ descriptor: [UInt8], at offset: Int) throws(USBError) {
        switch descriptor[1] {
        case Kind.interface:
            guard descriptor.count >= 9 else {
                throw Self.error(offset, "expected an interface descriptor of 9 bytes, found \(descriptor.count)")
            }
            interfaces.append(
                Interface(
                    number: descriptor[2], alternate: descriptor[3], interfaceClass: descriptor[5],
                    interfaceSubclass: descriptor[6], interfaceProtocol: descriptor[7],
                    classSpecific: []))
        case Kind.endpoint:
            break
        default:
            if !interfaces.isEmpty { interfaces[interfaces.count - 1].classSpecific.append(descriptor) }
        }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    private static func error(_ offset: Int, _ sentence: String) -> USBError {
        USBError(.descriptors, "descriptors, offset \(offset): \(sentence)")
    }
}

/// A device's string descriptors (USB 2.0 §9.6.7), in its first language, which is asked for once.
public struct USBStrings: Sendable {
    private static let getDescriptor: UInt8 = 6
    private static let deviceToHost: UInt8 = 0x80
    private static let stringType: UInt16 = 3

    private let device: any USBDevice
    private let timeout: Duration
    private var language: UInt16?

    /// `timeout`: of each request.
    public init(of device: any USBDevice, timeout: Duration) {
        self.device = device
        self.timeout = timeout
    }

    /// The string of this index.
    /// - Throws: ``USBError``; code `descriptors` where the answer is no string descriptor.
    public mutating func read(_ index: UInt8) async throws(USBError) -> String {
        let units = try await descriptor(index, language: try await firstLanguage())
        guard units.count.isMultiple(of: 2) else { throw Self.malformed(index, "has half a UTF-16 unit") }
        return String(
            decoding: stride(from: 0, to: units.count, by: 2).map { UInt16(units[$0]) | UInt16(units[$0 + 1]) << 8 },
            as: UTF16.self)
    }

    private mutating func firstLanguage() async throws(USBError) -> UInt16 {
        if let language { return language }
        let languages = try await descriptor(0, language: 0)
        guard languages.count >= 2 else { throw Self.malformed(0, "names no language") }
        let first = UInt16(languages[0]) | UInt16(languages[1]) << 8
        language = first
        return first
    }

    private func descriptor(_ index: UInt8, language: UInt16) async throws(USBError) -> [UInt8] {
        let request = ControlRequest(
            type: Self.deviceToHost, request: Self.getDescriptor, value: Self.stringType << 8 | UInt16(index), index: language)
        let bytes = try await device.controlIn(request, length: 255, timeout: timeout)
        guard bytes.count >= 2, bytes[1] == UInt8(Self.stringType), bytes[0] >= 2, Int(bytes[0]) <= bytes.count else {
            throw Self.malformed(index, "is malformed: \(bytes.prefix(4)) in \(bytes.count) bytes")
        }
        return Array(bytes[2..<Int(bytes[0])])
    }

    private static func malformed(_ index: UInt8, _ what: String) -> USBError {
        USBError(.descriptors, "string descriptor \(index) \(what)")
    }
}
