import BenchModel
import Testing

@testable import Protocols

@Suite struct SMPMessageTests {
    @Test func `a message that lies about its length, its operation or its body is named`() {
        for (bytes, sentence) in [
            ([1, 2], "expected a header of 8 bytes, found 2"), ([0x0C, 0, 0, 1, 0, 0, 0, 0, 0xA0], "expected operation 0 to 3, found 4"),
            ([0x1A, 0, 0, 1, 0, 0, 0, 0, 0xA0], "expected version 0 or 1, found 3"),
            ([0x0A, 0, 0, 2, 0, 0, 0, 0, 0xA0], "the header says 2 bytes of body, found 1"),
            ([0x0A, 0, 0, 1, 0, 0, 0, 0, 0x80], "expected a map as body"),
            ([0x0A, 0, 0, 2, 0, 0, 0, 0, 0xA1, 0x61], "CBOR at byte 0: claims 1 items, more than the rest can hold"),
        ] as [([UInt8], String)] {
            #expect(throws: SMPError.malformed(sentence)) { try SMPMessage(bytes) }
        }
    }

    @Test func `both forms of errors are understood, and a zero is none`() {
        #expect(SMPStatus(.map(["rc": CBOR(8)]))?.isNotSupported == true)
        #expect(
            SMPStatus(.map(["err": .map(["group": CBOR(1), "rc": CBOR(24)])]))?.description == "group 1 error 24 (the hash is not valid)")
        #expect(SMPStatus(.map(["rc": CBOR(0), "off": CBOR(7)])) == nil)
    }
}

@Suite struct SMPFramingTests {
    private let message: [UInt8] = [0x0A, 0, 0, 1, 0, 1, 7, 0, 0xA0]

    @Test(arguments: [SMPFraming.console(lineLength: 127), .cobs])
    func `a frame is found again after noise, after half a frame, and byte by byte`(framing: SMPFraming) {
        var decoder = framing.makeDecoder()
        let wire = framing.encode(message)
        decoder.feed(Array("*** Booting ***\r\n".utf8) + wire.dropLast(4) + [10, 0] + wire)
        #expect(decoder.next() == message)
        for byte in wire { decoder.feed([byte]) }
        #expect(decoder.next() == message)
        #expect(decoder.next() == nil)
        #expect(decoder.droppedBytes > 0)
    }

    @Test(arguments: [SMPFraming.console(lineLength: 64), .cobs])
    func `no single changed byte gets through`(framing: SMPFraming) {
        let wire = framing.encode((1...90).map { UInt8($0) })
        for index in wire.indices {
            for change in [UInt8(1), 0x20, 0xFF] {
                var damaged = wire
                damaged[index] ^= change
                var decoder = framing.makeDecoder()
                decoder.feed(damaged)
                #expect(decoder.next().map { $0 == (1...90).map { UInt8($0) } } ?? true)
            }
        }
    }

    @Test func `raw messages follow each other without anything between`() {
        var decoder = SMPFraming.raw.makeDecoder()
        decoder.feed([0xFF, 0x41] + message + message.prefix(5))
        #expect(decoder.next() == message)
        #expect(decoder.next() == nil)
        decoder.feed(Array(message.dropFirst(5)))
        #expect(decoder.next() == message)
    }
}

@Suite struct UploadWindowTests {
    /// A window that is open: the first chunk, of 0 to 100, was answered.
    private func window(_ limit: Int = 3) -> UploadWindow {
        var window = UploadWindow(total: 1100, chunk: 100, limit: limit, offset: 0)
        window.sent(0..<100, sequence: 255, length: 100, at: .zero)
        _ = window.answered(255, offset: 100, now: .zero)
        return window
    }

    private func fill(_ window: inout UploadWindow, from sequence: UInt8 = 0) -> [Range<Int>] {
        var sent: [Range<Int>] = []
        while let range = window.nextChunk {
            window.sent(range, sequence: sequence &+ UInt8(sent.count), length: 100, at: .zero)
            sent.append(range)
        }
        return sent
    }

    @Test func `one chunk goes first, and as many as the server has buffers when it was answered`() {
        var window = UploadWindow(total: 1100, chunk: 100, limit: 3, offset: 0)
        #expect(fill(&window) == [0..<100])
        #expect(window.answered(0, offset: 100, now: .seconds(1)) == .advanced(roundTrip: .seconds(1)))
        #expect(fill(&window, from: 1) == [100..<200, 200..<300, 300..<400])
        #expect(window.answered(1, offset: 200, now: .seconds(2)) == .advanced(roundTrip: .seconds(2)))
        #expect(fill(&window, from: 4) == [400..<500])
        #expect(window.waitingSince == .seconds(2))
    }

