public import BenchModel
internal import Foundation

/// What can be recorded. A case's kind and its payload's keys are stable: records are made from them years later.
public enum JournalEvent: Sendable {
    /// The daemon is up; `slots` are the ports that it serves.
    case benchStarted(BenchStarted)
    case benchStopped
    case unitDocked(UnitDocked)
    case unitRemoved
    /// Durable before a session does anything to a unit.
    case sessionStarted(SessionStarted)
    case bootloaderEntered
    /// A unit did not answer, so its port is reset. Durable before that is done.
    case portReset(Remedied)
    /// A unit did not answer, so its port's power is switched off and on. Durable before that is done.
    case portPowerCycled(PortPowerCycled)
    /// Durable before the first byte of a component is sent.
    case transferStarted(Transfer)
    case transferFinished(Transfer)
    case activated
    case readback(Readback)
    /// What a unit's bootloader reports of the image that runs.
    case imageState(ImageState)
    /// The new image stays: the unit's bootloader was told so and says so.
    case imageConfirmed
    /// A unit that an earlier session left with the release runs something else.
    case revertFound(RevertFound)
    /// The session's end. Durable before it is shown to anyone.
    case outcome(Verdict)
    /// What a readback showed of an earlier session that had ended as unknown.
    case sessionSettled(SessionSettled)
    case slotHeld(Order)
    case slotReleased(Order)
    case slotRetried(Order)
    /// A slot comes before all others where something must wait.
    case slotHastened(Order)
    /// A slot fails too often: no session begins there.
    case slotOutOfService(FailureCount)
    /// A supervisor lets sessions begin there again.
    case slotReturned(Order)
    /// A release fails too often: its approval has ended.
    case releaseHalted(ReleaseHalt)
    /// A session waits for its share of the host.
    case grantAwaited(GrantAwaited)
    /// It has got it.
    case grantWaited(GrantWaited)
    /// A bundle is in the bench's store.
    case releaseImported(ReleaseImported)
    case releaseApproved(ReleaseApproved)
    case releaseWithdrawn(ReleaseWithdrawn)
    case checkSwitchedOff(CheckSwitchedOff)
    case revocationsImported(RevocationsImported)
    /// Somebody asked for something and did not get it.
    case requestRefused(RequestRefused)
    /// A step on the way to the release is in the unit, as read back.
    case stepFinished(StepFinished)
    /// The bench vouches for all events before.
    case checkpoint(CheckpointMade)
    /// Somebody wants a consignment's EPCIS events delivered.
    case captureRequested(CaptureRequested)
    /// The partner's capture endpoint has them.
    case captureDelivered(CaptureDelivered)
    /// Events are in a file of their own.
    case journalArchived(JournalArchived)
    /// What was decided and done about consignments.
    case consignment(ConsignmentEvent)

    /// Payload of `bench-started`.
    public struct BenchStarted: Codable, Sendable {
        /// The bench's name in the config.
        public var bench: String
        /// The program's version.
        public var version: String
        /// Each slot's label and port.
        public var slots: [String: PortPath]
        /// Whether consignments are delivered to a partner's capture endpoint; `nil` in records from before this was said.
        public var delivers: Bool?
        public init(bench: String, version: String, slots: [String: PortPath], delivers: Bool? = nil) {
            self.delivers = delivers
            self.bench = bench
            self.version = version
            self.slots = slots
        }
    }

    /// Payload of `unit-docked`.
    public struct UnitDocked: Codable, Sendable {
        /// The physical port, by udev's ID_PATH.
        public var port: PortPath
        /// The name of the profile that fitted.
        public var profile: String
        /// Whether the unit ran its firmware or its bootloader.
        public var mode: UnitMode
        public init(port: PortPath, profile: String, mode: UnitMode) {
            self.port = port
            self.profile = profile
            self.mode = mode
        }
    }

