import Firmware

/// libFuzzer's entry: any bytes must be read as a release manifest without a crash, and what is accepted says one thing only.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzManifest(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let manifest = try? ReleaseManifest(json: Array(UnsafeBufferPointer(start: data, count: size))) else { return 0 }
    guard let written = try? manifest.encoded(), let again = try? ReleaseManifest(json: written) else {
        preconditionFailure("what was accepted can't be written and read")
    }
    precondition(again == manifest, "read again as something else")
    return 0
}