    @Test func `a line gets no more than it holds, and always half a request beside the one that is worked on`() {
        var window = window()
        #expect(window.room(250, unsent: 0) == .max)
        window.sent(100..<200, sequence: 0, length: 100, at: .zero)
        #expect(window.room(250, unsent: 0) == 150)
        #expect(window.room(50, unsent: 0) == 50)
        window.sent(200..<300, sequence: 1, length: 100, at: .zero)
        #expect(window.room(50, unsent: 0) == -50)
        #expect(window.room(50, unsent: 80) == 30)
        _ = window.answered(1, offset: 300, now: .zero)
        #expect(window.room(50, unsent: 80) == .max)
    }

    @Test func `an answer that comes late is not for nothing`() {
        var window = window()
        _ = fill(&window)
        window.expired()
        #expect(window.isExpected(1))
        #expect(window.answered(1, offset: 300, now: .seconds(3)) == .late(roundTrip: .seconds(3)))
        #expect(window.acknowledged == 300)
        #expect(window.nextChunk == 300..<400)
    }

    @Test func `a server that keeps whole words gets chunks that end at one, and that is no loss`() {
        var window = UploadWindow(total: 1100, chunk: 99, limit: 3, offset: 0)
        _ = fill(&window)
        #expect(window.answered(0, offset: 96, now: .zero) == .rewound)
        #expect(fill(&window, from: 1) == [96..<192])
        #expect(window.answered(1, offset: 192, now: .zero) == .advanced(roundTrip: .zero))
        #expect(fill(&window, from: 2) == [192..<288, 288..<384, 384..<480])
    }

    @Test func `what is lost again when it is sent anew is sent in shorter chunks until all is well`() {
        var window = window()
        var sequence: UInt8 = 0
        for length in [100, 100, 64] {
            #expect(window.nextChunk == 100..<100 + length)
            window.sent(100..<100 + length, sequence: sequence, length: 100, at: .zero)
            window.expired()
            sequence += 1
        }
        for _ in 0..<16 {
            guard let range = window.nextChunk else { break }
            window.sent(range, sequence: sequence, length: 100, at: .zero)
            _ = window.answered(sequence, offset: range.upperBound, now: .zero)
            sequence += 1
        }
        #expect(window.chunk == 100)
    }

    @Test func `an answer settles the ones before it, whose answers were lost`() {
        var window = window()
        _ = fill(&window)
        #expect(window.answered(2, offset: 400, now: .zero) == .advanced(roundTrip: .zero))
        #expect(window.acknowledged == 400)
        #expect(window.flights.isEmpty)
    }

    @Test func `another offset than expected rewinds, and what was under way then does not count`() {
        var window = window()
        _ = fill(&window)
        #expect(window.answered(1, offset: 200, now: .zero) == .rewound)
        #expect(window.size == 2)
        #expect(fill(&window, from: 10) == [200..<300])
        #expect(window.answered(2, offset: 200, now: .zero) == .stale)
        #expect(window.answered(10, offset: 300, now: .zero) == .advanced(roundTrip: .zero))
        #expect(window.acknowledged == 300)
    }

    @Test func `after a silence it goes on with less, and grows again when all is well`() {
        var window = window()
        _ = fill(&window)
        window.expired()
        #expect(window.size == 2)
        var sequence: UInt8 = 100
        for _ in 0..<40 where !window.isComplete {
            guard let range = window.nextChunk else { break }
            window.sent(range, sequence: sequence, length: 100, at: .zero)
            _ = window.answered(sequence, offset: range.upperBound, now: .zero)
            sequence += 1
        }
        #expect(window.isComplete)
    }

    @Test func `a chunk fills the server's buffer to the last byte`() throws {
        for limit in [96, 128, 252, 380, 396, 1020, 2044, 16_000] {
            let plan = try SMPUpload.plan(messageLimit: limit, total: 500_000, image: 0)
            let chunk = ImageGroup.Upload(offset: 500_000, data: [UInt8](repeating: 1, count: plan.chunk))
            #expect((limit - 1...limit).contains(SMPMessage.headerLength + chunk.body.encoded.count), "\(limit)")
            let first = ImageGroup.Upload(
                offset: 0, data: [UInt8](repeating: 1, count: plan.first), length: 500_000,
                sha: plan.withHash ? [UInt8](repeating: 0, count: 32) : nil)
            #expect(SMPMessage.headerLength + first.body.encoded.count <= limit)
        }
        #expect(try SMPUpload.plan(messageLimit: 92, total: 500_000, image: 0).withHash == false)
        #expect(throws: SMPError.self) { try SMPUpload.plan(messageLimit: 40, total: 500_000, image: 0) }
    }
}
