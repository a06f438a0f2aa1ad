internal import BenchModel
internal import Crypto

/// An MCUboot image: header ‖ payload ‖ protected TLVs ‖ TLVs (MCUboot `docs/design.md`, "Image format"), little-endian.
public struct MCUbootImage: Sendable {
    /// `IMAGE_MAGIC`.
    static let magic: UInt32 = 0x96f3_b83d
    static let headerLength = 32
    /// `IMAGE_TLV_INFO_MAGIC` and `IMAGE_TLV_PROT_INFO_MAGIC`.
    static let tlvMagic: UInt16 = 0x6907
    static let protectedMagic: UInt16 = 0x6908
    /// `IMAGE_F_ENCRYPTED_AES128 | IMAGE_F_ENCRYPTED_AES256`.
    static let encryptedFlags: UInt32 = 0x0C

    /// `ih_load_addr`.
    public let loadAddress: UInt32
    /// `ih_hdr_size`, bytes.
    public let headerSize: UInt16
    /// Bytes of the payload.
    public let imageSize: UInt32
    /// `ih_flags`.
    public let flags: UInt32
    /// `ih_ver`.
    public let version: Version
    /// All TLVs, protected ones first, in the order of the file.
    public let tlvs: [TLV]
    /// The value of the hash TLV, 32, 48 or 64 bytes; `nil` when there is none.
    public let hash: [UInt8]?
    /// `ih_protect_tlv_size`: bytes of the protected TLV area, its head included; 0 where there is none.
    public let protectedSize: UInt16
    /// The whole image, TLVs included, in the file.
    public let range: Range<Int>
    /// What is wrong with the hash; `nil` where it is that of the bytes.
    let hashProblem: FirmwareProblem?
    /// What is hashed and signed: header, payload and protected TLVs.
    let signedSpan: Range<Int>

    /// `struct image_version`.
    public struct Version: Hashable, Sendable, CustomStringConvertible {
        /// `iv_major`.
        public let major: UInt8
        /// `iv_minor`.
        public let minor: UInt8
        /// `iv_revision`.
        public let revision: UInt16
        /// `iv_build_num`.
        public let build: UInt32

        public init(major: UInt8, minor: UInt8, revision: UInt16, build: UInt32) {
            self.major = major
            self.minor = minor
            self.revision = revision
            self.build = build
        }

        /// As `imgtool` writes it: `1.2.3`, with `+build` when that is not 0.
        public var description: String { "\(major).\(minor).\(revision)" + (build == 0 ? "" : "+\(build)") }
    }

    /// One entry of a TLV area.
    public struct TLV: Hashable, Sendable {
        /// The TLV's type, 16 bits.
        public let type: UInt16
        /// Whether it lies in the protected area.
        public let isProtected: Bool
        /// Its value.
        public let value: [UInt8]
    }

    /// Whether an MCUboot image begins at `offset`.
    static func begins(_ image: any ImageBytes, at offset: Int) -> Bool {
        guard var reader = try? FieldReader(image, from: offset, length: 4, field: "magic") else { return false }
        return (try? reader.number("magic", as: UInt32.self)) == magic
    }

    /// Reads an image that begins at `start` and accepts it only whole.
    /// - Throws: the first problem.
    public init(_ image: any ImageBytes, from start: Int = 0) throws(FirmwareProblem) {
        var problems: [FirmwareProblem] = []
        try self.init(image, from: start, problems: &problems)
        if let first = problems.first { throw first }
    }

