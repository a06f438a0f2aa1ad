public import BenchModel

/// What `hubsim ctl` asks of a running dock: one JSON object a line.
public enum DockOrder: Codable, Sendable {
    case list
    case plug(unit: EUI64, slot: SlotID)
    case unplug(slot: SlotID)
    case fault(unit: EUI64, fault: Fault)
    case clearFaults(unit: EUI64)
    /// The bytes of the unit's application flash, in hex.
    case flash(unit: EUI64)
}

/// The dock's answer: one JSON object a line.
public struct DockAnswer: Codable, Sendable {
    /// What went wrong; `nil` when nothing did.
    public var error: String?
    /// Every unit as it is now.
    public var units: [UnitReport]?
    /// The bytes of the application flash, in hex.
    public var flash: String?

    init(error: String? = nil, units: [UnitReport]? = nil, flash: String? = nil) {
        self.error = error
        self.units = units
        self.flash = flash
    }
}
