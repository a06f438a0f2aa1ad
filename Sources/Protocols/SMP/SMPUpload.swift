public import BenchModel
internal import Links

/// An image on its way to a unit.
public struct SMPUpload: Sendable {
    /// The bytes.
    public var content: any ComponentContent
    /// SHA-256 of all of them: by it the server knows an upload that was cut, and goes on with it.
    public var hash: SHA256Value
    /// The image number.
    public var image: Int
    /// How long the first chunk may take: the server may erase the whole slot before it answers.
    public var eraseBound: Duration
    /// How long the server may be silent, or make no progress, before the upload is given up.
    public var stallBound: Duration

    public init(
        _ content: any ComponentContent, hash: SHA256Value, image: Int, eraseBound: Duration, stallBound: Duration
    ) {
        self.content = content
        self.hash = hash
        self.image = image
        self.eraseBound = eraseBound
        self.stallBound = stallBound
    }

    /// Data bytes of the chunks, chosen so that a request fills the server's buffer.
    struct Plan: Equatable {
        /// Of the first chunk, which also says what is coming.
        var first: Int
        /// Of all others.
        var chunk: Int
        /// Whether the first chunk has room for the hash.
        var withHash: Bool
    }

    /// Zephyr wants to see the image's header in the first chunk, bytes.
    static let leastFirstChunk = 32
    /// The first chunk is a question: where to begin. More data makes its way no safer, and the server forgets it where it goes on
    /// elsewhere.
    static let mostFirstChunk = 128

    /// - Throws: ``SMPError/malformed(_:)`` where the buffer has no room for anything.
    static func plan(messageLimit: Int, total: Int, image: Int) throws(SMPError) -> Plan {
        func room(_ request: ImageGroup.Upload) -> Int {
            // The widest offset, and the data's own length: what is left is data.
            let rest = messageLimit - SMPMessage.headerLength - request.body.encoded.count
            return max(0, rest + CBOR.headLength(0) - CBOR.headLength(max(0, rest)))
        }
        let empty = ImageGroup.Upload(offset: total, data: [])
        var first = ImageGroup.Upload(
            offset: 0, data: [], image: image == 0 ? nil : image, length: total, sha: [UInt8](repeating: 0, count: 32))
        var plan = Plan(first: min(room(first), mostFirstChunk), chunk: room(empty), withHash: true)
        if plan.first < min(leastFirstChunk, total) {
            first.sha = nil
            plan.first = min(room(first), mostFirstChunk)
            plan.withHash = false
        }
        guard plan.chunk > 0, plan.first >= min(leastFirstChunk, total) else {
            throw .malformed("messages of \(messageLimit) bytes are too short for an upload")
        }
        return plan
    }
}

extension SMPClient {
    /// Uploads an image with as many requests under way as the server has buffers, and goes on where an earlier upload of the
    /// same bytes was cut. `progress` hears the bytes that the server has.
    /// - Throws: ``SMPError``.
    public func upload(_ upload: SMPUpload, progress: (Int) -> Void) async throws(SMPError) {
        let total = upload.content.count
        let buffer = min(buffers.size, SMPBuffers.sizeLimit)
        let plan = try SMPUpload.plan(messageLimit: framing.messageLimit(bufferSize: buffer), total: total, image: upload.image)
        let begun = try await begin(upload, plan)
        var last = begun
        var window = UploadWindow(
            total: total, chunk: plan.chunk, limit: min(buffers.count, SMPBuffers.countLimit), offset: try offset(begun, of: upload))
        var furthest = window.acknowledged
        var progressed = clock.now
        progress(furthest)
        while !window.isComplete {
            try await fill(&window, upload.content)
            guard clock.now - progressed < upload.stallBound else {
                throw .stalled(offset: window.acknowledged, after: upload.stallBound)
            }
            if let answer = try await answered(window, stallBound: upload.stallBound) {
                do throws(SMPError) {
                    last = try Self.read(answer, of: ImageGroup.Upload.self)
                    let result = window.answered(answer.sequence, offset: try offset(last, of: upload), now: clock.now)
                    switch result {
                    case .advanced(let time), .late(let time): chunkRoundTrip.measured(time)
                    case .rewound, .stale: break
                    }
                } catch {
                    // Out of buffers, busy: the chunk is lost, and the next answer tells where to go on.
                    guard error.isTransient else { throw error }
                    window.expired()
                }
            } else {
                window.expired()
                chunkRoundTrip.expired()
                startAnew()
            }
            if window.acknowledged > furthest {
                furthest = window.acknowledged
                progressed = clock.now
                progress(furthest)
            }
        }
        if last.match == false { throw .hashMismatch }
    }

    /// Sends what the window has room for. The last request may go in two parts: the unit takes in the first while it works.
    private func fill(_ window: inout UploadWindow, _ content: any ComponentContent) async throws(SMPError) {
        guard try await sendRest(room: window.room(port.capacity, unsent: unsentCount)) else { return }
        while window.room(port.capacity, unsent: 0) > 0, let range = window.nextChunk {
            let request = ImageGroup.Upload(offset: range.lowerBound, data: content.bytes(range))
            let sent = try await send(request, room: window.room(port.capacity, unsent: 0))
            window.sent(range, sequence: sent.sequence, length: sent.length, at: clock.now)
        }
    }

    /// The next answer to a chunk that is under way; `nil` when the oldest one's time is over.
    private func answered(_ window: UploadWindow, stallBound: Duration) async throws(SMPError) -> SMPMessage? {
        guard let since = window.waitingSince else { return nil }
        // What has arrived already is looked at in any case.
        let deadline = max(since + chunkRoundTrip.timeout(bound: stallBound), clock.now + .milliseconds(20))
        return try await answer(to: ImageGroup.Upload.self, until: deadline) { window.isExpected($0) }
    }

    /// Sends the first chunk, alone: before its answer nothing is known of where the server wants to begin.
    private func begin(_ upload: SMPUpload, _ plan: SMPUpload.Plan) async throws(SMPError) -> ImageGroup.Upload.Response {
        let total = upload.content.count
        let first = ImageGroup.Upload(
            offset: 0, data: upload.content.bytes(0..<min(plan.first, total)), image: upload.image == 0 ? nil : upload.image,
            length: total, sha: plan.withHash ? upload.hash.bytes : nil)
        return try await request(first, within: upload.eraseBound)
    }

    private func offset(_ response: ImageGroup.Upload.Response, of upload: SMPUpload) throws(SMPError) -> Int {
        guard let offset = response.offset, offset <= upload.content.count else {
            throw .malformed("the unit asks for offset \(response.offset.map(String.init) ?? "none") of \(upload.content.count)")
        }
        // Only a first chunk with length and hash begins an upload.
        guard offset > 0 else { throw .forgotten }
        return offset
    }
}

extension ComponentContent {
    /// A copy of the bytes in `range`.
    fileprivate func bytes(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        append(range, to: &bytes)
        return bytes
    }
}
