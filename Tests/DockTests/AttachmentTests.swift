import BenchModel
import Dock
import Foundation
import Testing

@Suite struct AttachmentTests {
    /// A USB device with a tty below it, as sysfs has them.
    private func withTree(_ body: (_ usb: String, _ tty: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "it-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tty = "\(folder)/usb5/5-1/5-1:1.0/tty/ttyACM0"
        try FileManager.default.createDirectory(atPath: tty, withIntermediateDirectories: true)
        try "17\n".write(toFile: "\(folder)/usb5/5-1/devnum", atomically: true, encoding: .utf8)
        try "1\n".write(toFile: "\(folder)/usb5/devnum", atomically: true, encoding: .utf8)
        try body("\(folder)/usb5/5-1", tty)
    }

    private func device(_ syspath: String, number: String) -> DockedDevice {
        DockedDevice(port: PortPath("usb-0:1"), node: "/dev/ttyACM0", syspath: syspath, incarnation: number, properties: [:])
    }

    @Test func `an attachment is there as long as its USB device has the same number`() throws {
        try withTree { usb, tty in
            #expect(device(usb, number: "17").isAttached)
            #expect(device(tty, number: "17").isAttached)
        }
    }

    @Test func `a unit that came back at the same port, or a name that is another unit's by now, is not taken for it`() throws {
        try withTree { usb, tty in
            #expect(!device(tty, number: "16").isAttached)
            #expect(!device(usb, number: "16").isAttached)
            #expect(!device("\(usb)/5-1:1.0/tty/ttyACM7", number: "17").isAttached)
        }
    }

    @Test func `a line that is always there has no attachments`() {
        let line = DockedDevice(
            port: PortPath("tcp://192.0.2.7:4001"), node: "tcp://192.0.2.7:4001", syspath: "tcp://192.0.2.7:4001", incarnation: "3",
            properties: [:])
        #expect(line.isAttached)
    }
}
