import BenchModel
@testable import Dock
import Foundation
import Testing

/// Which USB hub a device is plugged into, by sysfs alone.
@Suite struct HubPortTests {
    @Test func `A device's USB hub, its port there and its speed are read from the folders above it`() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "dock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        func folder(_ path: String, bus: Int, number: Int, speed: String) throws {
            let folder = root.appending(path: path)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (name, text) in [("busnum", "\(bus)"), ("devnum", "\(number)"), ("speed", speed)] {
                try Data("\(text)\n".utf8).write(to: folder.appending(path: name))
            }
        }
        try folder("usb3", bus: 3, number: 1, speed: "480")
        try folder("usb3/3-1", bus: 3, number: 7, speed: "480")
        try folder("usb3/3-1/3-1.4", bus: 3, number: 12, speed: "12")
        let interface = root.appending(path: "usb3/3-1/3-1.4/3-1.4:1.0/tty/ttyACM0")
        try FileManager.default.createDirectory(at: interface, withIntermediateDirectories: true)
        func device(_ path: String) -> DockedDevice {
            DockedDevice(
                port: PortPath("pci-0000:00:14.0-usb-0:1.4"), node: "/dev/x", syspath: root.appending(path: path).path, properties: [:])
        }
        for path in ["usb3/3-1/3-1.4", "usb3/3-1/3-1.4/3-1.4:1.0/tty/ttyACM0"] {
            #expect(device(path).hubPort?.node == "/dev/bus/usb/003/007")
            #expect(device(path).hubPort?.port == 4)
            #expect(device(path).isSlow)
        }
        #expect(device("usb3/3-1").hubPort?.node == "/dev/bus/usb/003/001")
        #expect(device("usb3/3-1").hubPort?.port == 1)
        #expect(!device("usb3/3-1").isSlow)

        // Once it has left, its port is the same, and not that of its USB hub.
        try FileManager.default.removeItem(at: root.appending(path: "usb3/3-1/3-1.4"))
        for path in ["usb3/3-1/3-1.4", "usb3/3-1/3-1.4/3-1.4:1.0/tty/ttyACM0"] {
            #expect(device(path).hubPort?.node == "/dev/bus/usb/003/007")
            #expect(device(path).hubPort?.port == 4)
            #expect(device(path).usbNode == nil)
        }
    }
}
