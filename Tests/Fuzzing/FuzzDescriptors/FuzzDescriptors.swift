import Links
import Protocols

/// libFuzzer's entry: any descriptors and any status must be read without a crash.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDescriptors(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let descriptors = try? USBDescriptors(bytes), let interface = try? DFUInterface(in: descriptors) {
        precondition(interface.functional.transferSize > 0)
    }
    _ = try? DFUFunctionalDescriptor(bytes)
    if let status = try? DFUStatus(bytes) { precondition(status.bytes.prefix(5) == bytes.prefix(5)) }
    return 0
}
