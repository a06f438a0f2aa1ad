public import BenchModel

extension SMPFraming {
    /// The longest message for a server's buffer of `bufferSize` bytes.
    public func messageLimit(bufferSize: Int) -> Int {
        switch self {
        // The buffer takes the decoded packet, its length and CRC too.
        case .console: bufferSize - 4
        case .raw, .cobs: bufferSize
        }
    }

    /// Bytes on the wire.
    public func encode(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .console(let lineLength): ConsoleFrame.encode(message, lineLength: lineLength)
        case .raw: message
        case .cobs: COBSFrame.encode(message)
        }
    }

    /// Sent before a message where what was sent before may hang half received in the server: it ends that.
    var resynchronisation: [UInt8] {
        switch self {
        case .console: [ConsoleFrame.end]
        case .raw: []
        case .cobs: [COBSFrame.end]
        }
    }

    /// A decoder for one direction of one line.
    public func makeDecoder() -> SMPFrameDecoder { SMPFrameDecoder(self) }
}

/// Takes messages out of the bytes of one direction of a line, and leaves out everything else.
///
/// What is no frame, or a damaged one, is dropped, and the next frame is found again. Memory is bounded by `limit`.
public struct SMPFrameDecoder: Sendable {
    /// Bytes that were no frame, or a damaged one's.
    public private(set) var droppedBytes = 0
    private let framing: SMPFraming
    private let limit: Int
    private var buffer: [UInt8] = []
    private var start = 0
    /// The decoded packet that continuation lines add to.
    private var packet: [UInt8]?

    /// `limit`: bytes of the longest message that is believed.
    init(_ framing: SMPFraming, limit: Int = SMPMessage.headerLength + SMPMessage.bodyLimit) {
        self.framing = framing
        self.limit = limit
    }

    /// Adds bytes as they came from the line.
    public mutating func feed(_ bytes: [UInt8]) {
        if start > 0, start == buffer.count || start > 65_536 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer += bytes
    }

    /// The next whole message's bytes; `nil` until more bytes come.
    public mutating func next() -> [UInt8]? {
        switch framing {
        case .console: nextConsole()
        case .raw: nextRaw()
        case .cobs: nextCOBS()
        }
    }

    /// Forgets what was half received: after a reset of the line, or a silence.
    public mutating func reset() {
        droppedBytes += buffer.count - start
        buffer = []
        start = 0
        packet = nil
    }

    /// The bytes up to a delimiter, without it.
    private mutating func takeUntil(_ delimiter: UInt8) -> ArraySlice<UInt8>? {
        guard let end = buffer[start...].firstIndex(of: delimiter) else {
            // Nothing of ours is that long.
            if buffer.count - start > 2 * limit { reset() }
            return nil
        }
        defer { start = end + 1 }
        return buffer[start..<end]
    }

    private mutating func nextConsole() -> [UInt8]? {
        while let line = takeUntil(ConsoleFrame.end) {
            switch ConsoleFrame.read(line) {
            case .first(let bytes):
                droppedBytes += packet?.count ?? 0
                packet = bytes
            case .continuation(let bytes):
                guard packet != nil else {
                    droppedBytes += line.count
                    continue
                }
                packet?.append(contentsOf: bytes)
            case .noise:
                droppedBytes += line.count + 1
                continue
            }
            guard let whole = packet else { continue }
            switch ConsoleFrame.unwrap(whole, limit: limit) {
            case .incomplete: continue
            case .damaged:
                droppedBytes += whole.count
                packet = nil
            case .message(let message):
                packet = nil
                return message
            }
        }
        return nil
    }

    private mutating func nextRaw() -> [UInt8]? {
        let header = SMPMessage.headerLength
        while buffer.count - start >= header {
            let length = header + (Int(buffer[start + 2]) << 8 | Int(buffer[start + 3]))
            // Without a check sum this is all that tells a message from noise.
            guard buffer[start] & 0xF4 == 0, length <= limit else {
                start += 1
                droppedBytes += 1
                continue
            }
            guard buffer.count - start >= length else { return nil }
            defer { start += length }
            return Array(buffer[start..<start + length])
        }
        return nil
    }

    private mutating func nextCOBS() -> [UInt8]? {
        while let frame = takeUntil(COBSFrame.end) {
            if frame.isEmpty { continue }
            if let message = COBSFrame.decode(frame) { return message }
            droppedBytes += frame.count
        }
        return nil
    }
}

/// CRC-16/XMODEM: polynomial 0x1021, no reflection, initial value 0.
enum CRC16 {
    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }

    static func of(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { $0 << 8 ^ table[Int(UInt8(truncatingIfNeeded: $0 >> 8) ^ $1)] }
    }
}
