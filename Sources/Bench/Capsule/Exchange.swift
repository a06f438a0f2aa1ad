public import BenchModel
public import Links

/// One thing that passed between a session and what is below it: a request and its answer, or news of the dock.
public struct Exchange: Hashable, Sendable, Codable {
    /// What passed.
    public enum Kind: String, Hashable, Sendable, Codable {
        /// A device was opened; with its descriptors.
        case open
        case openHub = "open-hub"
        /// The USB device below a tty was opened.
        case openUSB = "open-usb"
        case controlOut = "out"
        case controlIn = "in"
        case claim
        case select
        case reset
        /// A serial line was opened.
        case openLine = "open-line"
        case write
        case read
        /// A device of ours came to the slot.
        case arrived
        /// It left.
        case left
    }

    /// What passed.
    public var kind: Kind
    /// Nanoseconds from the session's beginning until it began.
    public var at: Int64
    /// Nanoseconds that it took.
    public var took: Int64
    /// bmRequestType and bRequest.
    public var request: UInt16?
    /// wValue; of `select` the alternate setting.
    public var value: UInt16?
    /// wIndex; of `claim` and `select` the interface.
    public var index: UInt16?
    /// Bytes sent, or asked for; where the image's bytes came, as many as came.
    public var length: Int?
    /// What came, hex; of what was sent no more than the first few.
    public var data: String?
    /// What came begins with the image's bytes, from where the last block ended.
    public var isImage: Bool?
    /// What came were other bytes than the image's, too many to be kept; as many as came.
    public var isOther: Bool?
    /// A link error's code.
    public var error: String?
    /// What the system said.
    public var sentence: String?
    private var opened: Aside<USBDescriptors>?
    private var seen: Aside<SeenDevice>?

    /// What an opened device says of itself.
    public var descriptors: USBDescriptors? {
        get { opened?.value }
        set { opened = newValue.map { Aside($0) } }
    }

    /// The device that came, or left.
    public var device: SeenDevice? {
        get { seen?.value }
        set { seen = newValue.map { Aside($0) } }
    }

    private enum CodingKeys: String, CodingKey {
        case kind, at, took, request, value, index, length, data, isImage, isOther, error, sentence
        case opened = "descriptors"
        case seen = "device"
    }

    /// Bytes of what is sent that are kept.
    static let shownBytes = 7

    /// Bytes in memory, as far as they matter.
    var room: Int { 240 + (data?.utf8.count ?? 0) + (sentence?.utf8.count ?? 0) + (opened == nil && seen == nil ? 0 : 1024) }

    init(_ kind: Kind, at: Int64) {
        self.kind = kind
        self.at = at
        took = 0
    }

    /// Whether the other is this one again, `steps` in wValue further on. Asked some times for each block, so field by field.
    func repeats(_ other: Exchange, steps: UInt16) -> Bool {
        guard kind == other.kind, request == other.request, value == other.value.map({ $0 &+ steps }), index == other.index,
            length == other.length, isImage == other.isImage, isOther == other.isOther
        else { return false }
        let isWritten = kind == .controlOut && error == nil
        // How long nothing came is what a session goes by; and what is shown of a block is shown of the first.
        guard isWritten || data != nil || isImage == true || isOther == true || took == other.took,
            kind == .controlOut || data == other.data
        else {
            return false
        }
        return error == other.error && sentence == other.sentence && opened == other.opened && seen == other.seen
    }
}

/// What few exchanges have, and is larger than all that the others are: the others have a pointer's room for it.
private indirect enum Aside<Value: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    case kept(Value)

    init(_ value: Value) { self = .kept(value) }

    var value: Value {
        switch self {
        case .kept(let value): value
        }
    }

    init(from decoder: any Decoder) throws { self = .kept(try Value(from: decoder)) }

    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// A device of ours as udev described it when it came.
public struct SeenDevice: Hashable, Sendable, Codable {
    /// The physical port, by udev's ID_PATH.
    public var port: PortPath
    /// The interface of a tty.
    public var interface: UInt8?
    /// Its node.
    public var node: String
    /// Its folder in sysfs.
    public var syspath: String
    /// The number of the USB device on its bus.
    public var incarnation: String
    /// Its mode, by the profile.
    public var mode: UnitMode
    /// Those of udev's properties that a bench looks at.
    public var properties: [String: String]
}
