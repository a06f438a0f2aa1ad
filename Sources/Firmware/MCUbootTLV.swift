/// The TLV types (MCUboot `bootutil/image.h`, `IMAGE_TLV_*`).
public enum MCUbootTLVType {
    static let keyHash: UInt16 = 0x01
    static let publicKey: UInt16 = 0x02
    /// Says that a signature is of the image itself, not of its hash.
    static let pureSignature: UInt16 = 0x25
    static let dependency: UInt16 = 0x40
    static let securityCounter: UInt16 = 0x50

    /// Which TLV holds signatures of an algorithm.
    static func signature(_ algorithm: ImageKey.Algorithm) -> UInt16 {
        switch algorithm {
        case .rsa2048: 0x20
        case .ecdsaP256, .ecdsaP384: 0x22
        case .rsa3072: 0x23
        case .ed25519: 0x24
        }
    }

    /// The name, or the number where it is not a known one.
    public static func name(_ type: UInt16) -> String {
        names[type] ?? hex(type)
    }

    private static let names: [UInt16: String] = [
        0x01: "KEYHASH", 0x02: "PUBKEY", 0x10: "SHA256", 0x11: "SHA384", 0x12: "SHA512", 0x20: "RSA2048_PSS",
        0x22: "ECDSA_SIG", 0x23: "RSA3072_PSS", 0x24: "ED25519", 0x25: "SIG_PURE", 0x30: "ENC_RSA2048", 0x31: "ENC_KW",
        0x32: "ENC_EC256", 0x33: "ENC_X25519", 0x34: "ENC_X25519_SHA512", 0x40: "DEPENDENCY", 0x50: "SEC_CNT",
        0x60: "BOOT_RECORD", 0x70: "DECOMP_SIZE", 0x71: "DECOMP_SHA", 0x72: "DECOMP_SIGNATURE", 0x73: "COMP_DEC_SIZE",
        0x74: "UUID_VID", 0x75: "UUID_CID",
    ]
}

extension MCUbootImage {
    /// Another image that must be there, and at least so new (`struct image_dependency`).
    public struct Dependency: Hashable, Sendable {
        /// Image number, 0-based.
        public let image: UInt8
        /// The lowest version that will do.
        public let minimum: Version
    }

    /// The security counter, 32 bits, which a bootloader never lets go back; `nil` where the image has none.
    ///
    /// Read from the protected TLVs alone: one outside is signed by nobody.
    public var securityCounter: UInt32? {
        guard let value = values(MCUbootTLVType.securityCounter, isProtected: true).first, value.count == 4 else { return nil }
        return value.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// What must run beside this image.
    public var dependencies: [Dependency] {
        values(MCUbootTLVType.dependency, isProtected: true).compactMap(Dependency.init)
    }
}

extension MCUbootImage.Dependency {
    /// Image number, 3 bytes of padding, version.
    fileprivate init?(_ value: [UInt8]) {
        guard value.count == 12 else { return nil }
        func number(_ range: Range<Int>) -> UInt32 { value[range].reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        image = value[0]
        minimum = MCUbootImage.Version(
            major: value[4], minor: value[5], revision: UInt16(number(6..<8)), build: number(8..<12))
    }
}
