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

    private static func children(_ node: ASN1Node) -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { return [] }
        return Array(nodes)
    }
}
