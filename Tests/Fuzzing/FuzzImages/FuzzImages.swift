import Firmware

/// libFuzzer's entry: any bytes must be looked into without a crash, and be accepted only where nothing is wrong with them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzImages(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = MemoryBytes(Array(UnsafeBufferPointer(start: data, count: size)))
    let inspection = ImageInspection(bytes)
    _ = ImageReport(inspection)
    if (try? OTAImage(bytes)) != nil { precondition(inspection.problems.isEmpty, "accepted though \(inspection.problems)") }
    _ = try? MCUbootImage(bytes)
    return 0
}
