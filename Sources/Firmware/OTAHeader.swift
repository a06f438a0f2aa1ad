public import BenchModel

/// The header of a GBCS OTA Upgrade Image (ZigBee OTA upgrade file, ZCL §11.4.2), little-endian.
public struct OTAHeader: Hashable, Sendable {
    /// ZCL §11.4.2.1, OTA upgrade file identifier.
    public static let magic: UInt32 = 0x0BEE_F11E
    /// ZCL §11.4.2.2, OTA header version.
    public static let headerVersion: UInt16 = 0x0100
    /// GBCS: ZigBee stack version, ZigBee Pro.
    public static let zigBeePro: UInt16 = 0x0002
    /// Bytes of the fields that every header has.
    static let fixedLength = 56
    static let headerStringLength = 32

    /// OTA header length, bytes.
    public var headerLength: UInt16
    /// ZCL §11.4.2.4: which optional header fields are present.
    public var fieldControl: FieldControl
    /// Manufacturer code, 16 bits, written as 4 hex digits.
    public var manufacturerCode: UInt16
    /// Image type, 16 bits, written as 4 hex digits.
    public var imageType: UInt16
    /// File version: the GBCS firmware version, 8 hex digits.
    public var fileVersion: FirmwareVersion
    /// ZigBee stack version; 0x0002 is ZigBee Pro.
    public var zigBeeStackVersion: UInt16
    /// 32 bytes, without the zeros that pad it.
    public var headerString: String
    /// Bytes of the whole image, this header included.
    public var totalSize: UInt32
    /// Security credential version, 8 bits; `nil` where field control bit 0 is clear.
    public var securityCredentialVersion: UInt8?
    /// Upgrade file destination, an EUI-64; `nil` where field control bit 1 is clear.
    public var destination: EUI64?
    /// Lowest hardware version, 4 hex digits; `nil` where field control bit 2 is clear.
    public var minimumHardwareVersion: HardwareVersion?
    /// Highest hardware version, 4 hex digits; `nil` where field control bit 2 is clear.
    public var maximumHardwareVersion: HardwareVersion?

    /// ZCL §11.4.2.4: which optional fields are present.
    public struct FieldControl: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Security credential version, 8 bits; `nil` where field control bit 0 is clear.
        public static let securityCredentialVersion = FieldControl(rawValue: 1)
        /// Bit 1: upgrade file destination is present.
        public static let deviceSpecific = FieldControl(rawValue: 2)
        /// Bit 2: hardware versions are present.
        public static let hardwareVersions = FieldControl(rawValue: 4)
        static let known: FieldControl = [.securityCredentialVersion, .deviceSpecific, .hardwareVersions]

        /// Bytes that the optional fields take.
        var optionalLength: Int {
            (contains(.securityCredentialVersion) ? 1 : 0) + (contains(.deviceSpecific) ? 8 : 0)
                + (contains(.hardwareVersions) ? 4 : 0)
        }
    }

    /// Reads the header and adds everything that is wrong with it to `problems`.
    /// - Throws: when it can't be read on: the bytes end, or the magic is another one.
    init(_ image: any ImageBytes, problems: inout [FirmwareProblem]) throws(FirmwareProblem) {
        var reader = try FieldReader(image, from: 0, length: min(image.count, 256), field: "OTA header")
        let magic = try reader.number("OTA upgrade file identifier", as: UInt32.self)
        guard magic == Self.magic else {
            throw FirmwareProblem(
                .fieldInvalid, at: 0, field: "OTA upgrade file identifier", expected: hex(Self.magic), found: hex(magic))
        }
        let version = try reader.number("OTA header version", as: UInt16.self)
        if version != Self.headerVersion {
            problems.append(.invalid(4, "OTA header version", hex(Self.headerVersion), hex(version)))
        }
        headerLength = try reader.number("OTA header length", as: UInt16.self)
        fieldControl = FieldControl(rawValue: try reader.number("field control", as: UInt16.self))
        manufacturerCode = try reader.number("manufacturer code", as: UInt16.self)
        imageType = try reader.number("image type", as: UInt16.self)
        fileVersion = FirmwareVersion(rawValue: try reader.number("file version", as: UInt32.self))
        zigBeeStackVersion = try reader.number("ZigBee stack version", as: UInt16.self)
        let string = try reader.take(Self.headerStringLength, "OTA header string")
        headerString = String(decoding: string.prefix { $0 != 0 }, as: UTF8.self)
        totalSize = try reader.number("total image size", as: UInt32.self)
        if fieldControl.contains(.securityCredentialVersion) {
            securityCredentialVersion = try reader.number("security credential version", as: UInt8.self)
        }
        if fieldControl.contains(.deviceSpecific) {
            destination = EUI64(rawValue: try reader.number("upgrade file destination", as: UInt64.self))
        }
        if fieldControl.contains(.hardwareVersions) {
            minimumHardwareVersion = HardwareVersion(rawValue: try reader.number("minimum hardware version", as: UInt16.self))
            maximumHardwareVersion = HardwareVersion(rawValue: try reader.number("maximum hardware version", as: UInt16.self))
        }
        check(string, imageSize: image.count, problems: &problems)
    }

    private func check(_ string: ArraySlice<UInt8>, imageSize: Int, problems: inout [FirmwareProblem]) {
        let unknown = fieldControl.subtracting(.known)
        if !unknown.isEmpty {
            problems.append(.invalid(8, "field control", "only bits 0 to 2", hex(fieldControl.rawValue)))
        }
        let expectedLength = Self.fixedLength + fieldControl.optionalLength
        if Int(headerLength) != expectedLength {
            problems.append(
                .invalid(
                    6, "OTA header length", "\(expectedLength) for field control \(hex(fieldControl.rawValue))",
                    "\(headerLength)"))
        }
        if zigBeeStackVersion != Self.zigBeePro {
            problems.append(.invalid(18, "ZigBee stack version", hex(Self.zigBeePro), hex(zigBeeStackVersion)))
        }
        let text = string.prefix { $0 != 0 }
        if !text.allSatisfy({ (0x20...0x7E).contains($0) }) || string.dropFirst(text.count).contains(where: { $0 != 0 }) {
            problems.append(
                .invalid(20, "OTA header string", "printable ASCII padded with zeros", Hex.lowercase(string)))
        }
        if Int(totalSize) != imageSize {
            problems.append(
                FirmwareProblem(
                    .mismatch, at: 52, field: "total image size", expected: "\(imageSize) (the file's size)",
                    found: "\(totalSize)"))
        }
        if let minimum = minimumHardwareVersion, let maximum = maximumHardwareVersion, minimum > maximum {
            problems.append(
                FirmwareProblem(
                    .mismatch, at: 56 + (fieldControl.optionalLength - 4), field: "maximum hardware version",
                    expected: "at least the minimum, \(minimum)", found: "\(maximum)"))
        }
    }
}

extension FirmwareProblem {
    static func invalid(_ offset: Int, _ field: String, _ expected: String, _ found: String) -> FirmwareProblem {
        FirmwareProblem(.fieldInvalid, at: offset, field: field, expected: expected, found: found)
    }
}

/// A number with its prefix, as wide as its type.
func hex(_ value: some FixedWidthInteger) -> String {
    "0x" + Hex.digits(value, width: value.bitWidth / 4)
}
