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

    @Test func `What the host said no to stays the host's, whatever the session makes of it`() {
        let end = SessionEnd(USBError(.busy, "in use"), during: .identifying, otherwise: .enterFailed)
        #expect(end.counting(as: .unknown, .noAnswer).isHosts)
        #expect(end.unknownIfFailed(.noAnswer).isHosts)
    }

    @Test(arguments: [SerialErrorCode.access, .busy, .settings, .noMemory]) func `A line that the host does not open is nobody's silence`(
        code: SerialErrorCode
    ) {
        let error = SMPError.serial(SerialError(code, "in use"))
        #expect(!SessionEnd(error, during: .rebooting, otherwise: .noAnswer).isSilence)
    }

    @Test(arguments: [USBErrorCode.timeout, .io, .descriptors]) func `A unit that does not answer, or not sensibly, is silent`(
        code: USBErrorCode
    ) {
        let error = USBError(code, "nothing")
        #expect(SessionEnd(error, during: .identifying, otherwise: .identificationFailed).isSilence)
        #expect(SessionEnd(DFUError.usb(error, request: .dnload), during: .transferring, otherwise: .transferFailed).isSilence)
    }
}
