internal import BenchModel
public import Links

/// How an SMP conversation failed.
public enum SMPError: Error, Hashable, Sendable {
    /// The line failed.
    case serial(SerialError)
    /// The server answered with an error.
    case status(SMPStatus, to: String)
    /// No answer came, however often it was asked.
    case noAnswer(to: String, tries: Int)
    /// An answer or a frame is not SMP's.
    case malformed(String)
    /// The server said that the image does not have the hash that it was announced with.
    case hashMismatch
    /// The server knows nothing of the upload any more and wants it from its beginning: it restarted, or it has all of it and the
    /// answer to the last chunk was lost.
    case forgotten
    /// An upload came no further within the bound.
    case stalled(offset: Int, after: Duration)
    /// The task was cancelled.
    case cancelled

    /// Stable text for records.
    public var code: String {
        switch self {
        case .serial(let error): "serial-\(error.code.rawValue)"
        case .status: "smp-status"
        case .noAnswer: "smp-no-answer"
        case .malformed: "smp-malformed"
        case .hashMismatch: "smp-hash-mismatch"
        case .forgotten: "smp-upload-forgotten"
        case .stalled: "smp-stalled"
        case .cancelled: "cancelled"
        }
    }

    /// Whether the line is no longer there.
    public var isGone: Bool {
        if case .serial(let error) = self { error.code == .gone } else { false }
    }

    /// Whether the same step may succeed when it is tried again.
    public var isTransient: Bool {
        switch self {
        case .serial(let error): error.code == .timeout || error.code == .io
        // Busy, no memory, corrupt, timeout: the moment's fault, not the request's.
        case .status(let status, _): status.group == nil && [2, 4, 9, 10].contains(status.rc)
        case .noAnswer, .malformed, .forgotten, .stalled, .hashMismatch: true
        case .cancelled: false
        }
    }

    init(_ error: SerialError) { self = error.code == .cancelled ? .cancelled : .serial(error) }
}

extension SMPError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .serial(let error): error.sentence
        case .status(let status, let request): "the unit answered \(request) with \(status)"
        case .noAnswer(let request, let tries): "no answer to \(request) after \(tries) tries"
        case .malformed(let sentence): sentence
        case .hashMismatch: "the unit's check of the uploaded image found another hash"
        case .forgotten: "the unit wants the upload from its beginning again"
        case .stalled(let offset, let bound): "the upload came no further than offset \(offset) within \(bound.seconds) s"
        case .cancelled: "cancelled"
        }
    }
}
