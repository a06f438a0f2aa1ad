/// One Communications Hub, as far as it has said who it is.
///
/// A field is `nil` where the unit's profile names no source for it or the unit could not be asked; nothing is filled in.
public struct Unit: Hashable, Sendable, Codable {
    /// The CHF ID; `nil` when the profile says `identity: none` or the serial number is no EUI-64.
    public var chfId: EUI64?
    /// The model as the unit says it, 8 hex digits (`010A030B`).
    public var model: String?
    /// The hardware version as the unit says it.
    public var hardwareVersion: HardwareVersion?
    /// What the running firmware says of itself; `nil` in the bootloader.
    public var installedVersion: FirmwareVersion?

    public init(
        chfId: EUI64? = nil, model: String? = nil, hardwareVersion: HardwareVersion? = nil,
        installedVersion: FirmwareVersion? = nil
    ) {
        self.chfId = chfId
        self.model = model
        self.hardwareVersion = hardwareVersion
        self.installedVersion = installedVersion
    }
}
