import Firmware

/// libFuzzer's entry: any bytes must be read as a bundle, or as a statement, without a crash; each file that is found lies within them, under a plain name.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBundles(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let archive = MemoryBytes(Array(UnsafeBufferPointer(start: data, count: size)))
    if let signed = try? SignedStatement(archive: archive.storage) {
        precondition((try? signed.statement.content) != nil, "a statement that says nothing, or several things")
    }
    guard let bundle = try? ReleaseBundle(archive: archive) else { return 0 }
    for name in bundle.names {
        precondition(!name.contains("/") && !name.hasPrefix("."), "a name that is a path")
        guard let file = bundle[name] else { preconditionFailure("a name without a file") }
        precondition(file.bytes(0..<file.count).count == file.count, "a file that is shorter than it says")
    }
    return 0
}
