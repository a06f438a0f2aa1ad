internal import BenchModel

extension MCUbootImage {
    /// Checks the image's signature as its bootloader will.
    /// - Parameters:
    ///   - image: the bytes that this image was read from, and no others.
    ///   - keys: the keys that are trusted; one that signed it is enough.
    /// - Returns: the key.
    /// - Throws: ``FirmwareProblem`` of code `encrypted`, `mismatch` (the hash), `signature-missing`, `key-missing` or `signature-wrong`.
    @discardableResult
    public func verify(_ image: any ImageBytes, keys: [ImageKey]) throws(FirmwareProblem) -> ImageKey {
        guard !isEncrypted else {
            throw FirmwareProblem(
                .encrypted, at: range.lowerBound + 16, field: "ih_flags", expected: "an image that is not encrypted",
                found: "\(hex(flags)): it can't be verified without its key")
        }
        guard let stored = hash else { throw missing("a hash") }
        if let hashProblem { throw hashProblem }
        let digests = SignedDigests(image, signedSpan, stored: stored)
        let message = values(MCUbootTLVType.pureSignature, isProtected: false).isEmpty ? nil : image.bytes(signedSpan)
        var signatures = 0
        for key in keys where fits(key, stored) {
            for signature in values(MCUbootTLVType.signature(key.algorithm), isProtected: false) {
                signatures += 1
                if key.signed(digests, message: message, signature) { return key }
            }
        }
        throw failure(keys, tried: signatures)
    }

    /// Which hash a key's signatures go with (imgtool `ALLOWED_KEY_SHA`), by the hash's length.
    private func fits(_ key: ImageKey, _ hash: [UInt8]) -> Bool {
        switch key.algorithm {
        case .ecdsaP256, .ed25519: hash.count == 32 || hash.count == 64
        case .ecdsaP384: hash.count == 48
        case .rsa2048, .rsa3072: hash.count == 32
        }
    }

    private func failure(_ keys: [ImageKey], tried: Int) -> FirmwareProblem {
        let types = Set(ImageKey.Algorithm.allCases.map(MCUbootTLVType.signature))
        guard tlvs.contains(where: { types.contains($0.type) && !$0.isProtected }) else { return missing("a signature") }
        let claimed = values(MCUbootTLVType.keyHash, isProtected: false).first
        let embedded = values(MCUbootTLVType.publicKey, isProtected: false).first
        let owner = keys.first { key in claimed.map(key.hasHash) ?? false || embedded.map(key.isEncoded) ?? false }
        if let owner {
            return FirmwareProblem(
                .signatureWrong, at: signedSpan.upperBound, field: "signature TLV",
                expected: "a signature of \(owner), whose hash the image names", found: "one that is not")
        }
        let known = keys.isEmpty ? "none" : keys.map(\.description).joined(separator: ", ")
        let name = claimed.map { "the key with hash \(Hex.lowercase($0))" } ?? "a key that it does not name"
        return FirmwareProblem(
            tried == 0 || claimed != nil || embedded != nil ? .keyMissing : .signatureWrong, at: signedSpan.upperBound,
            field: "signature TLV", expected: "a signature of one of the known keys: \(known)", found: "signed by \(name)")
    }

    private func missing(_ what: String) -> FirmwareProblem {
        FirmwareProblem(.signatureMissing, at: signedSpan.upperBound, field: "TLVs", expected: what, found: "none")
    }
}
