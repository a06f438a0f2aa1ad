public import BenchModel
internal import Synchronization

/// One target for each variant that has one, whoever asks.
public final class GivenTargets: TargetSource {
    private let targets: [Variant: Target]
    private let refusals: Mutex<Int>

    /// `refusals`: how often there is no approval yet when somebody asks.
    public init(_ targets: [Target], refusals: Int = 0) {
        self.targets = Dictionary(targets.map { ($0.variant, $0) }, uniquingKeysWith: { first, _ in first })
        self.refusals = Mutex(refusals)
    }

    public func target(for unit: Unit, variant: Variant) async throws(Refusal) -> Target {
        let isApproved = refusals.withLock { left in
            defer { left = max(0, left - 1) }
            return left == 0
        }
        guard let target = targets[variant], isApproved else { throw Refusal(.noApprovedRelease, "there is none for \(variant)") }
        return target
    }

    public func claim(_ target: Target, for unit: Unit) async throws(Refusal) {}

    public func ended(_ target: Target) async -> ReleaseEnd? { nil }
}
