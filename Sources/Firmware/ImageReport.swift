internal import BenchModel

/// What `image inspect --json` prints: every header field in the field's own notation.
public struct ImageReport: Codable, Sendable, Hashable {
    /// `gbcs-ota`, `mcuboot`, `dfu`; `nil` where the bytes are none of these.
    public var format: String?
    public var fileSize: Int
    public var headerLength: Int?
    public var fieldControl: String?
    public var manufacturerCode: String?
    public var imageType: String?
    public var fileVersion: String?
    public var zigBeeStackVersion: String?
    public var headerString: String?
    public var securityCredentialVersion: Int?
    public var destination: String?
    public var minimumHardwareVersion: String?
    public var maximumHardwareVersion: String?
    /// The header's own claim, bytes.
    public var totalSize: Int?
    public var manufacturerImageOffset: Int?
    public var manufacturerImageSize: Int?
    public var manufacturerImageHash: String?
    /// The 64 bytes r‖s of the trailer.
    public var signature: String?
    public var dfu: DFU?
    public var mcuboot: MCUboot?
    public var problems: [Problem]

    public struct MCUboot: Codable, Sendable, Hashable {
        public var version: String
        public var loadAddress: String
        public var headerSize: Int
        public var imageSize: Int
        public var flags: String
        public var hash: String?
        public var tlvs: [TLV]
    }

    public struct TLV: Codable, Sendable, Hashable {
        public var type: String
        public var name: String
        public var length: Int
        public var isProtected: Bool
        public var value: String
    }

    public struct DFU: Codable, Sendable, Hashable {
        public var idVendor: String
        public var idProduct: String
        public var bcdDevice: String
        public var contentSize: Int
    }

    public struct Problem: Codable, Sendable, Hashable {
        public var code: String
        public var offset: Int?
        public var field: String
        public var expected: String
        public var found: String
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
        case .mcuboot(let image):
            format = "mcuboot"
            mcuboot = MCUboot(image)
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
        let header = image.header
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
        manufacturerImageOffset = image.manufacturerImage.lowerBound
        manufacturerImageSize = image.manufacturerImage.count
        manufacturerImageHash = "\(image.manufacturerImageHash)"
        signature = image.signature.map { Hex.lowercase($0) }
        mcuboot = image.mcuboot.map(MCUboot.init)
    }
}

extension ImageReport.MCUboot {
    init(_ image: MCUbootImage) {
        version = image.version.description
        loadAddress = hex(image.loadAddress)
        headerSize = Int(image.headerSize)
        imageSize = Int(image.imageSize)
        flags = hex(image.flags)
        hash = image.hash.map { Hex.lowercase($0) }
        tlvs = image.tlvs.map {
            ImageReport.TLV(
                type: hex($0.type), name: MCUbootTLVType.name($0.type), length: $0.value.count, isProtected: $0.isProtected,
                value: Hex.lowercase($0.value))
        }
    }
}
