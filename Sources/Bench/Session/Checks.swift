internal import BenchModel

/// The checks that refuse a unit before a byte is written.
struct Checks: Sendable {
    let profile: DeviceProfile
    let targets: any TargetSource
    let admission: any AdmissionPolicy
    let slot: SlotID

    /// What the unit should hold.
    /// - Throws: the refusal.
    func target(for unit: Unit, mode: UnitMode) async throws(Refusal) -> Target {
        if profile.identity != .none, unit.chfId == nil, !isIdentifiedLater(mode) {
            throw Refusal(.identityUnreadable, "what the unit says of itself is no EUI-64")
        }
        try await admission.admit(unit, in: slot)
        let target = try await targets.target(for: unit, variant: profile.variant)
        if let problem = profile.problem(with: target) { throw Refusal(.bootloaderUnusable, problem) }
        try checkHardware(of: unit, target)
        if let installed = unit.installedVersion, installed > target.version {
            throw Refusal(.downgrade, "installed is \(installed), the release is \(target.version)")
        }
        return target
    }

    /// What of the above this profile can't check, said in every session.
    func off(_ target: Target?, mode: UnitMode) -> [String] {
        var off = target?.checksOff ?? []
        if profile.hardwareVersion == .absent { off.append("hardware-version") }
        // A unit that is first seen in its bootloader can't say what it ran before.
        if profile.version == .absent || mode == .bootloader { off.append("installed-version") }
        if profile.identity == .none || isIdentifiedLater(mode) { off.append("identity") }
        return off
    }

    /// A bootloader's serial recovery can't be asked who it is; the firmware that it starts can.
    private func isIdentifiedLater(_ mode: UnitMode) -> Bool {
        if case .osInfo = profile.identity { mode == .bootloader } else { false }
    }

    private func checkHardware(of unit: Unit, _ target: Target) throws(Refusal) {
        guard let range = target.hardware, profile.hardwareVersion != .absent else { return }
        guard let hardware = unit.hardwareVersion else {
            throw Refusal(.hardwareUnknown, "the release is for hardware \(range.lowerBound) to \(range.upperBound)")
        }
        guard range.contains(hardware) else {
            throw Refusal(
                .hardwareOutOfRange,
                "hardware is \(hardware), the release is for \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
