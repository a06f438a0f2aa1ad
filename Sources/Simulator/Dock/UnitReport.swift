public import BenchModel

/// One simulated unit as it is now.
public struct UnitReport: Codable, Sendable {
    /// The unit's CHF ID.
    public var chfId: EUI64
    /// Where it is plugged in; `nil` for nowhere.
    public var slot: SlotID?
    /// Whether the unit ran its firmware or its bootloader.
    public var mode: UnitMode
    /// Whether it can be seen on the bus.
    public var isOnBus: Bool
    /// The tty, the device node `/dev/bus/usb/BBB/DDD`, or the device server's address.
    public var node: String?
    /// The version that it tells; `nil` in its bootloader.
    public var version: FirmwareVersion?
    /// SHA-256 of what the application flash holds.
    public var applicationHash: SHA256Value
    /// Downloads of which a block arrived.
    public var downloadsBegun: Int
    /// Downloads that were manifested.
    public var downloadsManifested: Int
    /// How the host has set the unit's line, where the kernel drives it as a CDC-ACM device.
    public var hostLine: HostLine?
    /// What goes wrong with the unit, in the order in which it was asked for.
    public var faults: [Fault]
}
