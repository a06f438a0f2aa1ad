internal import BenchModel

/// Makes the outcome of a unit that came back: the only place where `reflashed` and `already-current` are born.
struct Readback: Sendable {
    let profile: DeviceProfile
    let target: Target
    /// SHA-256 of each component as it was read from the flash.
    let found: [String: SHA256Value]
    /// Whether the unit has rebooted into the target, and its bootloader reports every component's hash as active.
    var isValidated = false

    /// Compares what the unit is now with what it was and with the target.
    /// - Throws: the end of a session whose unit is not what it should be.
    func verdict(_ outcome: Outcome, of unit: Unit, returnedAs returned: Unit) throws(SessionEnd) -> Verdict {
        if profile.identity != .none {
            guard let identity = returned.chfId else {
                throw SessionEnd(.unknown, .unproven, "the unit that came back has no readable CHF ID")
            }
            if let expected = unit.chfId, identity != expected {
                throw SessionEnd(.swapped, .otherUnit, "expected \(expected), found \(identity)")
            }
        }
        if profile.version != .absent {
            guard let found = returned.installedVersion else {
                throw SessionEnd(.unknown, .unproven, "the unit that came back does not say its version")
            }
            guard found == target.version else {
                throw SessionEnd(.failed, .versionMismatch, "expected \(target.version), found \(found)")
            }
        }
        let proof = proof
        guard proof > .deviceReported || profile.version != .absent else {
            throw SessionEnd(.unknown, .unproven, "the unit can neither be read nor say its version")
        }
        guard proof >= profile.leastProof else {
            throw SessionEnd(
                .unknown, .unproven, "seen is \(proof.rawValue), profile '\(profile.name)' asks for \(profile.leastProof.rawValue)")
        }
        return Verdict(
            outcome, proof: proof, identityProven: returned.chfId != nil, installedVersion: returned.installedVersion,
            targetVersion: target.version, readback: found)
    }

    private var proof: Proof {
        if target.components.allSatisfy({ found[$0.name] == $0.hash }) { return .flashReadback }
        return isValidated ? .bootloaderValidated : .deviceReported
    }
}
