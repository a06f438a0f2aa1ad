internal import BenchModel
internal import Links
internal import Protocols

/// Why a session can't go on: the outcome that it will have, with its reason.
struct SessionEnd: Error, Hashable, Sendable {
    let outcome: Outcome
    let reason: OutcomeReason
    let detail: String
    /// Whether it was the host that said no, not the unit: somebody else has the device, or this user may not.
    let isHosts: Bool
    /// Whether the unit has answered, and said no.
    let isAnswer: Bool

    init(_ outcome: Outcome, _ reason: OutcomeReason, _ detail: String, isHosts: Bool = false, isAnswer: Bool = false) {
        self.outcome = outcome
        self.reason = reason
        self.detail = detail
        self.isHosts = isHosts
        self.isAnswer = isAnswer
    }

    /// The same thing gone wrong, as it counts for a session of which more is known.
    func counting(as outcome: Outcome, _ reason: OutcomeReason? = nil, detail: String? = nil) -> SessionEnd {
        SessionEnd(outcome, reason ?? self.reason, detail ?? self.detail, isHosts: isHosts, isAnswer: isAnswer)
    }

    /// Of a question, or an order that changes nothing in the flash: that it was answered with an error says nothing of what the unit holds.
    func unknownIfFailed(_ reason: OutcomeReason) -> SessionEnd { outcome == .failed ? counting(as: .unknown, reason) : self }

    init(_ refusal: Refusal) { self.init(.refused, refusal.reason, refusal.detail) }

    /// The bench is stopping in the middle of it.
    static let benchStopped = SessionEnd(.unknown, .benchStopped, "the bench was told to stop before the session had ended")

    /// What a failed conversation means for the outcome. `reason` is what it is called where the unit itself said no.
    ///
    /// Once a byte may have been written, only the unit's own word makes it `failed`: whatever else went wrong, it holds
    /// something that only a readback can tell. (A unit that is pulled shows as transfer errors first, and as gone only
    /// once the USB hub has noticed.)
    init(_ error: some ConversationError, during step: SessionStep, otherwise reason: OutcomeReason) {
        let detail = "\(step.rawValue): \(error)"
        switch error.meaning {
        case .cancelled: self = .benchStopped
        case .gone: self.init(.unknown, .contactLost, detail)
        case .rejected: self.init(.failed, .rejectedByBootloader, detail, isAnswer: true)
        case .refused: self.init(.failed, reason, detail, isAnswer: true)
        case .trouble where step >= .transferring: self.init(.unknown, .noAnswer, detail, isHosts: error.isHosts)
        case .trouble: self.init(.failed, reason, detail, isHosts: error.isHosts)
        }
    }

    /// The unit failed before a DFU conversation began.
    init(_ error: USBError, during step: SessionStep, otherwise reason: OutcomeReason) {
        let detail = "\(step.rawValue): \(error.sentence)"
        switch error.code {
        case .cancelled: self = .benchStopped
        case .gone: self.init(.unknown, .contactLost, detail)
        default: self.init(.failed, reason, detail, isHosts: error.isHosts)
        }
    }
}

extension USBError {
    /// Whether the host said no, before the unit was asked.
    var isHosts: Bool { [.access, .busy, .noMemory].contains(code) }
}

/// An error of one of the protocols, as the outcome sees it.
protocol ConversationError: Error, CustomStringConvertible {
    var meaning: ConversationFailure { get }
    /// Whether the host said no, before the unit was asked.
    var isHosts: Bool { get }
}

enum ConversationFailure {
    case cancelled
    /// The link is no longer there.
    case gone
    /// The unit looked at the image and will not have it.
    case rejected
    /// The unit said no.
    case refused
    /// Anything else; the unit has said nothing of it.
    case trouble
}

extension DFUError: ConversationError {
    var isHosts: Bool {
        if case .usb(let error, _) = self { error.isHosts } else { false }
    }

    var meaning: ConversationFailure {
        switch self {
        case .cancelled: .cancelled
        case .status(let status, _, _): status.isRejection ? .rejected : .refused
        default: isGone ? .gone : .trouble
        }
    }
}

extension SMPError: ConversationError {
    var isHosts: Bool {
        if case .serial(let error) = self { [.access, .busy, .settings, .noMemory].contains(error.code) } else { false }
    }

    var meaning: ConversationFailure {
        switch self {
        case .cancelled: .cancelled
        case .status(let status, _): status.isRejection ? .rejected : isTransient ? .trouble : .refused
        case .hashMismatch: .refused
        default: isGone ? .gone : .trouble
        }
    }
}
