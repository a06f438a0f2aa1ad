public import BenchModel
internal import Foundation

/// A session that failed or ended as unknown, with everything that passed on the wire: enough to play it again without the unit.
///
/// Nothing in it is secret: no key is ever on the wire. The image is not in it; what was read back and equals it is only said to.
public struct Capsule: Sendable, Codable {
    /// The file's format.
    public var format = Self.formatName
    /// The session's number in the journal.
    public var session: SessionID
    /// The slot that it happened in.
    public var slot: SlotID
    /// The unit's CHF ID, as far as it was known.
    public var chfId: EUI64?
    /// UTC with milliseconds.
    public var startedAt: String
    /// The bench's monotonic clock when the session began, nanoseconds.
    public var beganAt: Int64
    /// How the unit was to be recognised, asked and written.
    public var profile: DeviceProfile
    /// What it should hold; `nil` where there was no target.
    public var target: CapsuleTarget?
    /// What was in the slot when the session began.
    public var device: SeenDevice
    /// Whether an earlier session of the unit had left open what it holds, so that it was read before it was written.
    public var hadOpenQuestion: Bool
    /// How it ended.
    public var verdict: Verdict
    /// What passed.
    public var transcript: Transcript

    /// `reflash-capsule-2`
    public static let formatName = "reflash-capsule-2"

    public init(
        session: SessionID, slot: SlotID, chfId: EUI64?, startedAt: String, beganAt: Int64, profile: DeviceProfile, target: CapsuleTarget?,
        device: SeenDevice, hadOpenQuestion: Bool, verdict: Verdict, transcript: Transcript
    ) {
        self.session = session
        self.slot = slot
        self.chfId = chfId
        self.startedAt = startedAt
        self.beganAt = beganAt
        self.profile = profile
        self.target = target
        self.device = device
        self.hadOpenQuestion = hadOpenQuestion
        self.verdict = verdict
        self.transcript = transcript
    }

    /// What a list shows.
    public var summary: CapsuleSummary {
        CapsuleSummary(
            session: session, slot: slot, chfId: chfId, startedAt: startedAt, outcome: verdict.outcome, reason: verdict.reason,
            exchanges: transcript.count, elided: transcript.elided)
    }
}

/// What a unit should hold, without the bytes.
public struct CapsuleTarget: Hashable, Sendable, Codable {
    /// The release's name.
    public var release: String
    /// SHA-256 of its manifest.
    public var manifestHash: SHA256Value
    /// The version that the unit should hold.
    public var version: FirmwareVersion
    /// The versions that it may be applied over; `nil` for any that is not newer, or where that was not looked at.
    public var over: [FirmwareVersion]?
    /// In writing order.
    public var components: [Component]
    /// What is flashed on the way to it.
    public var steps: [CapsuleTarget]

    /// One component.
    public struct Component: Hashable, Sendable, Codable {
        /// Its name.
        public var name: String
        /// Its bytes.
        public var lengthBytes: Int
        /// SHA-256 of them.
        public var hash: SHA256Value
        /// The value of the MCUboot image's hash TLV, hex, and its version; `nil` where it is none.
        public var bootHash: String?
        /// The version that the MCUboot image bears.
        public var bootVersion: FirmwareVersion?
    }

    init(_ target: Target) {
        release = target.release
        manifestHash = target.manifestHash
        version = target.version
        over = target.checksOff.contains(.startingVersion) ? nil : target.over
        components = target.components.map { component in
            Component(
                name: component.name, lengthBytes: component.content.count, hash: component.hash,
                bootHash: component.bootImage.map { Hex.lowercase($0.hash) }, bootVersion: component.bootImage?.version)
        }
        steps = target.steps.map(CapsuleTarget.init)
    }
}

extension FlashSession {
    /// What is kept of it.
    func capsule(_ session: SessionID, _ verdict: Verdict) -> Capsule {
        Capsule(
            session: session, slot: bench.slot, chfId: pen.unit,
            startedAt: Date(timeIntervalSince1970: Double(beganUTC) / 1000).formatted(
                Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
            beganAt: bench.recorder.beganAt, profile: bench.profile, target: target.map(CapsuleTarget.init),
            device: SeenDevice(self.began ?? present, bench.profile),
            hadOpenQuestion: hadOpenQuestion, verdict: verdict, transcript: bench.recorder.transcript)
    }
}
