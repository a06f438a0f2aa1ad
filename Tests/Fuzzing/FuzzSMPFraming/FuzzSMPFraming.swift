import BenchModel
import Protocols

/// libFuzzer's entry: whatever a line carries, in whatever pieces, the same messages come out of it, and each can be sent again.
///
/// The first byte chooses the framing, the second how the rest is cut into pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSMPFraming(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard size > 2 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let framings: [SMPFraming] = [.console(lineLength: 127), .console(lineLength: 8), .raw, .cobs]
    let framing = framings[Int(bytes[0]) % framings.count]
    let piece = Int(bytes[1]) + 1
    let line = bytes[2...]
    let whole = messages(in: [Array(line)], framing)
    let pieces = stride(from: line.startIndex, to: line.endIndex, by: piece).map { Array(line[$0..<min($0 + piece, line.endIndex)]) }
    precondition(messages(in: pieces, framing) == whole, "the pieces make a difference")
    for message in whole { precondition(messages(in: [framing.encode(message)], framing) == [message], "sent again as something else") }
    return 0
}

private func messages(in pieces: [[UInt8]], _ framing: SMPFraming) -> [[UInt8]] {
    var decoder = framing.makeDecoder()
    var messages: [[UInt8]] = []
    for piece in pieces {
        decoder.feed(piece)
        while let message = decoder.next() { messages.append(message) }
    }
    return messages
}
