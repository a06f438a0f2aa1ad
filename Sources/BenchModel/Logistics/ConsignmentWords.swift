// The words of return logistics. Raw values are stable: they stand in the journal, in exports and on the page.

/// What a consignment is called: 1 to 40 ASCII letters, digits, `.`, `-` or `_`, beginning with a letter or digit.
public struct ConsignmentID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The name.
    public let name: String

    public init?(_ name: some StringProtocol) {
        let bytes = Array(name.utf8)
        guard (1...40).contains(bytes.count), bytes.first.map(Self.isAlphanumeric) == true,
            bytes.allSatisfy({ Self.isAlphanumeric($0) || ".-_".utf8.contains($0) })
        else { return nil }
        self.name = String(name)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        let scalar = UnicodeScalar(byte)
        return scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
    }

    public var description: String { name }

    public static func < (left: Self, right: Self) -> Bool { left.name < right.name }
}

extension ConsignmentID: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "a consignment's name of 1 to 40 letters, digits, '.', '-' or '_'") { ConsignmentID($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(name) }
}

/// Why units come.
public enum ConsignmentKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// A Service User's units, asked for by a return request.
    case returnForReflash = "return-for-reflash"
    /// A Communication Service Provider's own stock, which has no Supplier yet.
    case firstStock = "stock-before-first-delivery"
}

/// How far a consignment is.
public enum ConsignmentStage: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    case requested
    /// The request was rejected.
    case rejected
    case accepted
    /// The load has arrived.
    case delivered
    /// The intake was decided: its units may be flashed.
    case takenIn = "taken-in"
    /// It balances, and nothing of it changes any more.
    case closed
    case shipped
    /// The Service User has taken delivery again.
    case received

    public static func < (left: Self, right: Self) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// How units are packed when they come, or the least that is taken.
public enum LoadUnit: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    case unit, carton, pallet

    public static func < (left: Self, right: Self) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Why a load or a part of it is rejected at delivery: for logistical reasons only.
public enum IntakeCode: String, Hashable, Sendable, Codable, CaseIterable {
    case damagedPackaging = "damaged-packaging"
    case notRegisteredWithSupplier = "not-registered-with-supplier"
    case addressMismatch = "address-mismatch"
    case quantityMismatch = "quantity-mismatch"
    case unreadableIdentity = "unreadable-identity"
    /// With a text.
    case other
}

/// Why a unit leaves by the fault-return process (DCC User Interface Specification, fault reasons of a Communications Hub).
public enum FaultReason: String, Hashable, Sendable, Codable, CaseIterable {
    case damagedCase = "damaged-case"
    case damagedConnector = "damaged-connector"
    case interference = "illegal-interference-or-missing-seals"
    case environment = "environmental-conditions-exceeded"
    case smWAN = "sm-wan-fault"
    case smHAN = "sm-han-fault"
    case led = "led-fault"
    case aerial = "aerial-fault"
    case manufacturing = "manufacturing-defect"
}

/// Why a unit is held until somebody has decided.
public enum HoldReason: String, Hashable, Sendable, Codable, CaseIterable {
    /// No notice of its consignment has it, neither by its CHF ID nor by the identity that is printed on it.
    case notExpected = "not-expected"
    /// The unit in a slot is another one than was scanned there.
    case otherUnitInSlot = "other-unit-in-slot"
    /// Somebody has said so.
    case byHand = "by-hand"
}

/// What became of a unit of a consignment. Each has exactly one.
public enum UnitState: String, Hashable, Sendable, Codable, CaseIterable {
    case awaiting
    case inProgress = "in-progress"
    case held
    case reflashed
    case alreadyCurrent = "already-current"
    case refused
    case failed
    case unknown
    /// A supervisor lets it go though its content is unknown, and says why.
    case returnedUnproven = "returned-unproven"
    case swapped
    case rejected
    /// Declared by a person, never a remainder.
    case missing

    /// Whether a consignment with such a unit may not be closed.
    public var isOpen: Bool {
        switch self {
        case .awaiting, .inProgress, .held, .unknown, .swapped: true
        case .reflashed, .alreadyCurrent, .refused, .failed, .returnedUnproven, .rejected, .missing: false
        }
    }

    /// Whether such a unit is packed and goes back; `failed` apart from the others.
    public var isPacked: Bool {
        switch self {
        case .reflashed, .alreadyCurrent, .refused, .failed, .returnedUnproven: true
        case .awaiting, .inProgress, .held, .unknown, .swapped, .rejected, .missing: false
        }
    }
}

/// A part of a load.
public enum LoadPart: Hashable, Sendable {
    case load
    case pallet(String)
    case carton(String)
    case unit(EUI64)

    /// The more of two parts says the more of a unit that is in both.
    public var precision: Int {
        switch self {
        case .load: 0
        case .pallet: 1
        case .carton: 2
        case .unit: 3
        }
    }
}

extension LoadPart: Codable, CustomStringConvertible {
    /// `load`, `pallet NAME`, `carton NAME` or `unit ID`.
    public init?(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        switch (words.first, words.count) {
        case ("load", 1): self = .load
        case ("pallet", 2): self = .pallet(words[1])
        case ("carton", 2): self = .carton(words[1])
        case ("unit", 2):
            guard let unit = EUI64(words[1]) else { return nil }
            self = .unit(unit)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .load: "load"
        case .pallet(let name): "pallet \(name)"
        case .carton(let name): "carton \(name)"
        case .unit(let unit): "unit \(unit)"
        }
    }

    public init(from decoder: any Decoder) throws {
        self = try decoder.singleValueText(or: "'load', 'pallet NAME', 'carton NAME' or 'unit ID'") { LoadPart($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.encodeText(description) }
}

/// A Service User or another party, as records name it.
public struct Party: Hashable, Sendable, Codable {
    /// The name.
    public var name: String
    /// Its Global Location Number; `nil` where it has none.
    public var gln: GLN?

    public init(name: String, gln: GLN? = nil) {
        self.name = name
        self.gln = gln
    }
}
