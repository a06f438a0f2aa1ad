internal import BenchModel
internal import Links

/// Asks a unit who it is, in either mode.
struct Identify: Sendable {
    let profile: DeviceProfile
    let opener: any DeviceOpener
    let clock: any BenchClock

    /// How often opening is tried, and the first pause, which doubles: udev may still be setting the node's mode.
    private static let openAttempts = 7
    private static let firstPause = Duration.milliseconds(10)

    /// Opens the device; what may pass by itself is waited for, within about a second.
    func open(_ present: PresentDevice) async throws(USBError) -> any USBDevice {
        try await patiently(passing: [.access, .gone, .busy], cancelled: .cancelled) { () async throws(USBError) in
            try await opener.open(present.device)
        }
    }

    /// Tries again what fails with one of these codes. No event tells when it will have passed.
    func patiently<Kind, Opened: Sendable>(
        passing: [Kind], cancelled: Kind, _ open: () async throws(LinkError<Kind>) -> Opened
    ) async throws(LinkError<Kind>) -> Opened {
        var pause = Self.firstPause
        for _ in 1..<Self.openAttempts {
            do throws(LinkError<Kind>) {
                return try await open()
            } catch {
                guard passing.contains(error.code) else { throw error }
            }
            do { try await clock.sleep(for: pause) } catch { throw LinkError(cancelled, "cancelled") }
            pause *= 2
        }
        return try await open()
    }

    /// Reads what the profile names; a value that the unit does not give, or gives malformed, is `nil`.
    /// - Throws: where the unit is gone or silent: then it was not asked, and nothing is known.
    func unit(_ device: any USBDevice, mode: UnitMode) async throws(USBError) -> Unit {
        var strings = USBStrings(of: device, timeout: profile.bounds.request)
        var unit = Unit()
        if profile.identity == .serialNumber, device.descriptors.iSerialNumber != 0 {
            unit.chfId = try await string(device.descriptors.iSerialNumber, of: &strings).flatMap { EUI64($0) }
        }
        unit.model = try await text(profile.model, device.descriptors, &strings)
        unit.hardwareVersion = try await text(profile.hardwareVersion, device.descriptors, &strings).flatMap { HardwareVersion($0) }
        if mode == .runtime { unit.installedVersion = try await version(device.descriptors, &strings) }
        return unit
    }

    private func version(_ descriptors: USBDescriptors, _ strings: inout USBStrings) async throws(USBError) -> FirmwareVersion? {
        if profile.version == .bcdDevice { return FirmwareVersion(rawValue: UInt32(descriptors.bcdDevice)) }
        return try await text(profile.version, descriptors, &strings).flatMap { FirmwareVersion($0) }
    }

    private func text(
        _ source: ValueSource, _ descriptors: USBDescriptors, _ strings: inout USBStrings
    ) async throws(USBError) -> String? {
        switch source {
        case .string(let index): try await string(index, of: &strings)
        case .bcdDevice: Hex.digits(descriptors.bcdDevice, width: 4)
        case .osInfo, .imageState, .absent: nil
        }
    }

    /// `nil` where the unit has no such string, or no proper one.
    private func string(_ index: UInt8, of strings: inout USBStrings) async throws(USBError) -> String? {
        do throws(USBError) { return try await strings.read(index) } catch {
            guard [.stall, .descriptors].contains(error.code) else { throw error }
            return nil
        }
    }
}
