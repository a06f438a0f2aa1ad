public import Links

/// The constants of USB Device Firmware Upgrade 1.1.
public enum DFU {
    /// DFU 1.1 §4.1.1 and §4.2.3: application specific class, device firmware upgrade subclass.
    public static let interfaceClass: UInt8 = 0xFE
    /// Device firmware upgrade subclass.
    public static let interfaceSubclass: UInt8 = 0x01
    /// bInterfaceProtocol in run-time mode and in DFU mode.
    public static let runtimeProtocol: UInt8 = 1
    /// bInterfaceProtocol in DFU mode.
    public static let dfuModeProtocol: UInt8 = 2
    /// DFU 1.1 §4.1.3, DFU FUNCTIONAL descriptor.
    public static let functionalDescriptor: UInt8 = 0x21
    /// bmRequestType of the class requests: to and from an interface.
    public static let hostToDevice: UInt8 = 0x21
    /// bmRequestType of the class requests from an interface.
    public static let deviceToHost: UInt8 = 0xA1
}

/// bRequest of the class requests, DFU 1.1 §3, table 3.2.
public enum DFURequest: UInt8, Sendable, CaseIterable {
    case detach = 0
    case dnload = 1
    case upload = 2
    case getStatus = 3
    case clrStatus = 4
    case getState = 5
    case abort = 6

    /// The name as the specification writes it.
    public var name: String {
        switch self {
        case .detach: "DFU_DETACH"
        case .dnload: "DFU_DNLOAD"
        case .upload: "DFU_UPLOAD"
        case .getStatus: "DFU_GETSTATUS"
        case .clrStatus: "DFU_CLRSTATUS"
        case .getState: "DFU_GETSTATE"
        case .abort: "DFU_ABORT"
        }
    }
}

/// bState, DFU 1.1 §6.1.2.
public enum DFUState: UInt8, Sendable, CaseIterable {
    case appIDLE = 0
    case appDETACH = 1
    case dfuIDLE = 2
    case dfuDNLOADSYNC = 3
    case dfuDNBUSY = 4
    case dfuDNLOADIDLE = 5
    case dfuMANIFESTSYNC = 6
    case dfuMANIFEST = 7
    case dfuMANIFESTWAITRESET = 8
    case dfuUPLOADIDLE = 9
    case dfuERROR = 10

    /// The name as the specification writes it.
    public var name: String {
        switch self {
        case .dfuDNLOADSYNC: "dfuDNLOAD-SYNC"
        case .dfuDNLOADIDLE: "dfuDNLOAD-IDLE"
        case .dfuMANIFESTSYNC: "dfuMANIFEST-SYNC"
        case .dfuMANIFESTWAITRESET: "dfuMANIFEST-WAIT-RESET"
        case .dfuUPLOADIDLE: "dfuUPLOAD-IDLE"
        default: "\(self)"
        }
    }
}

/// bStatus, DFU 1.1 §6.1.2.
public enum DFUStatusCode: UInt8, Sendable, CaseIterable {
    case ok = 0
    case errTARGET, errFILE, errWRITE, errERASE, errCHECK_ERASED, errPROG, errVERIFY, errADDRESS, errNOTDONE
    case errFIRMWARE, errVENDOR, errUSBR, errPOR, errUNKNOWN, errSTALLEDPKT

    /// Whether the unit says that the image itself is not for it; sending it again can't help.
    public var isRejection: Bool {
        [.errTARGET, .errFILE, .errVERIFY, .errADDRESS, .errFIRMWARE].contains(self)
    }

    /// Whether another try may succeed: the transport or the device lost its place, the flash did not fail.
    public var isTransient: Bool {
        [.errNOTDONE, .errUSBR, .errPOR, .errUNKNOWN, .errSTALLEDPKT].contains(self)
    }
}

/// The answer to DFU_GETSTATUS, DFU 1.1 §6.1.2: 6 bytes, little-endian.
public struct DFUStatus: Hashable, Sendable {
    /// bStatus.
    public var status: DFUStatusCode
    /// bwPollTimeout: how long the host should leave the device alone, 0 to 16,777.215 s.
    public var pollTimeout: Duration
    /// bState.
    public var state: DFUState

    public init(status: DFUStatusCode, pollTimeout: Duration, state: DFUState) {
        self.status = status
        self.pollTimeout = pollTimeout
        self.state = state
    }

    /// DFU 1.1 §6.1.2: bytes of the answer to DFU_GETSTATUS.
    public static let length = 6

