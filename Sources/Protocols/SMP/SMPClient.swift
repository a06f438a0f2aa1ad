public import BenchModel
public import Links

/// The host's side of an SMP conversation over one serial line, as linear code: ask, wait, ask again.
///
/// It belongs to one task at a time. Answers are matched to requests by sequence, group and command; whatever else comes over
/// the line, boot messages and logs say, is left out.
public final class SMPClient {
    /// The open line.
    public let port: any SerialPort
    /// How messages lie on it.
    public let framing: SMPFraming
    /// What the server says that it can take; the profile's or the default until it was asked.
    public private(set) var buffers: SMPBuffers
    let clock: any BenchClock
    /// What one request may take, with all its tries.
    let requestBound: Duration
    /// Of short requests.
    private var roundTrip = RoundTrip(initial: .milliseconds(500))
    /// Of an upload's chunks, which may be long.
    var chunkRoundTrip = RoundTrip(initial: .milliseconds(400))
    private var decoder: SMPFrameDecoder
    private var sequence: UInt8
    /// Whether the server may have half a message, of this conversation or of whoever spoke before.
    private var mustResynchronise = true
    /// What the line has not been given yet of the last request.
    private var unsent: ArraySlice<UInt8> = []

    public init(
        _ port: any SerialPort, framing: SMPFraming, clock: any BenchClock, requestBound: Duration,
        buffers: SMPBuffers = SMPBuffers()
    ) {
        self.port = port
        self.framing = framing
        self.clock = clock
        self.requestBound = requestBound
        self.buffers = buffers
        decoder = framing.makeDecoder()
        // Differs from one conversation to the next: a late answer to an earlier one must not fit.
        sequence = UInt8(truncatingIfNeeded: clock.now.components.attoseconds / 1_000_000_000_000)
    }

    /// Asks for the server's buffers; one that does not know the command keeps what was assumed.
    public func negotiate() async throws(SMPError) {
        do throws(SMPError) {
            let found = try await request(OSGroup.Parameters())
            buffers = SMPBuffers(size: found.bufferSize, count: found.bufferCount)
        } catch {
            guard case .status = error else { throw error }
        }
    }

    /// Takes over what an earlier conversation with the same server has found out.
    public func assume(_ buffers: SMPBuffers) { self.buffers = buffers }

    /// Sends a request until it is answered, for at most `bound`, or the bound of the conversation.
    /// - Throws: ``SMPError``; `status` where the server answered with an error.
    public func request<Request: SMPRequest>(
        _ request: Request, within bound: Duration? = nil, tries limit: Int = .max
    ) async throws(SMPError) -> Request.Response {
        let deadline = clock.now + (bound ?? requestBound)
        var sequences: Set<UInt8> = []
        repeat {
            let sequence = try await send(request).sequence
            sequences.insert(sequence)
            let sent = clock.now
            let patience = limit == 1 ? deadline : min(deadline, sent + roundTrip.timeout(bound: bound ?? requestBound))
            if let answer = try await answer(to: Request.self, until: patience, where: { sequences.contains($0) }) {
                // An answer to a request that was sent twice does not say to which.
                if sequences.count == 1 { roundTrip.measured(clock.now - sent) }
                return try Self.read(answer, of: Request.self)
            }
            if limit > 1 { roundTrip.expired() }
            startAnew()
        } while clock.now < deadline && sequences.count < limit
        throw .noAnswer(to: Request.name, tries: sequences.count)
    }

    /// Sends a request and does not wait for its answer.
    /// - Parameter room: bytes of it that the line gets now; it gets the rest before anything else.
    /// - Returns: its sequence number, and its bytes on the line.
    func send<Request: SMPRequest>(_ request: Request, room: Int = .max) async throws(SMPError) -> (sequence: UInt8, length: Int) {
        sequence &+= 1
        let message = SMPMessage(
            Request.operation, group: Request.group, sequence: sequence, command: Request.command, body: request.body)
        let bytes = framing.encode(try message.encoded())
        unsent += mustResynchronise ? framing.resynchronisation + bytes : bytes
        mustResynchronise = false
        try await sendRest(room: room)
        return (sequence, bytes.count)
    }

    /// Gives the line at most `room` bytes more of the last request.
    /// - Returns: whether it has all of it.
    @discardableResult
    func sendRest(room: Int) async throws(SMPError) -> Bool {
        let part = unsent.prefix(max(0, room))
        unsent = unsent.dropFirst(part.count)
        guard !part.isEmpty else { return unsent.isEmpty }
        do throws(SerialError) {
            try await port.write(Array(part), timeout: requestBound)
        } catch {
            throw SMPError(error)
        }
        return unsent.isEmpty
    }

    /// Bytes of the last request that the line has not been given.
    var unsentCount: Int { unsent.count }

    /// The next answer to a request of this kind with one of these sequence numbers; `nil` when none has come in time.
    func answer<Request: SMPRequest>(
        to: Request.Type, until deadline: Duration, where isMeant: (UInt8) -> Bool
    ) async throws(SMPError) -> SMPMessage? {
        while true {
            while let bytes = decoder.next() {
                guard let message = try? SMPMessage(bytes), message.operation == Request.operation.response,
                    message.group == Request.group, message.command == Request.command, isMeant(message.sequence)
                else { continue }
                return message
            }
            let left = deadline - clock.now
            guard left > .zero else { return nil }
            do throws(SerialError) {
                decoder.feed(try await port.read(timeout: left))
            } catch {
                throw SMPError(error)
            }
        }
    }

    /// Listens to a unit that restarts, without a word: until it has spoken (a bootloader's and a firmware's greetings) and been silent again
    /// for `pause`, or has said nothing for `quiet`; for at most `bound`.
    ///
    /// What a UART takes in while it is set up may stop it for good, and MCUboot's serial recovery may stay for what it hears.
    public func listen(quiet: Duration, pause: Duration, bound: Duration) async throws(SMPError) {
        let deadline = clock.now + bound
        var patience = quiet
        while clock.now < deadline {
            do throws(SerialError) {
                guard try await !port.read(timeout: min(patience, deadline - clock.now)).isEmpty else { return startAnew() }
            } catch {
                throw SMPError(error)
            }
            patience = pause
        }
        startAnew()
    }

    /// After a silence: forgets a frame that came in part, and lets the server forget one.
    func startAnew() {
        decoder.reset()
        mustResynchronise = true
    }

    /// The response that a message carries.
    static func read<Request: SMPRequest>(_ message: SMPMessage, of: Request.Type) throws(SMPError) -> Request.Response {
        if let status = SMPStatus(message.body) { throw .status(status, to: Request.name) }
        return try Request.Response(body: message.body)
    }
}
