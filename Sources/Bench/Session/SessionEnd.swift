internal import BenchModel
internal import Links
internal import Protocols

/// Why a session can't go on: the outcome that it will have, with its reason.
struct SessionEnd: Error, Hashable, Sendable {
    let outcome: Outcome
    let reason: OutcomeReason
    let detail: String

    init(_ outcome: Outcome, _ reason: OutcomeReason, _ detail: String) {
        self.outcome = outcome
        self.reason = reason
        self.detail = detail
    }

    init(_ refusal: Refusal) { self.init(.refused, refusal.reason, refusal.detail) }

    /// The bench is stopping in the middle of it.
    static let benchStopped = SessionEnd(.unknown, .benchStopped, "the bench was told to stop before the session had ended")

    /// What a failed conversation means for the outcome. `reason` is what it is called where the unit itself said no.
    ///
    /// Once a byte may have been written, only the unit's own status makes it `failed`: whatever else went wrong, it holds
    /// something that only a readback can tell. (A unit that is pulled shows as transfer errors first, and as gone only
    /// once the USB hub has noticed.)
    init(_ error: DFUError, during step: SessionStep, otherwise reason: OutcomeReason) {
        let detail = "\(step.rawValue): \(error)"
        switch error {
        case .cancelled:
            self = .benchStopped
        case _ where error.isGone:
            self.init(.unknown, .contactLost, detail)
        case .status(let status, _, _) where status.isRejection:
            self.init(.failed, .rejectedByBootloader, detail)
        case .status:
            self.init(.failed, reason, detail)
        case _ where step >= .transferring:
            self.init(.unknown, .noAnswer, detail)
        default:
            self.init(.failed, reason, detail)
        }
    }

    /// What a failed conversation over a serial line means for the outcome. Once a byte may have been written, only the unit's own
    /// word makes it `failed`.
    init(_ error: SMPError, during step: SessionStep, otherwise reason: OutcomeReason) {
        let detail = "\(step.rawValue): \(error)"
        switch error {
        case .cancelled:
            self = .benchStopped
        case _ where error.isGone:
            self.init(.unknown, .contactLost, detail)
        case .status(let status, _) where status.isRejection:
            self.init(.failed, .rejectedByBootloader, detail)
        case .status, .hashMismatch:
            self.init(.failed, reason, detail)
        case _ where step >= .transferring:
            self.init(.unknown, .noAnswer, detail)
        default:
            self.init(.failed, reason, detail)
        }
    }

    /// The unit failed before a DFU conversation began.
    init(_ error: USBError, during step: SessionStep, otherwise reason: OutcomeReason) {
        let detail = "\(step.rawValue): \(error.sentence)"
        switch error.code {
        case .cancelled: self = .benchStopped
        case .gone: self.init(.unknown, .contactLost, detail)
        default: self.init(.failed, reason, detail)
        }
    }
}
