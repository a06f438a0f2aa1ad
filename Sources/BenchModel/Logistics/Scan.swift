/// What a barcode scanner has read.
public enum ScanCode: Hashable, Sendable {
    /// A unit's CHF ID, or the identity that is printed on it.
    case unit(EUI64)
    /// A carton or a pallet.
    case package(SSCC)
    /// A slot's label.
    case slot(SlotID)
    /// One of the cards beside the bench.
    case card(Card)
    /// Nothing that is known here.
    case unreadable(String)

    /// A card that does what would else take a keystroke.
    public enum Card: Hashable, Sendable {
        case undo
        case hold
        case cartonFull
        /// Who scans from now on.
        case `operator`(String)
    }

    /// What a card's code begins with.
    static let cardPrefix = "CARD:"
    /// What a slot's code begins with.
    static let slotPrefix = "SLOT:"

    /// `slots`: labels that are also read without their prefix.
    public init(_ text: String, slots: Set<SlotID> = []) {
        let text = text.trimmedASCII
        if let unit = EUI64(text) {
            self = .unit(unit)
        } else if let sscc = SSCC(text) {
            self = .package(sscc)
        } else if text.hasPrefix(Self.slotPrefix), let slot = SlotID(text.dropFirst(Self.slotPrefix.count)) {
            self = .slot(slot)
        } else if text.hasPrefix(Self.cardPrefix), let card = Card(text.dropFirst(Self.cardPrefix.count)) {
            self = .card(card)
        } else if let slot = SlotID(text), slots.contains(slot) {
            self = .slot(slot)
        } else {
            self = .unreadable(text)
        }
    }

    /// What the bars of a card or a slot's label say; `nil` for what is printed by others.
    public var text: String? {
        switch self {
        case .slot(let slot): Self.slotPrefix + slot.label
        case .card(let card): Self.cardPrefix + card.text
        case .unit, .package, .unreadable: nil
        }
    }
}

extension ScanCode.Card {
    fileprivate init?(_ text: some StringProtocol) {
        switch text {
        case "UNDO": self = .undo
        case "HOLD": self = .hold
        case "CARTON-FULL": self = .cartonFull
        default:
            guard text.hasPrefix("OPERATOR:"), text.utf8.count > 9, text.utf8.count <= 49 else { return nil }
            self = .operator(String(text.dropFirst(9)))
        }
    }

    fileprivate var text: String {
        switch self {
        case .undo: "UNDO"
        case .hold: "HOLD"
        case .cartonFull: "CARTON-FULL"
        case .operator(let name): "OPERATOR:\(name)"
        }
    }
}

extension String {
    fileprivate var trimmedASCII: String {
        let isSpace = { (character: Character) in character.isWhitespace || character == "\0" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}

/// What a scan is answered with. The raw values are stable: they stand in the journal.
public enum ScanVerdict: String, Hashable, Sendable, Codable, CaseIterable {
    case expected
    case unexpected
    /// It was scanned before.
    case duplicate
    case alreadyPacked = "already-packed"
    case packed
    /// The unit belongs into the slot that was scanned before.
    case bound
    /// Now scan the unit for this slot.
    case slotReady = "slot-ready"
    /// Units that are scanned from now on go into this carton.
    case cartonReady = "carton-ready"
    case cartonClosed = "carton-closed"
    case undone
    case held
    case operatorKnown = "operator-known"
    /// The code is of no kind that is known here.
    case unreadable
    /// It can't be done; the message says why.
    case refused

    /// Whether nothing has to be looked at.
    public var isGood: Bool {
        switch self {
        case .expected, .packed, .bound, .slotReady, .cartonReady, .cartonClosed, .undone, .operatorKnown: true
        case .unexpected, .duplicate, .alreadyPacked, .held, .unreadable, .refused: false
        }
    }
}

/// One scan on its way to the bench.
public struct ScanOrder: Hashable, Sendable, Codable {
    /// The scanner's own number of the scan: it is recorded once, however often it is sent. 1 to 64 characters.
    public var scan: String
    /// What was read.
    public var code: String
    /// The scanning place, 1 to 40 characters.
    public var station: String
    /// The consignment that is being taken in, for units that nothing is known of.
    public var consignment: ConsignmentID?

    public init(scan: String, code: String, station: String, consignment: ConsignmentID? = nil) {
        self.scan = scan
        self.code = code
        self.station = station
        self.consignment = consignment
    }
}

/// What a person is told at once.
public struct ScanAnswer: Hashable, Sendable, Codable {
    /// The scan's own number.
    public var scan: String
    /// In a word.
    public var verdict: ScanVerdict
    /// In a sentence.
    public var message: String
    /// The consignment that has to do with it.
    public var consignment: ConsignmentID?
    /// The unit's CHF ID.
    public var unit: EUI64?
    /// The slot that the unit belongs into.
    public var slot: SlotID?
    /// The carton that is being filled.
    public var carton: SSCC?

    public init(scan: String, verdict: ScanVerdict, message: String) {
        self.scan = scan
        self.verdict = verdict
        self.message = message
    }
}
