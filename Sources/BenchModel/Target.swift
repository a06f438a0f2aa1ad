/// What a unit should hold: a verified release as far as one variant is concerned.
///
/// Only whoever verified the release makes one, and only one with an ``approval`` is flashed; a session trusts it.
public struct Target: Sendable {
    /// The release's name, as people say it.
    public let release: String
    /// SHA-256 of the release's manifest: its identity.
    public let manifestHash: SHA256Value
    /// The number of the event by which it was approved on this bench; `nil` before that.
    public var approval: EventNumber?
    /// Which Communications Hub it is made for.
    public let variant: Variant
    /// The consignment for whose units alone it was approved; `nil` where it was for all.
    public var consignment: ConsignmentID?
    /// The firmware version.
    public let version: FirmwareVersion
    /// The model that the release is made for, 8 hex digits; `nil` for any.
    public let model: String?
    /// Hardware that the release is made for; `nil` where the image does not restrict it.
    public let hardware: ClosedRange<HardwareVersion>?
    /// Hardware versions for which the Central Products List has all of it; `nil` where it was not asked.
    public var listedHardware: Set<HardwareVersion>?
    /// The versions that it may be applied over; `nil` for any that is not newer.
    public let over: [FirmwareVersion]?
    /// In writing order.
    public let components: [TargetComponent]
    /// What may be flashed on the way to it, approved with it.
    public var steps: [Target] = []
    /// Checks that are switched off on this bench, said in every outcome.
    public var checksOff: Set<PolicyCheck>

    public init(
        release: String, manifestHash: SHA256Value, variant: Variant, version: FirmwareVersion, model: String? = nil,
        hardware: ClosedRange<HardwareVersion>?, over: [FirmwareVersion]? = nil, components: [TargetComponent],
        checksOff: Set<PolicyCheck> = []
    ) {
        self.release = release
        self.manifestHash = manifestHash
        self.variant = variant
        self.version = version
        self.model = model
        self.hardware = hardware
        self.over = over
        self.components = components
        self.checksOff = checksOff
    }
}

extension DeviceProfile {
    /// Why this profile's units can't be given a target; `nil` where they can.
    public func problem(with target: Target) -> String? {
        for component in target.components {
            guard components[component.name] != nil else {
                return "profile '\(name)' says no place for component '\(component.name)'"
            }
            guard smp != nil else { continue }
            guard let image = component.bootImage else {
                return "component '\(component.name)' is no MCUboot image, which is all that an SMP unit takes"
            }
            if components[component.name] == 0, version == .imageState, image.version != target.version {
                return "component '\(component.name)' is version \(image.version) to its bootloader, and the release says \(target.version)"
            }
        }
        return nil
    }
}

extension Target {
    /// Bytes of all components.
    public var bytes: Int { components.map(\.content.count).reduce(0, +) }

    /// SHA-256 of each component, by name.
    public var hashes: [String: SHA256Value] {
        Dictionary(components.map { ($0.name, $0.hash) }, uniquingKeysWith: { first, _ in first })
    }
}

/// One component of a target: the bytes for one place in the unit.
public struct TargetComponent: Sendable {
    /// `application`, `modem`, …; the profile says where it goes.
    public let name: String
    /// SHA-256 of exactly `content`: for a GBCS image the Manufacturer Image Hash.
    public let hash: SHA256Value
    /// The bytes that are written.
    public let content: any ComponentContent
    /// What the unit's bootloader will say of it; `nil` where it is no MCUboot image.
    public let bootImage: BootImage?

    /// An MCUboot image as an SMP server lists it.
    public struct BootImage: Hashable, Sendable {
        /// The value of its hash TLV: of header, payload and protected TLVs, not of the file.
        public let hash: [UInt8]
        /// The GBCS version that stands for its own.
        public let version: FirmwareVersion

        public init(hash: [UInt8], version: FirmwareVersion) {
            self.hash = hash
            self.version = version
        }
    }

    public init(name: String, hash: SHA256Value, content: any ComponentContent, bootImage: BootImage? = nil) {
        self.name = name
        self.hash = hash
        self.content = content
        self.bootImage = bootImage
    }
}

/// The bytes of a component, shared by all sessions; each session keeps its own cursor.
public protocol ComponentContent: Sendable {
    /// Bytes in the component.
    var count: Int { get }
    /// Appends the bytes in `range`, which lies within `0..<count`, to `buffer`.
    func append(_ range: Range<Int>, to buffer: inout [UInt8])
}

/// Why a check refuses a unit before a byte is written.
public struct Refusal: Error, Hashable, Sendable {
    /// Why it ended so; `nil` for `reflashed` and `already-current`.
    public let reason: OutcomeReason
    /// What exactly was expected and found.
    public let detail: String

    public init(_ reason: OutcomeReason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}

/// Answers what a unit should hold. Approvals stand behind it; a session only asks.
public protocol TargetSource: Sendable {
    /// The target for a unit of this variant.
    /// - Throws: the refusal when there is none.
    func target(for unit: Unit, variant: Variant) async throws(Refusal) -> Target

    /// Takes one of the places of an approval for so many units, once no other check refuses the unit.
    /// - Throws: the refusal when none is left, or the target is no longer approved.
    func claim(_ target: Target, for unit: Unit) async throws(Refusal)

    /// Why the target may not be flashed any more; `nil` while it may.
    func ended(_ target: Target) async -> ReleaseEnd?

    /// Ends the approval of a release that fails too often, durably.
    /// - Returns: whether it stood until now and stands no more.
    func halt(_ halt: ReleaseHalt) async -> Bool

    /// The approvals that were ended so, as long as nothing else was decided.
    var halts: [ReleaseHalt] { get async }
}

/// Why a release that was approved is no longer used.
public enum ReleaseEnd: String, Hashable, Sendable, Codable {
    /// A supervisor has withdrawn it, or approved another in its place.
    case withdrawn
    /// Its time is over, or its signer's.
    case expired
    /// A revocation list names it, or its signer.
    case revoked
    /// The bench itself has ended it: it failed too often.
    case halted
}

/// Answers whether a unit is expected on this bench. Consignments stand behind it.
public protocol AdmissionPolicy: Sendable {
    /// - Throws: the refusal when the unit must be held.
    func admit(_ unit: Unit, in slot: SlotID) async throws(Refusal)
}

/// Admits every unit: the policy of a bench without consignments.
public struct AdmitAll: AdmissionPolicy {
    public init() {}

    public func admit(_ unit: Unit, in slot: SlotID) async throws(Refusal) {}
}