    /// Payload of `session-started`.
    public struct SessionStarted: Codable, Sendable {
        /// The Communications Hub that is meant.
        public var unit: BenchModel.Unit
        /// The name of the profile that fitted.
        public var profile: String
        /// The profile's variant; `nil` in records from before it was said here, and of a unit that never came.
        public var variant: Variant?
        /// Whether the unit ran its firmware or its bootloader.
        public var mode: UnitMode
        /// The release's name; `nil` where there was no target.
        public var release: String?
        /// SHA-256 of the release's manifest.
        public var manifestHash: SHA256Value?
        /// The number of the event by which it was approved.
        public var approval: EventNumber?
        /// The versions that are flashed on the way to it; `nil` where there are none.
        public var steps: [FirmwareVersion]?
        /// The version that the unit should hold.
        public var targetVersion: FirmwareVersion?
        /// SHA-256 of each component that the unit should hold.
        public var components: [String: SHA256Value]
        /// Checks that are switched off, or that this unit does not allow.
        public var checksOff: [String]
        /// `target`: what the unit should hold, with `steps` on the way to it; `nil` where there is none.
        public init(
            unit: BenchModel.Unit, profile: String, variant: Variant? = nil, mode: UnitMode, target: Target?, steps: [FirmwareVersion] = [],
            checksOff: [String]
        ) {
            self.unit = unit
            self.profile = profile
            self.variant = variant
            self.mode = mode
            release = target?.release
            manifestHash = target?.manifestHash
            approval = target?.approval
            self.steps = steps.isEmpty ? nil : steps
            targetVersion = target?.version
            components = target?.hashes ?? [:]
            self.checksOff = checksOff
        }
    }

    /// Payload of `transfer-started` and `transfer-finished`.
    public struct Transfer: Codable, Sendable {
        /// The component's name (`application`).
        public var component: String
        /// Bytes of the component.
        public var lengthBytes: Int
        /// Counted from 1.
        public var attempt: Int
        public init(component: String, lengthBytes: Int, attempt: Int) {
            self.component = component
            self.lengthBytes = lengthBytes
            self.attempt = attempt
        }
    }

    /// Payload of `readback`.
    public struct Readback: Codable, Sendable {
        /// The component's name (`application`).
        public var component: String
        /// What should be there.
        public var expected: SHA256Value
        /// What is there.
        public var found: SHA256Value
        public init(component: String, expected: SHA256Value, found: SHA256Value) {
            self.component = component
            self.expected = expected
            self.found = found
        }
    }

    /// Payload of `image-state`.
    public struct ImageState: Codable, Sendable {
        /// The component's name (`application`).
        public var component: String
        /// The hash TLV that should be active, hex.
        public var expected: String
        /// The one that is; `nil` where the unit lists no active image there.
        public var found: String?
        /// The version that is active, as the unit writes it.
        public var version: String?
        /// Whether the next boot keeps it.
        public var confirmed: Bool?
        public init(component: String, expected: String, found: String?, version: String?, confirmed: Bool?) {
            self.component = component
            self.expected = expected
            self.found = found
            self.version = version
            self.confirmed = confirmed
        }
    }

    /// Payload of `revert-found`.
    public struct RevertFound: Codable, Sendable {
        /// The session after which the unit held the release.
        public var session: SessionID
        /// The version that the unit runs now.
        public var runs: FirmwareVersion?
        public init(session: SessionID, runs: FirmwareVersion?) {
            self.session = session
            self.runs = runs
        }
    }

    /// Payload of `session-settled`.
    public struct SessionSettled: Codable, Sendable {
        /// The session that had ended as unknown.
        public var session: SessionID
        /// The outcome with everything that it rests on.
        public var verdict: Verdict
        public init(session: SessionID, verdict: Verdict) {
            self.session = session
            self.verdict = verdict
        }
    }

    /// Payload of `port-reset` and `port-power-cycled`.
    public struct Remedied: Codable, Sendable {
        /// What the unit did, or failed to do.
        public var because: String
        public init(because: String) { self.because = because }
    }

    /// Payload of `port-power-cycled`. It is stored before the power goes, so that a bench that is cut off then knows where to give it back.
    public struct PortPowerCycled: Codable, Sendable {
        /// What the unit did, or failed to do.
        public var because: String
        /// The unit's folder in sysfs, by which its port is found.
        public var syspath: String
        public init(because: String, syspath: String) {
            self.because = because
            self.syspath = syspath
        }
    }

    /// Payload of `grant-awaited`.
    public struct GrantAwaited: Codable, Sendable {
        /// What there is too little of, as people say it.
        public var scarce: String
        public init(scarce: String) { self.scarce = scarce }
    }

    /// Payload of `grant-waited`.
    public struct GrantWaited: Codable, Sendable {
        /// How long the session had waited, milliseconds.
        public var milliseconds: Int
        public init(milliseconds: Int) { self.milliseconds = milliseconds }
    }

