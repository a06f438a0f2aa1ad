@testable import Bench
import BenchModel
import Links
@testable import Protocols
import Testing

/// What the host itself refuses is nobody's silence: no port is reset under another program's hands.
@Suite struct HostSaysNoTests {
    @Test(arguments: [USBErrorCode.access, .busy, .noMemory]) func `A device that another has in use is left in peace`(code: USBErrorCode) {
        let error = USBError(code, "in use")
        #expect(!SessionEnd(error, during: .identifying, otherwise: .identificationFailed).isSilence)
        #expect(!SessionEnd(DFUError.usb(error, request: .dnload), during: .transferring, otherwise: .transferFailed).isSilence)
    }

    @Test(arguments: [USBErrorCode.timeout, .io, .descriptors]) func `A unit that does not answer, or not sensibly, is silent`(
        code: USBErrorCode
    ) {
        let error = USBError(code, "nothing")
        #expect(SessionEnd(error, during: .identifying, otherwise: .identificationFailed).isSilence)
        #expect(SessionEnd(DFUError.usb(error, request: .dnload), during: .transferring, otherwise: .transferFailed).isSilence)
    }
}
