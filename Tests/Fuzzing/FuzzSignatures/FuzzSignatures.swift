import Dispatch
import Firmware
import Foundation

/// The root of the corpus's signatures; its key is gone.
private let root = """
    -----BEGIN CERTIFICATE-----
    MIIBkjCCATmgAwIBAgIUPPlrvssOAA0mrXtN0HnGnB+3wcMwCgYIKoZIzj0EAwIw
    FzEVMBMGA1UEAwwMRXhhbXBsZSByb290MB4XDTI2MTEyNDA0MTQ1OFoXDTM2MTEy
    MTA0MTQ1OFowFzEVMBMGA1UEAwwMRXhhbXBsZSByb290MFkwEwYHKoZIzj0CAQYI
    KoZIzj0DAQcDQgAE0zvPImboSKJEgJyAd+m3gDvt7UajS0z2Venz80axsew5kMGa
    KrwEtTfsMrt/VmWnuF8YYqUnW6nN3SFPKcBglqNjMGEwHQYDVR0OBBYEFC8BOZd/
    HzcNqb4S6jRevrywtzCRMB8GA1UdIwQYMBaAFC8BOZd/HzcNqb4S6jRevrywtzCR
    MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49BAMCA0cA
    MEQCIHqCX+pjfxCKtAkRBUCoN/NI52Q/N9mgSmPjpxJF1FREAiAXtKNeRSp7j767
    n/6JelsMoy7sXVATl0DumdTHINoAKw==
    -----END CERTIFICATE-----
    """

private let trust = try? ReleaseTrust(roots: [("root", root)], imageKeys: [])

/// libFuzzer's entry: any bytes must be taken for a signature without a crash, and none is accepted but of the one who signed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSignatures(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let signature = DetachedSignature(Array(UnsafeBufferPointer(start: data, count: size)))
    guard let trust else { preconditionFailure("the root can't be read") }
    let done = DispatchSemaphore(value: 0)
    Task.detached {
        let signer = try? await signature.signer(of: Array("content".utf8), trust: trust, at: Date(timeIntervalSince1970: 1_800_000_000))
        precondition(signer == nil || signer?.certificate.subject == "CN=Example releaser", "accepted of somebody else")
        done.signal()
    }
    done.wait()
    return 0
}