    /// The stable word for what happened.
    public var kind: String {
        switch self {
        case .benchStarted: "bench-started"
        case .benchStopped: "bench-stopped"
        case .unitDocked: "unit-docked"
        case .unitRemoved: "unit-removed"
        case .sessionStarted: "session-started"
        case .bootloaderEntered: "bootloader-entered"
        case .portReset: "port-reset"
        case .portPowerCycled: "port-power-cycled"
        case .transferStarted: "transfer-started"
        case .transferFinished: "transfer-finished"
        case .activated: "activated"
        case .readback: "readback"
        case .imageState: "image-state"
        case .imageConfirmed: "image-confirmed"
        case .revertFound: "revert-found"
        case .outcome: "outcome"
        case .sessionSettled: "session-settled"
        case .slotHeld: "slot-held"
        case .slotReleased: "slot-released"
        case .slotRetried: "slot-retried"
        case .slotHastened: "slot-hastened"
        case .slotOutOfService: "slot-out-of-service"
        case .slotReturned: "slot-returned"
        case .releaseHalted: "release-halted"
        case .grantAwaited: "grant-awaited"
        case .grantWaited: "grant-waited"
        case .releaseImported: "release-imported"
        case .releaseApproved: "release-approved"
        case .releaseWithdrawn: "release-withdrawn"
        case .checkSwitchedOff: "check-switched-off"
        case .revocationsImported: "revocations-imported"
        case .requestRefused: "request-refused"
        case .stepFinished: "step-finished"
        case .checkpoint: "checkpoint"
        case .captureRequested: "capture-requested"
        case .captureDelivered: "capture-delivered"
        case .journalArchived: "journal-archived"
        case .consignment(let event): event.kind
        }
    }

    /// The payload's JSON with sorted keys, `{}` where there is nothing to say.
    func payload() throws -> String {
        switch self {
        case .benchStarted(let value): try JSONText.encode(value)
        case .unitDocked(let value): try JSONText.encode(value)
        case .sessionStarted(let value): try JSONText.encode(value)
        case .transferStarted(let value), .transferFinished(let value): try JSONText.encode(value)
        case .readback(let value): try JSONText.encode(value)
        case .imageState(let value): try JSONText.encode(value)
        case .revertFound(let value): try JSONText.encode(value)
        case .outcome(let value): try JSONText.encode(value)
        case .sessionSettled(let value): try JSONText.encode(value)
        case .slotHeld(let value), .slotReleased(let value), .slotRetried(let value), .slotHastened(let value),
            .slotReturned(let value):
            try JSONText.encode(value)
        case .slotOutOfService(let value): try JSONText.encode(value)
        case .releaseHalted(let value): try JSONText.encode(value)
        case .portReset(let value): try JSONText.encode(value)
        case .portPowerCycled(let value): try JSONText.encode(value)
        case .grantAwaited(let value): try JSONText.encode(value)
        case .grantWaited(let value): try JSONText.encode(value)
        case .releaseImported(let value): try JSONText.encode(value)
        case .releaseApproved(let value): try JSONText.encode(value)
        case .releaseWithdrawn(let value): try JSONText.encode(value)
        case .checkSwitchedOff(let value): try JSONText.encode(value)
        case .revocationsImported(let value): try JSONText.encode(value)
        case .requestRefused(let value): try JSONText.encode(value)
        case .stepFinished(let value): try JSONText.encode(value)
        case .checkpoint(let value): try JSONText.encode(value)
        case .captureRequested(let value): try JSONText.encode(value)
        case .captureDelivered(let value): try JSONText.encode(value)
        case .journalArchived(let value): try JSONText.encode(value)
        case .consignment(let event): try event.payload()
        case .benchStopped, .unitRemoved, .bootloaderEntered, .activated, .imageConfirmed: "{}"
        }
    }
}

extension JournalEvent {
    /// How a session ended, of an `outcome` or `session-settled`; `nil` for other kinds.
    public static func verdict(of record: EventRecord) throws -> Verdict? {
        switch record.kind {
        case "outcome": try JSONText.decode(record.payload, as: Verdict.self)
        case "session-settled": try JSONText.decode(record.payload, as: SessionSettled.self).verdict
        default: nil
        }
    }
}

/// An event on its way into the journal.
public struct JournalDraft: Sendable {
    /// What happened.
    public var event: JournalEvent
    /// The slot's label, as it is printed on the rack.
    public var slot: SlotID?
    /// The Communications Hub that is meant.
    public var unit: EUI64?
    /// `nil` for an event of no session, and for `session-started`, whose own number it becomes.
    public var session: SessionID?

    public init(_ event: JournalEvent, slot: SlotID? = nil, unit: EUI64? = nil, session: SessionID? = nil) {
        self.event = event
        self.slot = slot
        self.unit = unit
        self.session = session
    }
}

/// JSON as the journal stores it.
enum JSONText {
    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ text: String, as _: Value.Type) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }
}
