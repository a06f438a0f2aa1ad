internal import BenchModel

/// What `image inspect --json` prints: every header field in the field's own notation.
public struct ImageReport: Codable, Sendable, Hashable {
    /// `gbcs-ota`, `mcuboot`, `dfu`; `nil` where the bytes are none of these.
    public var format: String?
    /// Bytes of the file.
    public var fileSize: Int
    /// OTA header length, bytes.
    public var headerLength: Int?
    /// ZCL §11.4.2.4: which optional header fields are present.
    public var fieldControl: String?
    /// Manufacturer code, 16 bits, written as 4 hex digits.
    public var manufacturerCode: String?
    /// Image type, 16 bits, written as 4 hex digits.
    public var imageType: String?
    /// File version: the GBCS firmware version, 8 hex digits.
    public var fileVersion: String?
    /// ZigBee stack version; 0x0002 is ZigBee Pro.
    public var zigBeeStackVersion: String?
    /// OTA header string, at most 32 printable characters.
    public var headerString: String?
    /// Security credential version, 8 bits; `nil` where field control bit 0 is clear.
    public var securityCredentialVersion: Int?
    /// Upgrade file destination, an EUI-64; `nil` where field control bit 1 is clear.
    public var destination: String?
    /// Lowest hardware version, 4 hex digits; `nil` where field control bit 2 is clear.
    public var minimumHardwareVersion: String?
    /// Highest hardware version, 4 hex digits; `nil` where field control bit 2 is clear.
    public var maximumHardwareVersion: String?
    /// The header's own claim, bytes.
    public var totalSize: Int?
    /// Where the Manufacturer Image begins, bytes from the start of the file.
    public var manufacturerImageOffset: Int?
    /// Bytes of the Manufacturer Image.
    public var manufacturerImageSize: Int?
    /// SHA-256 of the Manufacturer Image alone.
    public var manufacturerImageHash: String?
    /// The 64 bytes r‖s of the trailer.
    public var signature: String?
    /// The DFU suffix; `nil` where there is none.
    public var dfu: DFU?
    /// The MCUboot image; `nil` where there is none.
    public var mcuboot: MCUboot?
    /// Everything that is wrong; empty where nothing is.
    public var problems: [Problem]

    /// An MCUboot image.
    public struct MCUboot: Codable, Sendable, Hashable {
        /// `ih_ver`, as imgtool writes it.
        public var version: String
        /// `ih_load_addr`.
        public var loadAddress: String
        /// `ih_hdr_size`, bytes.
        public var headerSize: Int
        /// `ih_img_size`: bytes of the payload.
        public var imageSize: Int
        /// `ih_flags`.
        public var flags: String
        /// The value of the hash TLV.
        public var hash: String?
        /// `ih_protect_tlv_size`: bytes of the protected TLV area.
        public var protectedSize: Int
        /// `confirmed` or `not confirmed`, by the trailer of a file that is padded to its slot's size; `nil` where there is none.
        public var trailer: String?
        /// The security counter; `nil` where the image has none.
        public var securityCounter: UInt32?
        /// What must run beside it: image number and lowest version, `1 >= 1.2.3`.
        public var dependencies: [String]
        /// All TLVs, protected ones first, in the order of the file.
        public var tlvs: [TLV]
    }

    /// One entry of a TLV area.
    public struct TLV: Codable, Sendable, Hashable {
        /// The TLV's type, with its prefix.
        public var type: String
        /// The TLV's name.
        public var name: String
        /// Bytes of the value.
        public var length: Int
        /// Whether it lies in the protected area.
        public var isProtected: Bool
        /// Its value.
        public var value: String
    }

    /// The suffix of a DFU file.
    public struct DFU: Codable, Sendable, Hashable {
        /// Vendor id, 16 bits.
        public var idVendor: String
        /// Product id, 16 bits.
        public var idProduct: String
        /// Device release number, 16 bits.
        public var bcdDevice: String
        /// Bytes without the suffix.
        public var contentSize: Int
    }

    /// One thing that is wrong.
    public struct Problem: Codable, Sendable, Hashable {
        /// Stable text for scripts.
        public var code: String
        /// Bytes from the start of the file; `nil` where the file as a whole is meant.
        public var offset: Int?
        /// The field's name in its specification.
        public var field: String
        /// What should be there.
        public var expected: String
        /// What is there.
        public var found: String
        /// All of it in a sentence.
        public var message: String
    }

    public init(_ inspection: ImageInspection) {
        fileSize = inspection.fileSize
        problems = inspection.problems.map {
            Problem(
                code: $0.code.rawValue, offset: $0.offset, field: $0.field, expected: $0.expected, found: $0.found,
                message: $0.description)
        }
        switch inspection.content {
        case .gbcsOTA(let image): add(image)
        case .gbcsOTAHeader(let header): add(header)
        case .mcuboot(let image, let trailer):
            format = "mcuboot"
            mcuboot = MCUboot(image)
            mcuboot?.trailer = trailer.map { $0.isConfirmed ? "confirmed" : "not confirmed" }
        case .dfu(let suffix, let image):
            format = "dfu"
            dfu = DFU(
                idVendor: hex(suffix.idVendor), idProduct: hex(suffix.idProduct), bcdDevice: hex(suffix.bcdDevice),
                contentSize: suffix.content.count)
            mcuboot = image.map(MCUboot.init)
        case .unreadable: break
        }
    }

    private mutating func add(_ image: OTAImage) {
        add(image.header)
        manufacturerImageOffset = image.manufacturerImage.lowerBound
        manufacturerImageSize = image.manufacturerImage.count
        manufacturerImageHash = "\(image.manufacturerImageHash)"
        signature = image.signature.map { Hex.lowercase($0) }
        mcuboot = image.mcuboot.map(MCUboot.init)
    }

    private mutating func add(_ header: OTAHeader) {
        format = "gbcs-ota"
        headerLength = Int(header.headerLength)
        fieldControl = hex(header.fieldControl.rawValue)
        manufacturerCode = Hex.digits(header.manufacturerCode, width: 4)
        imageType = Hex.digits(header.imageType, width: 4)
        fileVersion = "\(header.fileVersion)"
        zigBeeStackVersion = hex(header.zigBeeStackVersion)
        headerString = header.headerString
        securityCredentialVersion = header.securityCredentialVersion.map(Int.init)
        destination = header.destination?.description
        minimumHardwareVersion = header.minimumHardwareVersion?.description
        maximumHardwareVersion = header.maximumHardwareVersion?.description
        totalSize = Int(header.totalSize)
    }
}

extension ImageReport.MCUboot {
    init(_ image: MCUbootImage) {
        version = image.version.description
        loadAddress = hex(image.loadAddress)
        headerSize = Int(image.headerSize)
        imageSize = Int(image.imageSize)
        flags = hex(image.flags)
        protectedSize = Int(image.protectedSize)
        securityCounter = image.securityCounter
        dependencies = image.dependencies.map { "\($0.image) >= \($0.minimum)" }
        hash = image.hash.map { Hex.lowercase($0) }
        tlvs = image.tlvs.map {
            ImageReport.TLV(
                type: hex($0.type), name: MCUbootTLVType.name($0.type), length: $0.value.count, isProtected: $0.isProtected,
                value: Hex.lowercase($0.value))
        }
    }
}
