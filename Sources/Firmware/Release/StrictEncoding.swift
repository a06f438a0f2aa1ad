internal import BenchModel
internal import SwiftASN1
@_spi(CMS) internal import X509

/// What the readers of CMS and X.509 let pass, and what no signature covers: two encodings of one thing would be two bundles.
enum StrictEncoding {
    /// Whether SignedData's version is the one that goes with its signer's, RFC 5652 §5.1: 1, or 3 where a signer is named by its key's
    /// identifier. Nothing else is signed data of a detached signature.
    static func hasFittingVersion(cms bytes: [UInt8]) -> Bool {
        guard let content = (try? DER.parse(bytes)).map(children), content.count == 2, let signed = children(content[1]).first else {
            return false
        }
        let fields = children(signed)
        guard let version = fields.first, let signers = fields.last, let signer = children(signers).first,
            let signerVersion = children(signer).first
        else { return false }
        return version.encodedBytes == signerVersion.encodedBytes
    }

    /// Whether a certificate's signature uses all bits of its last byte, as whole bytes do.
    static func hasWholeSignature(certificate der: [UInt8]) -> Bool {
        guard let fields = (try? DER.parse(der)).map(children), fields.count == 3, let bits = try? ASN1BitString(derEncoded: fields[2])
        else {
            return false
        }
        return bits.paddingBits == 0
    }

    /// A certificate in every form in which its issuer's signature holds: where that is ECDSA's r and s, r and n - s hold as well, and whoever
    /// has the certificate can write it so. Its fingerprint is another then.
    static func forms(ofCertificate der: [UInt8]) -> [[UInt8]] {
        guard let fields = (try? DER.parse(der)).map(children), fields.count == 3, let bits = try? ASN1BitString(derEncoded: fields[2]),
            let numbers = (try? DER.parse(Array(bits.bytes))).map(children), numbers.count == 2,
            let first = try? ArraySlice<UInt8>(derEncoded: numbers[0]), let second = try? ArraySlice<UInt8>(derEncoded: numbers[1])
        else { return [der] }
        return [der]
            + orders.compactMap { order in
                guard let other = difference(order, Array(second)) else { return nil }
                var signature = DER.Serializer()
                var whole = DER.Serializer()
                do {
                    try signature.appendConstructedNode(identifier: .sequence) { serializer in
                        try serializer.serialize(first)
                        try serializer.serialize(other[...])
                    }
                    try whole.appendConstructedNode(identifier: .sequence) { serializer in
                        serializer.serialize(fields[0])
                        serializer.serialize(fields[1])
                        try serializer.serialize(ASN1BitString(bytes: signature.serializedBytes[...]))
                    }
                } catch { return nil }
                return whole.serializedBytes
            }
    }

    /// The orders of P-256, P-384 and P-521 (SEC 2, §2.4.2, §2.5.1, §2.6.1), big-endian. Which curve the issuer's key is on does not matter:
    /// a form of the wrong one is nobody's.
    private static let orders: [[UInt8]] = [
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ].compactMap { Hex.bytes($0) }

    /// `left` - `right`, as an INTEGER has it; `nil` where that is not positive.
    private static func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8]? {
        let right = Array(right.drop { $0 == 0 })
        guard right.count <= left.count else { return nil }
        var result = left
        var borrow = 0
        for index in 0..<left.count {
            let place = left.count - 1 - index
            var value = Int(left[place]) - borrow - (index < right.count ? Int(right[right.count - 1 - index]) : 0)
            borrow = value < 0 ? 1 : 0
            if value < 0 { value += 256 }
            result[place] = UInt8(value)
        }
        guard borrow == 0, result.contains(where: { $0 != 0 }) else { return nil }
        let digits = Array(result.drop { $0 == 0 })
        return digits.first.map { $0 > 127 } == true ? [0] + digits : digits
    }

    private static func children(_ node: ASN1Node) -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { return [] }
        return Array(nodes)
    }
}