    /// Reads an image that begins at `start` and adds everything that is wrong to `problems`.
    /// - Throws: when nothing after the place can be read.
    init(_ image: any ImageBytes, from start: Int, problems: inout [FirmwareProblem]) throws(FirmwareProblem) {
        var reader = try FieldReader(image, from: start, length: Self.headerLength, field: "MCUboot header")
        let magic = try reader.number("ih_magic", as: UInt32.self)
        guard magic == Self.magic else {
            throw .invalid(start, "ih_magic", hex(Self.magic), hex(magic))
        }
        loadAddress = try reader.number("ih_load_addr", as: UInt32.self)
        headerSize = try reader.number("ih_hdr_size", as: UInt16.self)
        protectedSize = try reader.number("ih_protect_tlv_size", as: UInt16.self)
        imageSize = try reader.number("ih_img_size", as: UInt32.self)
        flags = try reader.number("ih_flags", as: UInt32.self)
        version = Version(
            major: try reader.number("ih_ver.iv_major", as: UInt8.self),
            minor: try reader.number("ih_ver.iv_minor", as: UInt8.self),
            revision: try reader.number("ih_ver.iv_revision", as: UInt16.self),
            build: try reader.number("ih_ver.iv_build_num", as: UInt32.self))
        guard headerSize >= Self.headerLength else {
            throw .invalid(start + 8, "ih_hdr_size", "at least \(Self.headerLength)", "\(headerSize)")
        }
        let payloadEnd = start + Int(headerSize) + Int(imageSize)
        guard payloadEnd <= image.count else {
            throw FirmwareProblem(
                .truncated, at: start + 12, field: "ih_img_size",
                expected: "at most \(max(0, image.count - start - Int(headerSize))), what the file holds", found: "\(imageSize)")
        }
        var end = payloadEnd
        var tlvs: [TLV] = []
        if protectedSize != 0 {
            let area = try TLVArea(image, at: end, magic: Self.protectedMagic, isProtected: true)
            if area.length != protectedSize {
                problems.append(
                    FirmwareProblem(
                        .mismatch, at: start + 10, field: "ih_protect_tlv_size", expected: "\(area.length), the area's own size",
                        found: "\(protectedSize)"))
            }
            end += Int(area.length)
            tlvs += area.entries
        }
        signedSpan = start..<end
        let area = try TLVArea(image, at: end, magic: Self.tlvMagic, isProtected: false)
        tlvs += area.entries
        range = start..<end + Int(area.length)
        self.tlvs = tlvs
        (hash, hashProblem) = Self.checkHash(image, signedSpan, tlvs)
        if let hashProblem { problems.append(hashProblem) }
        if isEncrypted {
            problems.append(
                FirmwareProblem(
                    .encrypted, at: start + 16, field: "ih_flags", expected: "an image that is not encrypted",
                    found: "\(hex(flags)): it can't be verified without its key"))
        }
    }

    /// `IMAGE_F_ENCRYPTED_AES128` or `IMAGE_F_ENCRYPTED_AES256`: what lies in the file is not what runs.
    public var isEncrypted: Bool { flags & Self.encryptedFlags != 0 }

    /// Whether it carries a signature that its bootloader can check.
    var isSigned: Bool {
        ImageKey.Algorithm.allCases.contains { !values(MCUbootTLVType.signature($0), isProtected: false).isEmpty }
    }

    /// The values of all TLVs of a type, in the order of the file.
    func values(_ type: UInt16, isProtected: Bool) -> [[UInt8]] {
        tlvs.filter { $0.type == type && $0.isProtected == isProtected }.map(\.value)
    }

    /// MCUboot looks for the hash in the area that is not protected, and takes the first.
    private static func checkHash(_ image: any ImageBytes, _ span: Range<Int>, _ tlvs: [TLV]) -> ([UInt8]?, FirmwareProblem?) {
        for tlv in tlvs where !tlv.isProtected {
            let computed: [UInt8]
            switch tlv.type {
            case 0x10: computed = image.digest(span, SHA256.self)
            case 0x11: computed = image.digest(span, SHA384.self)
            case 0x12: computed = image.digest(span, SHA512.self)
            default: continue
            }
            guard computed != tlv.value else { return (tlv.value, nil) }
            return (
                tlv.value,
                FirmwareProblem(
                    .mismatch, at: span.lowerBound, field: "\(MCUbootTLVType.name(tlv.type)) TLV",
                    expected: "\(Hex.lowercase(computed)), computed over header, payload and protected TLVs",
                    found: Hex.lowercase(tlv.value))
            )
        }
        return (
            nil,
            FirmwareProblem(
                .fieldInvalid, at: span.upperBound, field: "TLVs", expected: "a hash (type 0x10, 0x11 or 0x12)", found: "none")
        )
    }
}

/// One TLV area: `struct image_tlv_info`, then entries up to its size.
private struct TLVArea {
    /// Bytes of the area, its own head included.
    let length: UInt16
    let entries: [MCUbootImage.TLV]

    init(_ image: any ImageBytes, at offset: Int, magic: UInt16, isProtected: Bool) throws(FirmwareProblem) {
        var head = try FieldReader(image, from: offset, length: 4, field: "TLV area")
        let found = try head.number("it_magic", as: UInt16.self)
        guard found == magic else { throw .invalid(offset, "it_magic", hex(magic), hex(found)) }
        length = try head.number("it_tlv_tot", as: UInt16.self)
        guard length >= 4 else { throw .invalid(offset + 2, "it_tlv_tot", "at least 4", "\(length)") }
        var reader = try FieldReader(image, from: offset + 4, length: Int(length) - 4, field: "TLV area")
        var entries: [MCUbootImage.TLV] = []
        while reader.offset < Int(length) - 4 {
            let type = try reader.number("it_type", as: UInt16.self)
            let size = try reader.number("it_len", as: UInt16.self)
            let value = Array(try reader.take(Int(size), "\(MCUbootTLVType.name(type)) TLV"))
            entries.append(MCUbootImage.TLV(type: type, isProtected: isProtected, value: value))
        }
        self.entries = entries
    }
}
