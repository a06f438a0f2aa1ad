import Links
import Protocols
import Testing

@Suite struct DFUWireTests {
    @Test func `a status is 6 bytes with the timeout in the middle`() throws {
        let status = try DFUStatus([0, 0x10, 0x27, 0x00, 4, 0])
        #expect(status == DFUStatus(status: .ok, pollTimeout: .milliseconds(10_000), state: .dfuDNBUSY))
        #expect(status.bytes == [0, 0x10, 0x27, 0x00, 4, 0])
    }

    @Test(
        arguments: [
            ([], "status: expected 6 bytes, found 0"), ([0, 0, 0, 0, 2], "status: expected 6 bytes, found 5"),
            ([16, 0, 0, 0, 2, 0], "bStatus: expected 0 to 15, found 16"), ([0, 0, 0, 0, 11, 0], "bState: expected 0 to 10, found 11"),
        ] as [([UInt8], String)])
    func `an answer that is no status is named`(bytes: [UInt8], sentence: String) {
        #expect(throws: DFUError.malformed(sentence)) { try DFUStatus(bytes) }
    }

    @Test func `a transfer size of 0 is said`() {
        #expect(throws: DFUError.malformed("wTransferSize: expected at least 1, found 0")) {
            try DFUFunctionalDescriptor([9, 0x21, 0x0D, 0xE8, 0x03, 0, 0, 0x10, 0x01])
        }
    }

    @Test func `every error has a code and a sentence`() {
        let errors: [DFUError] = [
            .usb(USBError(.stall, "STALL"), request: .dnload), .status(.errPROG, state: .dfuERROR, offset: 0x4000),
            .unexpectedState(.dfuIDLE, during: "the transfer"), .stillBusy(.dfuDNBUSY, after: .seconds(5)),
            .shortUpload(expected: 4096, found: 100), .malformed("x"), .noInterface, .unsupported("x"), .cancelled,
        ]
        #expect(Set(errors.map(\.code)).count == errors.count)
        #expect(errors.allSatisfy { !$0.description.isEmpty })
        #expect(errors[1].description == "the unit reported errPROG in state dfuERROR at offset 0x4000")
    }

    @Test func `what may pass is tried again and what may not is not`() {
        #expect(DFUError.usb(USBError(.timeout, ""), request: .getStatus).isTransient)
        #expect(DFUError.status(.errSTALLEDPKT, state: .dfuERROR, offset: 0).isTransient)
        #expect(!DFUError.status(.errPROG, state: .dfuERROR, offset: 0).isTransient)
        #expect(!DFUError.status(.errVERIFY, state: .dfuERROR, offset: nil).isTransient)
        #expect(!DFUError.usb(USBError(.gone, ""), request: .dnload).isTransient)
    }

    @Test func `A STALL is the unit's word only where it was sent something`() {
        #expect(DFUError.usb(USBError(.stall, ""), request: .dnload).isUnitsWord)
        #expect(!DFUError.usb(USBError(.stall, ""), request: .getStatus).isUnitsWord)
        #expect(!DFUError.usb(USBError(.timeout, ""), request: .dnload).isUnitsWord)
        #expect(DFUError.status(.errPROG, state: .dfuERROR, offset: 0).isUnitsWord)
    }
}
