public import BenchModel
internal import Synchronization

/// One target for each variant that has one, whoever asks.
public final class GivenTargets: TargetSource {
    private let targets: [Variant: Target]
    private let refusals: Mutex<Int>
    private let stopped = Mutex<[ReleaseHalt]>([])
    private let approvals = Mutex<[Variant: EventNumber]>([:])

    private let pause: @Sendable () async -> Void

    /// `refusals`: how often there is no approval yet when somebody asks. `pause`: what passes before each answer.
    public init(_ targets: [Target], refusals: Int = 0, pause: @escaping @Sendable () async -> Void = {}) {
        self.pause = pause
        self.targets = Dictionary(targets.map { ($0.variant, $0) }, uniquingKeysWith: { first, _ in first })
        self.refusals = Mutex(refusals)
    }

    public func target(for unit: Unit, variant: Variant) async throws(Refusal) -> Target {
        await pause()
        let isApproved = refusals.withLock { left in
            defer { left = max(0, left - 1) }
            return left == 0
        }
        guard var target = targets[variant], isApproved, !stopped.withLock({ $0.contains { $0.variant == variant } }) else {
            throw Refusal(.noApprovedRelease, "there is none for \(variant)")
        }
        if let number = approvals.withLock({ $0[variant] }) { target.approval = number }
        return target
    }

    public func claim(_ target: Target, for unit: Unit) async throws(Refusal) {}

    public func ended(_ target: Target) async -> ReleaseEnd? {
        stopped.withLock { $0.contains { $0.manifestHash == target.manifestHash } } ? .halted : nil
    }

    public func halt(_ halt: ReleaseHalt) async -> Bool {
        stopped.withLock { halts in
            guard !halts.contains(where: { $0.variant == halt.variant }) else { return false }
            halts.append(halt)
            return true
        }
    }

    public var halts: [ReleaseHalt] { stopped.withLock { $0 } }

    /// Approves everything anew that was halted.
    public func approveAgain() {
        for halt in stopped.withLock({ halts in
            defer { halts = [] }
            return halts
        }) {
            approvals.withLock { $0[halt.variant, default: targets[halt.variant]?.approval ?? 0] += 1 }
        }
    }
}
