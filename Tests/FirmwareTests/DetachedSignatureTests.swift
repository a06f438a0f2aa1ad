import BenchModel
@testable import Firmware
import Foundation
import ReleaseKit
import SwiftASN1
import Testing

@Suite struct DetachedSignatureTests {
    /// A signature's own version and the unused bits of a certificate's signature are covered by nothing. Which bits can be flipped
    /// depends on the keys, so there are several.
    @Test(arguments: 0..<3) func `a signature has one encoding: no bit of it can be flipped`(_: Int) async throws {
        let fixtures = try ReleaseFixtures()
        let content = Array("content".utf8)
        let signature = try DetachedSignature(
            of: content, keyPEM: fixtures.releaser.key, certificatePEM: fixtures.releaser.certificate, at: ReleaseFixtures.now)
        let trust = try fixtures.trust()
        func isTaken(_ bytes: [UInt8]) async -> Bool {
            (try? await DetachedSignature(bytes).signer(of: content, trust: trust, at: ReleaseFixtures.now)) != nil
        }
        #expect(await isTaken(signature.bytes))
        for index in signature.bytes.indices {
            for bit in 0..<8 {
                var changed = signature.bytes
                changed[index] ^= 1 << UInt8(bit)
                #expect(await !isTaken(changed), "byte \(index), bit \(bit)")
            }
        }
    }

    /// Whoever has an ECDSA signature r, s can write it as r, n - s without the key; the certificate is another to whoever hashes it.
    @Test func `a revoked certificate stays revoked when its own signature is written in its other form`() async throws {
        let fixtures = try ReleaseFixtures()
        let der = try PEMDocument(pemString: fixtures.releaser.certificate).derBytes
        let forms = StrictEncoding.forms(ofCertificate: der)
        #expect(forms.contains(der))
        var trust = try fixtures.trust()
        let fingerprint = try fixtures.releaser.fingerprint
        var taken = 0
        for twin in forms where twin != der {
            // Only the form that goes with the issuer's curve is a certificate of its.
            let pem = PEMDocument(type: "CERTIFICATE", derBytes: twin).pemString
            let signature = try DetachedSignature(of: [1], keyPEM: fixtures.releaser.key, certificatePEM: pem, at: ReleaseFixtures.now)
            trust.revoked.certificates = []
            guard (try? await signature.signer(of: [1], trust: trust, at: ReleaseFixtures.now)) != nil else { continue }
            taken += 1
            trust.revoked.certificates = [fingerprint]
            await #expect { try await signature.signer(of: [1], trust: trust, at: ReleaseFixtures.now) } throws: {
                ($0 as? FirmwareProblem)?.code == .certificateRevoked
            }
        }
        #expect(taken == 1)
    }

    @Test func `a certificate that is revoked signs nothing, nor does one below a revoked root`() async throws {
        let fixtures = try ReleaseFixtures()
        let signature = try DetachedSignature(
            of: [1], keyPEM: fixtures.releaser.key, certificatePEM: fixtures.releaser.certificate, at: ReleaseFixtures.now)
        var trust = try fixtures.trust()
        for fingerprint in [try fixtures.releaser.fingerprint, try #require(trust.certificates.first).fingerprint] {
            trust.revoked.certificates = [fingerprint]
            await #expect { try await signature.signer(of: [1], trust: trust, at: ReleaseFixtures.now) } throws: {
                ($0 as? FirmwareProblem)?.code == .certificateRevoked
            }
        }
    }
}
