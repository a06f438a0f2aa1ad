/// Something that goes wrong with a simulated unit, and when.
public struct Fault: Hashable, Sendable, Codable {
    /// What can go wrong.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Pulled out: at a byte of the download, or on entering a DFU state.
        case unplug
        /// STALL: at a block of the download, or on a request.
        case stall
        /// No answer: at a block of the download, on a request, or to the request that enters a DFU state.
        case silence
        /// From a request on, DFU's or SMP's, nothing is answered any more: until its port is reset, or only until its power was off where
        /// `value` is `power`.
        case hang
        /// The transfer itself fails: at a block of the download, or on a request.
        case lineError = "line-error"
        /// The download fails with a DFU status; or an SMP request is answered with an error.
        case errorStatus = "error-status"
        /// A bit of the flash changes after the image was manifested.
        case bitFlip = "bit-flip"
        /// Programming a block takes longer by `value` milliseconds.
        case slow
        /// bwPollTimeout says `value` milliseconds, whatever is true.
        case pollTimeout = "poll-timeout"
        /// An upload ends at a block.
        case shortUpload = "short-upload"
        /// The firmware says version `value`.
        case wrongVersion = "wrong-version"
        /// After a reset its bootloader offers DFU for `value` milliseconds before it starts the firmware.
        case dfuWindow = "dfu-window"
        /// Does not come back after a reboot.
        case neverReturns = "never-returns"
        /// Comes back with CHF ID `value` after a reboot.
        case returnsAs = "returns-as"
        /// Comes back in slot `value` after a reboot.
        case returnsIn = "returns-in"
        /// Descriptors are cut at `value` bytes.
        case truncatedDescriptors = "truncated-descriptors"
        /// Descriptors are noise made from seed `value`.
        case garbageDescriptors = "garbage-descriptors"
        /// The configuration claims to be 65,535 bytes long.
        case hugeDescriptors = "huge-descriptors"
        /// A line of SMP is lost: the one with number `atBlock`, or by chance where `value` is `PER-MILLE/SEED`; so for the next four.
        case lineLost = "line-lost"
        /// A line of SMP comes twice.
        case lineDuplicated = "line-duplicated"
        /// A line of SMP comes after the one that follows it.
        case lineReordered = "line-reordered"
        /// A byte of a line of SMP is another.
        case lineCorrupted = "line-corrupted"
        /// A log line between the lines of SMP.
        case noise
        /// The answer to an SMP upload asks for an offset that is `value` bytes off.
        case wrongOffset = "wrong-offset"
        /// An SMP answer has another sequence number.
        case wrongSequence = "wrong-sequence"
        /// SMP requests of more than `value` bytes are lost, whatever the parameters say.
        case smallBuffers = "small-buffers"
        /// The confirmation of an image is answered and not kept.
        case confirmLost = "confirm-lost"
    }

    /// What goes wrong.
    public var kind: Kind
    /// At this byte of the download or of the flash.
    public var atByte: Int?
    /// At this block of the transfer, counted from 0.
    public var atBlock: Int?
    /// A DFU state's name.
    public var inState: String?
    /// A DFU request's name, or an SMP request's: `image upload`, `image state write`, `reset`.
    public var request: String?
    /// A DFU status's name.
    public var status: String?
    /// The kind's own value.
    public var value: String?
    /// How often it still happens; `nil` for ever.
    public var times: Int?

    public init(
        _ kind: Kind, atByte: Int? = nil, atBlock: Int? = nil, inState: String? = nil, request: String? = nil,
        status: String? = nil, value: String? = nil, times: Int? = 1
    ) {
        self.kind = kind
        self.atByte = atByte
        self.atBlock = atBlock
        self.inState = inState
        self.request = request
        self.status = status
        self.value = value
        self.times = times
    }

    /// Whether a block that covers `bytes` of the download meets the fault.
    func meets(block: Int, bytes: Range<Int>) -> Bool {
        if let atBlock { return atBlock == block }
        if let atByte { return bytes.contains(atByte) }
        return request == nil && inState == nil
    }
}

/// The faults of one unit, in the order in which they were asked for.
struct FaultPlan: Sendable {
    private(set) var faults: [Fault] = []

    mutating func add(_ fault: Fault) { faults.append(fault) }

    mutating func clear() { faults = [] }

    /// The first fault of this kind that fits, counted down.
    mutating func take(_ kind: Fault.Kind, where fits: (Fault) -> Bool = { _ in true }) -> Fault? {
        guard let index = faults.firstIndex(where: { $0.kind == kind && fits($0) }) else { return nil }
        let fault = faults[index]
        if let times = fault.times {
            if times <= 1 { faults.remove(at: index) } else { faults[index].times = times - 1 }
        }
        return fault
    }

    /// The first fault of this kind, not counted down: for what is so as long as it lasts.
    func lasting(_ kind: Fault.Kind) -> Fault? { faults.first { $0.kind == kind } }
}