    /// - Throws: ``DFUError/malformed(_:)`` unless there are 6 bytes with a known status and state.
    public init(_ bytes: [UInt8]) throws(DFUError) {
        guard bytes.count == Self.length else { throw .malformed("status: expected 6 bytes, found \(bytes.count)") }
        guard let status = DFUStatusCode(rawValue: bytes[0]) else {
            throw .malformed("bStatus: expected 0 to 15, found \(bytes[0])")
        }
        guard let state = DFUState(rawValue: bytes[4]) else {
            throw .malformed("bState: expected 0 to 10, found \(bytes[4])")
        }
        let milliseconds = Int64(bytes[1]) | Int64(bytes[2]) << 8 | Int64(bytes[3]) << 16
        self.init(status: status, pollTimeout: .milliseconds(milliseconds), state: state)
    }

    /// The 6 bytes, with iString 0.
    public var bytes: [UInt8] {
        let components = pollTimeout.components
        let milliseconds = UInt32(
            clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
        let timeout = min(milliseconds, 0xFF_FFFF)
        return [
            status.rawValue, UInt8(timeout & 0xFF), UInt8(timeout >> 8 & 0xFF), UInt8(timeout >> 16), state.rawValue, 0,
        ]
    }
}

/// The DFU functional descriptor, DFU 1.1 §4.1.3, table 4.2: 9 bytes, little-endian.
public struct DFUFunctionalDescriptor: Hashable, Sendable {
    /// bmAttributes, DFU 1.1 §4.1.3.
    public struct Attributes: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Bit 0: bitCanDnload.
        public static let canDownload = Attributes(rawValue: 1)
        /// Bit 1: bitCanUpload.
        public static let canUpload = Attributes(rawValue: 2)
        /// Whether the unit stays in DFU mode after manifestation.
        public static let manifestationTolerant = Attributes(rawValue: 4)
        /// The device detaches by itself after DETACH; otherwise the host resets it.
        public static let willDetach = Attributes(rawValue: 8)
    }

    /// bmAttributes.
    public var attributes: Attributes
    /// wDetachTimeOut.
    public var detachTimeout: Duration
    /// wTransferSize: bytes in a block.
    public var transferSize: Int

    public init(attributes: Attributes, detachTimeout: Duration, transferSize: Int) {
        self.attributes = attributes
        self.detachTimeout = detachTimeout
        self.transferSize = transferSize
    }

    /// - Throws: ``DFUError/malformed(_:)`` where it is shorter than 7 bytes or its transfer size is 0.
    public init(_ bytes: [UInt8]) throws(DFUError) {
        guard bytes.count >= 7, bytes[1] == DFU.functionalDescriptor else {
            throw .malformed("DFU functional descriptor: expected at least 7 bytes, found \(bytes.count)")
        }
        attributes = Attributes(rawValue: bytes[2])
        detachTimeout = .milliseconds(Int(bytes[3]) | Int(bytes[4]) << 8)
        transferSize = Int(bytes[5]) | Int(bytes[6]) << 8
        guard transferSize > 0 else { throw .malformed("wTransferSize: expected at least 1, found 0") }
    }
}

/// The DFU interface of a device in one mode.
public struct DFUInterface: Hashable, Sendable {
    /// bInterfaceProtocol: which of its two modes the device is in.
    public enum Mode: Hashable, Sendable {
        case runtime
        case dfu
    }

    /// bInterfaceNumber.
    public let number: UInt8
    /// Which of its two modes the device is in.
    public let mode: Mode
    /// The alternate settings, one for each place that can be written.
    public let alternates: Set<UInt8>
    /// The DFU functional descriptor.
    public let functional: DFUFunctionalDescriptor

    /// Finds it in a device's descriptors.
    /// - Throws: ``DFUError/noInterface`` where there is none, ``DFUError/malformed(_:)`` where its descriptor is broken.
    public init(in descriptors: USBDescriptors) throws(DFUError) {
        let settings = descriptors.interfaces.filter {
            $0.interfaceClass == DFU.interfaceClass && $0.interfaceSubclass == DFU.interfaceSubclass
        }
        guard let first = settings.first else { throw .noInterface }
        switch first.interfaceProtocol {
        case DFU.runtimeProtocol: mode = .runtime
        case DFU.dfuModeProtocol: mode = .dfu
        default: throw .malformed("bInterfaceProtocol: expected 1 or 2, found \(first.interfaceProtocol)")
        }
        number = first.number
        let same = settings.filter { $0.number == first.number }
        alternates = Set(same.map(\.alternate))
        let extra = same.flatMap(\.classSpecific).first { $0.count >= 2 && $0[1] == DFU.functionalDescriptor }
        guard let extra else { throw .malformed("the DFU interface has no functional descriptor") }
        functional = try DFUFunctionalDescriptor(extra)
    }
}
