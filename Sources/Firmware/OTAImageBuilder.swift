public import BenchModel

/// Wraps a Manufacturer Image into a GBCS OTA Upgrade Image.
public struct OTAImageBuilder: Sendable {
    /// Manufacturer code, 16 bits, written as 4 hex digits.
    public var manufacturerCode: UInt16
    /// Image type, 16 bits, written as 4 hex digits.
    public var imageType: UInt16
    /// File version: the GBCS firmware version, 8 hex digits.
    public var fileVersion: FirmwareVersion
    /// First and last hardware version that it is for.
    public var hardware: ClosedRange<HardwareVersion>
    /// At most 32 printable ASCII characters.
    public var headerString: String

    public init(
        manufacturerCode: UInt16, imageType: UInt16, fileVersion: FirmwareVersion,
        hardware: ClosedRange<HardwareVersion>, headerString: String
    ) {
        self.manufacturerCode = manufacturerCode
        self.imageType = imageType
        self.fileVersion = fileVersion
        self.hardware = hardware
        self.headerString = headerString
    }

    /// The whole image. `sign` returns the 64 bytes r‖s of an ECDSA P-256 / SHA-256 signature over what it is given.
    /// - Throws: what `sign` throws.
    public func build(
        manufacturerImage: [UInt8], sign: ([UInt8]) throws -> [UInt8]
    ) throws -> [UInt8] {
        let signature = try sign(manufacturerImage)
        precondition(signature.count == Int(OTAImage.signatureLength), "r‖s has 64 bytes")
        let headerLength = OTAHeader.fixedLength + 4
        let total = headerLength + manufacturerImage.count + OTAImage.trailerLength
        var image: [UInt8] = []
        image.reserveCapacity(total)
        image.appendLittleEndian(OTAHeader.magic)
        image.appendLittleEndian(OTAHeader.headerVersion)
        image.appendLittleEndian(UInt16(headerLength))
        image.appendLittleEndian(OTAHeader.FieldControl.hardwareVersions.rawValue)
        image.appendLittleEndian(manufacturerCode)
        image.appendLittleEndian(imageType)
        image.appendLittleEndian(fileVersion.rawValue)
        image.appendLittleEndian(OTAHeader.zigBeePro)
        let string = Array(headerString.utf8.prefix(OTAHeader.headerStringLength))
        image += string + [UInt8](repeating: 0, count: OTAHeader.headerStringLength - string.count)
        image.appendLittleEndian(UInt32(total))
        image.appendLittleEndian(hardware.lowerBound.rawValue)
        image.appendLittleEndian(hardware.upperBound.rawValue)
        image += manufacturerImage
        image += [OTAImage.forceReplace, OTAImage.signatureLength]
        image += signature
        return image
    }
}

extension [UInt8] {
    /// Appends a number, least significant byte first.
    public mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Appends a number, most significant byte first.
    public mutating func appendBigEndian(_ value: some FixedWidthInteger) { appendLittleEndian(value.byteSwapped) }
}
