internal import BenchModel
internal import Firmware
internal import Links
internal import Protocols

/// Asks a unit who it is over a serial line.
extension Identify {
    /// Opens the line; what may pass by itself is waited for, within about a second.
    func openLine(_ present: PresentDevice, _ settings: SMPSettings) async throws(SerialError) -> any SerialPort {
        try await patiently(passing: [.access, .gone, .busy, .unreachable], cancelled: .cancelled) { () async throws(SerialError) in
            try await opener.openLine(present.device, settings.line, timeout: profile.bounds.request)
        }
    }

    /// Begins a conversation with whoever answers, in the firmware's framing or the bootloader's.
    /// - Throws: ``SMPError/noAnswer(to:tries:)`` where nobody does within `bound`.
    func converse(
        over port: any SerialPort, _ settings: SMPSettings, within bound: Duration
    ) async throws(SMPError) -> (client: SMPClient, mode: UnitMode) {
        let framings = settings.framing == settings.recoveryFraming ? [settings.framing] : [settings.framing, settings.recoveryFraming]
        for framing in framings {
            let client = SMPClient(
                port, framing: framing, clock: clock, requestBound: profile.bounds.request, buffers: settings.buffers ?? SMPBuffers())
            do throws(SMPError) {
                let mode = try await mode(of: client, within: bound / framings.count)
                return (client, mode)
            } catch {
                guard case .noAnswer = error else { throw error }
            }
        }
        throw .noAnswer(to: OSGroup.Echo.name, tries: framings.count)
    }

    /// The firmware answers an echo; MCUboot's serial recovery says that it does not know the command.
    func mode(of client: SMPClient, within bound: Duration) async throws(SMPError) -> UnitMode {
        do throws(SMPError) {
            _ = try await client.request(OSGroup.Echo("reflash"), within: bound)
            return .runtime
        } catch {
            guard case .status(let status, _) = error, status.isNotSupported else { throw error }
            return .bootloader
        }
    }

    /// Reads what the profile names; a value that the unit does not give, or gives malformed, is `nil`.
    func unit(_ client: SMPClient, _ present: PresentDevice) async throws(SMPError) -> (unit: Unit, state: ImageGroup.State) {
        var unit = Unit()
        switch profile.identity {
        case .serialNumber: unit.chfId = present.device.identity
        case .osInfo(let letter): unit.chfId = try await info(letter, client, present.mode).flatMap { EUI64($0) }
        case .none: break
        }
        unit.model = try await text(profile.model, client, present.mode)
        unit.hardwareVersion = try await text(profile.hardwareVersion, client, present.mode).flatMap { HardwareVersion($0) }
        let state = try await client.request(ImageGroup.ReadState())
        if present.mode == .runtime {
            unit.installedVersion =
                profile.version == .imageState
                ? state.active(image: 0).flatMap { MCUbootVersion($0.version)?.firmwareVersion }
                : try await text(profile.version, client, present.mode).flatMap { FirmwareVersion($0) }
        }
        return (unit, state)
    }

    private typealias MCUbootVersion = MCUbootImage.Version

    private func text(_ source: ValueSource, _ client: SMPClient, _ mode: UnitMode) async throws(SMPError) -> String? {
        guard case .osInfo(let letter) = source else { return nil }
        return try await info(letter, client, mode)
    }

    /// `nil` where the unit does not know the command: the bootloader has no OS info.
    private func info(_ letter: Character, _ client: SMPClient, _ mode: UnitMode) async throws(SMPError) -> String? {
        guard mode == .runtime else { return nil }
        do throws(SMPError) {
            return try await client.request(OSGroup.Info(String(letter))).output
        } catch {
            guard case .status = error else { throw error }
            return nil
        }
    }
}
