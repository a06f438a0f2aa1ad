import Links
import Testing

@Suite struct USBDescriptorsTests {
    /// A device with one vendor interface and one DFU interface in run-time mode.
    private static let honest: [UInt8] =
        [18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x01, 0x4C, 0x2F, 0x01, 1, 2, 3, 1]  // device
        + [9, 2, 36, 0, 2, 1, 0, 0xC0, 50]  // configuration: 36 bytes, 2 interfaces
        + [9, 4, 0, 0, 0, 0xFF, 0, 0, 0]  // interface 0
        + [9, 4, 1, 0, 0, 0xFE, 0x01, 0x01, 4]  // interface 1
        + [9, 0x21, 0x0B, 0xE8, 0x03, 0x00, 0x10, 0x10, 0x01]  // DFU functional

    @Test func `interfaces come with the class-specific descriptors that follow them`() throws {
        let descriptors = try USBDescriptors(Self.honest)
        #expect(descriptors.idVendor == 0x1209)
        #expect(descriptors.bcdDevice == 0x012F)
        #expect(descriptors.iSerialNumber == 3)
        #expect(descriptors.interfaces.map(\.interfaceClass) == [0xFF, 0xFE])
        #expect(descriptors.interfaces[1].classSpecific.count == 1)
    }

    @Test(arguments: 0..<honest.count)
    func `descriptors cut short are refused with the offset`(length: Int) {
        #expect {
            try USBDescriptors(Array(Self.honest.prefix(length)))
        } throws: { error in
            guard let error = error as? USBError else { return false }
            return error.code == .descriptors && error.sentence.contains("offset")
        }
    }

    @Test func `a configuration that claims more than it has is refused`() {
        var huge = Self.honest
        huge[20] = 0xFF
        huge[21] = 0xFF
        #expect(throws: USBError(.descriptors, "descriptors, offset 20: wTotalLength: expected 9 to 36 bytes, found 65535")) {
            try USBDescriptors(huge)
        }
    }

    @Test func `a descriptor of length 0 does not make the reader spin`() {
        var stuck = Self.honest
        stuck[27] = 0
        #expect(throws: USBError.self) { try USBDescriptors(stuck) }
    }
}
