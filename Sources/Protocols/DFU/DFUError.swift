public import Links

/// How a DFU conversation failed.
public enum DFUError: Error, Hashable, Sendable {
    /// The transport failed during this request.
    case usb(USBError, request: DFURequest)
    /// The device reported an error.
    case status(DFUStatusCode, state: DFUState, offset: Int?)
    /// The device is in a state that this step can't go on from.
    case unexpectedState(DFUState, during: String)
    /// The device stayed busy beyond the bound.
    case stillBusy(DFUState, after: Duration)
    /// The device sent fewer bytes than it holds.
    case shortUpload(expected: Int, found: Int)
    /// An answer or a descriptor is not DFU's.
    case malformed(String)
    /// The device has no DFU interface.
    case noInterface
    /// The interface has no such alternate setting, or the device can't do what is asked.
    case unsupported(String)
    /// The task was cancelled.
    case cancelled

    /// Stable text for records.
    public var code: String {
        switch self {
        case .usb(let error, _): "usb-\(error.code.rawValue)"
        case .status(let status, _, _): "dfu-status-\(status)"
        case .unexpectedState: "dfu-unexpected-state"
        case .stillBusy: "dfu-still-busy"
        case .shortUpload: "dfu-short-upload"
        case .malformed: "dfu-malformed"
        case .noInterface: "dfu-no-interface"
        case .unsupported: "dfu-unsupported"
        case .cancelled: "cancelled"
        }
    }

    /// Whether the device is no longer there.
    public var isGone: Bool {
        if case .usb(let error, _) = self { return error.code == .gone }
        return false
    }

    /// Whether the device itself has said no to what it was sent, rather than nothing: one that STALLs a question has said nothing of its flash.
    public var isUnitsWord: Bool {
        switch self {
        case .status: true
        case .usb(let error, let request): error.code == .stall && request == .dnload
        default: false
        }
    }

    /// Whether the same step may succeed when it is tried again.
    public var isTransient: Bool {
        switch self {
        case .usb(let error, _): [.stall, .timeout, .io, .noMemory].contains(error.code)
        case .status(let status, _, _): status.isTransient
        case .unexpectedState, .stillBusy, .shortUpload, .malformed: true
        case .noInterface, .unsupported, .cancelled: false
        }
    }
}

extension DFUError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .usb(let error, let request): "\(request.name): \(error.sentence)"
        case .status(let status, let state, let offset):
            "the unit reported \(status) in state \(state.name)" + (offset.map { " at offset 0x\(String($0, radix: 16))" } ?? "")
        case .unexpectedState(let state, let step): "the unit is in state \(state.name) during \(step)"
        case .stillBusy(let state, let bound): "the unit was still in state \(state.name) after \(bound)"
        case .shortUpload(let expected, let found): "expected \(expected) bytes read back, found \(found)"
        case .malformed(let sentence): sentence
        case .noInterface: "the device has no DFU interface"
        case .unsupported(let sentence): sentence
        case .cancelled: "cancelled"
        }
    }
}
