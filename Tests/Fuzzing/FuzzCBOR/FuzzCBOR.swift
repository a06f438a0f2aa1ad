import Protocols

/// libFuzzer's entry: any bytes must be read as CBOR without a crash, and what is read must be written and read again the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCBOR(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let value = try? CBOR(bytes) else { return 0 }
    let canonical = value.encoded
    guard let again = try? CBOR(canonical) else { preconditionFailure("what was written can't be read") }
    precondition(again == value && again.encoded == canonical, "read again as something else")
    return 0
}
