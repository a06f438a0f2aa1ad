internal import BenchModel

/// What a session is to flash: the release, with the steps that lead to it.
struct Route: Sendable {
    /// In writing order; the last is the target.
    let steps: [Target]
    let target: Target

    /// The steps before the target.
    var before: ArraySlice<Target> { steps.dropLast() }
}

/// The checks that refuse a unit before a byte is written.
struct Checks: Sendable {
    let profile: DeviceProfile
    let targets: any TargetSource
    let admission: any AdmissionPolicy
    let slot: SlotID

    /// What the unit should hold, and the way there. `last`: what a unit that can't say its version said before on this bench.
    /// - Throws: the refusal.
    func route(for unit: Unit, mode: UnitMode, last: FirmwareVersion?) async throws(Refusal) -> Route {
        if profile.identity != .none, unit.chfId == nil, !isIdentifiedLater(mode) {
            throw Refusal(.identityUnreadable, "what the unit says of itself is no EUI-64")
        }
        try await admission.admit(unit, in: slot)
        let target = try await targets.target(for: unit, variant: profile.variant)
        for step in target.steps + [target] {
            if let problem = profile.problem(with: step) { throw Refusal(.bootloaderUnusable, problem) }
        }
        let installed = unit.installedVersion ?? last
        let steps = try steps(from: installed, to: target)
        for step in steps {
            try checkModel(of: unit, mode, step)
            try checkHardware(of: unit, step)
        }
        try checkDowngrade(from: unit.installedVersion, last, mode, target)
        // Last: a unit that is refused takes no place.
        try await targets.claim(target, for: unit)
        return Route(steps: steps, target: target)
    }

    /// What of the above is left out, by the bench's decision or because this profile or this unit does not allow it; said in every
    /// session.
    func off(_ target: Target?, _ unit: Unit?, mode: UnitMode) -> [String] {
        var off = Set((target?.checksOff ?? []).map(\.rawValue))
        if profile.hardwareVersion == .absent { off.insert(PolicyCheck.hardwareVersion.rawValue) }
        if target?.model != nil, profile.model == .absent || unit?.model == nil { off.insert(PolicyCheck.model.rawValue) }
        // A unit that is first seen in its bootloader can't say what it ran before.
        if profile.version == .absent || mode == .bootloader { off.insert("installed-version") }
        if profile.identity == .none || isIdentifiedLater(mode) { off.insert("identity") }
        return off.sorted()
    }

    private func steps(from installed: FirmwareVersion?, to target: Target) throws(Refusal) -> [Target] {
        guard target.over != nil, !target.checksOff.contains(.startingVersion) else { return [target] }
        guard let installed else {
            throw Refusal(.noPath, "the unit does not say what is installed, and \(target.release) may not be applied over everything")
        }
        return try UpgradePath.steps(from: installed, to: target)
    }

    /// A bootloader's serial recovery can't be asked who it is; the firmware that it starts can.
    private func isIdentifiedLater(_ mode: UnitMode) -> Bool {
        if case .osInfo = profile.identity { mode == .bootloader } else { false }
    }

    private func checkDowngrade(
        from installed: FirmwareVersion?, _ last: FirmwareVersion?, _ mode: UnitMode, _ target: Target
    ) throws(Refusal) {
        guard !target.checksOff.contains(.downgrade) else { return }
        if installed == nil, mode == .runtime, profile.version != .absent {
            throw Refusal(.versionUnknown, "the release is \(target.version), and must not be older than what is installed")
        }
        if let installed = installed ?? last, installed > target.version {
            throw Refusal(.downgrade, "installed is \(installed), the release is \(target.version)")
        }
    }

    private func checkModel(of unit: Unit, _ mode: UnitMode, _ target: Target) throws(Refusal) {
        guard let model = target.model, profile.model != .absent, !target.checksOff.contains(.model) else { return }
        guard let found = unit.model else {
            // A bootloader may not say it; outcomes then say that it was not looked at.
            guard mode == .runtime else { return }
            throw Refusal(.modelMismatch, "the unit does not say its model, the release is for \(model)")
        }
        guard found.uppercased() == model else { throw Refusal(.modelMismatch, "the unit is a \(found), the release is for \(model)") }
    }

    private func checkHardware(of unit: Unit, _ target: Target) throws(Refusal) {
        guard let range = target.hardware, profile.hardwareVersion != .absent, !target.checksOff.contains(.hardwareVersion) else { return }
        guard let hardware = unit.hardwareVersion else {
            throw Refusal(.hardwareUnknown, "the release is for hardware \(range.lowerBound) to \(range.upperBound)")
        }
        guard range.contains(hardware) else {
            throw Refusal(
                .hardwareOutOfRange,
                "hardware is \(hardware), the release is for \(range.lowerBound) to \(range.upperBound)")
        }
        guard target.listedHardware?.contains(hardware) ?? true else {
            throw Refusal(
                .hardwareOutOfRange, "hardware is \(hardware), and the Central Products List does not have the release for it")
        }
    }
}
