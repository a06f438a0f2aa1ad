import Protocols

/// libFuzzer's entry: any bytes must be read as CBOR without a crash, and what is read must be written and read again the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCBOR(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let value = try? CBOR(bytes) else { return 0 }
    let canonical = value.encoded
    precondition(canonical.count <= bytes.count, "written longer than it was read")
    precondition((try? CBOR(canonical)) == value, "read again as something else")
    return 0
}
