import Protocols

/// libFuzzer's entry: any bytes must be read as an SMP message, its body as every request and response that we speak, without a crash.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSMPMessages(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let message = try? SMPMessage(Array(UnsafeBufferPointer(start: data, count: size))) else { return 0 }
    guard let bytes = try? message.encoded() else { preconditionFailure("what was read can't be written") }
    precondition((try? SMPMessage(bytes)) == message, "read again as something else")
    if let status = SMPStatus(message.body) { precondition(SMPStatus(status.body) == status && !"\(status)".isEmpty) }
    let body = message.body
    both(OSGroup.Echo.self, body)
    both(OSGroup.Reset.self, body)
    both(OSGroup.Parameters.self, body)
    both(OSGroup.Info.self, body)
    both(OSGroup.BootloaderInfo.self, body)
    both(ImageGroup.ReadState.self, body)
    both(ImageGroup.WriteState.self, body)
    both(ImageGroup.Upload.self, body)
    both(ImageGroup.Erase.self, body)
    return 0
}

private func both<Request: SMPRequest>(_ type: Request.Type, _ body: CBOR) {
    if let request = try? Request(body: body) { precondition((try? Request(body: request.body)) == request) }
    if let response = try? Request.Response(body: body) { precondition((try? Request.Response(body: response.body)) == response) }
}
