/// How a session ended. The raw values are stable: they stand in the journal, in JSON and on the page.
public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
    /// Written, and identity, version and hash read back equal.
    case reflashed
    /// Nothing to do, proven by readback.
    case alreadyCurrent = "already-current"
    /// A check said no; nothing was written.
    case refused
    /// The attempt ended in a known bad state.
    case failed
    /// The content can't be known until the unit is docked again and read back.
    case unknown
    /// Another unit appeared where this one should have come back.
    case swapped

    /// Whether the unit can be returned as current.
    public var isCurrent: Bool { self == .reflashed || self == .alreadyCurrent }
}

/// What was seen that makes an outcome true, from weakest to strongest.
public enum Proof: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    /// Version and identity only.
    case deviceReported = "device-reported"
    /// The unit rebooted into the image and its bootloader, which validates at each boot, reports the expected hash as active.
    case bootloaderValidated = "bootloader-validated"
    /// The bytes were read back from the unit and hashed here.
    case flashReadback = "flash-readback"

    public static func < (left: Self, right: Self) -> Bool { left.strength < right.strength }

    private var strength: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Why a session ended as it did. The raw values are stable and documented in `docs/outcomes.md`.
public enum OutcomeReason: String, Hashable, Sendable, Codable, CaseIterable {
    // refused
    case noApprovedRelease = "no-approved-release"
    case hardwareOutOfRange = "hardware-out-of-range"
    case hardwareUnknown = "hardware-unknown"
    case downgrade
    case noPath = "no-path"
    case versionUnknown = "version-unknown"
    case modelMismatch = "model-mismatch"
    case trialComplete = "trial-complete"
    case releaseEnded = "release-ended"
    case notExpected = "not-expected"
    case unitHeld = "unit-held"
    case otherUnitScanned = "other-unit-scanned"
    case duplicateIdentity = "duplicate-identity"
    case identityUnreadable = "identity-unreadable"
    case bootloaderUnusable = "bootloader-unusable"
    // failed
    case transferFailed = "transfer-failed"
    case rejectedByBootloader = "rejected-by-bootloader"
    case readbackMismatch = "readback-mismatch"
    case versionMismatch = "version-mismatch"
    case enterFailed = "enter-failed"
    case identificationFailed = "identification-failed"
    case staysInBootloader = "stays-in-bootloader"
    case interrupted
    case notStarted = "not-started"
    case notConfirmed = "not-confirmed"
    case reverted
    case noContact = "no-contact"
    // unknown
    case contactLost = "contact-lost"
    case noAnswer = "no-answer"
    case didNotReturn = "did-not-return"
    case seenElsewhere = "seen-elsewhere"
    case benchStopped = "bench-stopped"
    case unproven
    // swapped
    case otherUnit = "other-unit"

    /// The reason as a technician reads it.
    public var sentence: String {
        switch self {
        case .noApprovedRelease: "there is no approved release for this variant"
        case .hardwareOutOfRange: "the release is not made for this hardware version"
        case .hardwareUnknown: "the unit did not say its hardware version"
        case .downgrade: "the unit holds newer firmware than the release"
        case .noPath: "the release may not be applied over the installed version, and no approved step leads there"
        case .versionUnknown: "the unit did not say its version"
        case .modelMismatch: "the release is made for another model"
        case .trialComplete: "the release is approved for a trial, and its units are used up"
        case .releaseEnded: "the approved release may not be flashed any more"
        case .notExpected: "no open consignment expects this unit"
        case .unitHeld: "the unit is held until somebody has looked at it"
        case .otherUnitScanned: "another unit was scanned into this slot"
        case .noContact: "the unit was scanned into the slot and never appeared there"
        case .duplicateIdentity: "another unit on this bench has the same CHF ID"
        case .identityUnreadable: "the unit's CHF ID can't be read"
        case .bootloaderUnusable: "the unit's bootloader can't be written by this profile"
        case .transferFailed: "the transfer failed"
        case .rejectedByBootloader: "the unit's bootloader rejected the image"
        case .readbackMismatch: "the flash does not hold what was written"
        case .versionMismatch: "the unit came back with another version"
        case .enterFailed: "the unit did not enter its bootloader"
        case .identificationFailed: "the unit did not answer when asked who it is"
        case .staysInBootloader: "the unit is still in its bootloader instead of its firmware"
        case .notStarted: "the unit's bootloader did not start the new image"
        case .notConfirmed: "the unit runs the new image and does not keep it"
        case .reverted: "the unit went back to its old image: the new one was not confirmed"
        case .interrupted: "the attempt was cut off before the unit held the release"
        case .contactLost: "contact with the unit was lost"
        case .noAnswer: "the unit stopped answering"
        case .didNotReturn: "the unit did not come back"
        case .seenElsewhere: "the unit turned up in another slot"
        case .benchStopped: "the bench stopped during the session"
        case .unproven: "what was seen does not prove what the unit holds"
        case .otherUnit: "another unit came back in this slot"
        }
    }
}

/// An outcome with everything that it rests on: what the journal stores and the return record is made from.
public struct Verdict: Hashable, Sendable, Codable {
    /// How the session ended.
    public var outcome: Outcome
    /// Why it ended so; `nil` for `reflashed` and `already-current`.
    public var reason: OutcomeReason?
    /// What exactly was expected and found, for the person who has to decide.
    public var detail: String?
    /// What was seen that makes the outcome true.
    public var proof: Proof?
    /// `false` where the profile gives the unit no identity (`identity: none`).
    public var identityProven: Bool
    /// Whether any byte was sent to the unit's flash in this session.
    public var wrote: Bool
    /// The version that the unit last said it runs.
    public var installedVersion: FirmwareVersion?
    /// The version that the unit should hold.
    public var targetVersion: FirmwareVersion?
    /// SHA-256 of each component as it was read back, by component name.
    public var readback: [String: SHA256Value]
    /// The release's name; `nil` where there was no target.
    public var release: String?
    /// SHA-256 of the release's manifest.
    public var manifestHash: SHA256Value?
    /// Checks that were left out, by ``PolicyCheck``'s words and others; `nil` in records from before they were said here.
    public var checksOff: [String]?
    /// `true` where it was the host that said no, not the unit: somebody else has the device, the host has no room for the transfer,
    /// or the unit was taken out while it waited for its share of the host.
    public var isHosts: Bool?
    /// Why the release was no longer in use when the session ended; `nil` where it still was.
    public var releaseEnded: ReleaseEnd?

    public init(
        _ outcome: Outcome, reason: OutcomeReason? = nil, detail: String? = nil, proof: Proof? = nil,
        identityProven: Bool = false, wrote: Bool = false, installedVersion: FirmwareVersion? = nil,
        targetVersion: FirmwareVersion? = nil, readback: [String: SHA256Value] = [:]
    ) {
        self.outcome = outcome
        self.reason = reason
        self.detail = detail
        self.proof = proof
        self.identityProven = identityProven
        self.wrote = wrote
        self.installedVersion = installedVersion
        self.targetVersion = targetVersion
        self.readback = readback
    }
}
