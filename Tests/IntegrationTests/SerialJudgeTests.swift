import BenchModel
import BenchWire
import Foundation
import ReleaseKit
import Testing

/// SMP clients that others wrote, which must take a simulated 2G/3G unit for hardware.
@Suite(.timeLimit(.minutes(3)), .serialized) struct SerialJudgeTests {
    /// A dock with 2G/3G units alone: one on a USB port, one behind a serial device server.
    private static func writeDock(_ folder: String, port: Int, faults: String = "") throws {
        try """
        dock: serial
        defaults:
          variant: 2G/3G
          model: 010A030B
          hardwareVersion: "0101"
          firmware: {version: 00020100}
          timing: {erase: 2 ms, program: 1 ms, reboot: 200 ms}
          serial: {baud: 1000000, bufferSize: 1024, bufferCount: 4}
        slots:
          B01: 1-1.1
          S01: tcp://127.0.0.1:\(port)
        units:
          - {slot: B01, chfId: 00-DB-12-34-56-78-92-01, gpfId: 00-DB-12-34-56-78-A2-01\(faults)}
          - {slot: S01, chfId: 00-DB-12-34-56-78-92-02, gpfId: 00-DB-12-34-56-78-A2-02}
        """.write(toFile: "\(folder)/dock.yaml", atomically: true, encoding: .utf8)
    }

    /// An image signed by imgtool, and its hash TLV.
    private func signedImage(_ folder: String) async throws -> (path: String, hash: String) {
        try Data((0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }).write(to: URL(filePath: "\(folder)/payload.bin"))
        let signed = try await Programs.run(
            "imgtool",
            [
                "sign", "--version", "0.2.303", "--header-size", "0x200", "--pad-header", "--align", "4", "--slot-size", "0x80000",
                "\(folder)/payload.bin", "\(folder)/image.bin",
            ])
        try #require(signed.status == 0, "\(signed.errors)")
        let image = try Data(contentsOf: URL(filePath: "\(folder)/image.bin"))
        return ("\(folder)/image.bin", Hex.lowercase(image.suffix(32)))
    }

    private func inside(_ folder: String, _ script: String) async throws -> Programs.Result {
        try await Programs.run(
            "hubsim", ["run", "--dock", "\(folder)/dock.yaml", "--socket", "\(folder)/ctl.sock", "--", "bash", "-c", script],
            environment: ["COLUMNS": "200", "NO_COLOR": "1"])
    }

    @Test func `a client at another speed than the unit's gets no answer`() async throws {
        try await withFolder { folder in
            try Self.writeDock(folder, port: 17_105)
            let result = try await inside(
                folder, "\(Programs.path("smpmgr")) --port /dev/ttyACM0 --baudrate 9600 --timeout 0.3 os echo hello 2>&1")
            #expect(result.output.contains("Timeout"), "\(result.output)")
        }
    }

    @Test func `smpmgr lists, uploads, tests, resets and confirms`() async throws {
        try await withFolder { folder in
            try Self.writeDock(folder, port: 17_101)
            let image = try await signedImage(folder)
            let result = try await inside(
                folder,
                """
                smp="\(Programs.path("smpmgr")) --port /dev/ttyACM0 --baudrate 1000000"
                set -e
                $smp image upload \(image.path) 2>&1
                $smp image state-write \(image.hash) 2>&1
                number() { cat /sys/class/tty/ttyACM0/device/../devnum 2>/dev/null || true; }
                before=$(number)
                $smp os reset 2>&1
                while [ ! -e /dev/ttyACM0 ] || [ -z "$(number)" ] || [ "$(number)" = "$before" ]; do sleep 0.02; done
                echo AFTER; $smp image state-read 2>&1
                $smp image state-write --confirm 2>&1
                echo CONFIRMED; $smp image state-read 2>&1
                """)
            let after = result.output.components(separatedBy: "AFTER").last ?? ""
            let states = after.components(separatedBy: "CONFIRMED")
            try #require(states.count == 2, "\(result.status) \(result.errors) \(result.output)")
            for (state, isConfirmed) in zip(states, ["False", "True"]) {
                let running = try #require(
                    state.components(separatedBy: "slot=0").dropFirst().first?.components(separatedBy: "slot=1").first)
                #expect(running.contains("version='0.2.303'"), "\(state)")
                #expect(running.contains("confirmed=\(isConfirmed)"), "\(state)")
            }
        }
    }

    @Test func `mcumgr-toolkit lists, uploads, tests, resets and confirms`() async throws {
        try await withFolder { folder in
            try Self.writeDock(folder, port: 17_102)
            let image = try await signedImage(folder)
            try """
            import os, sys, time, mcumgr_toolkit
            client = lambda: mcumgr_toolkit.MCUmgrClient.serial('/dev/ttyACM0', baud_rate=1000000, timeout_ms=3000)
            one = client()
            one.use_auto_frame_size()
            print(one.image_get_state()[0].version)
            one.image_upload(open(sys.argv[1], 'rb').read())
            one.image_set_state(sys.argv[2])
            def number():
                try:
                    return open('/sys/class/tty/ttyACM0/device/../devnum').read()
                except OSError:
                    return None
            before = number()
            one.os_system_reset()
            del one
            while not os.path.exists('/dev/ttyACM0') or number() in (None, before):
                time.sleep(0.02)
            two = client()
            print(two.image_get_state()[0].version, two.image_get_state()[0].confirmed)
            two.image_set_state(confirm=True)
            print(two.image_get_state()[0].version, two.image_get_state()[0].confirmed)
            """.write(toFile: "\(folder)/toolkit.py", atomically: true, encoding: .utf8)
            let result = try await inside(folder, "\(Programs.path("venv-python")) \(folder)/toolkit.py \(image.path) \(image.hash)")
            #expect(result.output == "0.2.256\n0.2.303 False\n0.2.303 True\n", "\(result.output)\(result.errors)")
        }
    }

    /// The config for the dock above, and a release that is approved on it.
    private func prepare(_ folder: String, port: Int, image: String) async throws -> SimulatedBench {
        try """
        bench: serial
        journal: journal.sqlite
        socket: d.sock
        profiles:
          unit:
            variant: 2G/3G
            protocol: smp
            runtime: {ID_VENDOR_ID: "1209", ID_MODEL_ID: 2c01}
            line: {baud: 1000000}
            identity: os-info n
            hardwareVersion: os-info i
            components: {application: {image: 0}}
            bounds: {request: 2 s, comeBack: 10 s, stall: 5 s}
        \(SimulatedBench.releases)
        slots:
          B01: {port: pci-0000:00:14.0-usb-0:1.1, interface: 0}
          S01: {link: tcp://127.0.0.1:\(port), profile: unit}
        """.write(toFile: "\(folder)/bench.yaml", atomically: true, encoding: .utf8)
        let bench = try SimulatedBench(existing: folder)
        let version = FirmwareVersion(rawValue: 0x0002_012F)
        try await bench.approve([.init(.twoG3G, version, image: Array(try Data(contentsOf: URL(filePath: image))))])
        return bench
    }

    @Test func `the daemon reflashes a unit on a USB port and one behind a serial device server, and sees both leave`() async throws {
        try await withFolder { folder in
            try Self.writeDock(folder, port: 17_103)
            let bench = try await prepare(folder, port: 17_103, image: try await signedImage(folder).path)
            try await bench.runDaemon { _ in
                let status = try await bench.status { $0.slots.count == 2 && $0.slots.allSatisfy { $0.outcome == .reflashed } }
                #expect(status.slots.map(\.chfId).compactMap { $0 }.count == 2)
                for slot in ["B01", "S01"] { try await bench.hands("unplug", slot) }
                try await bench.status { $0.slots.allSatisfy { $0.state == .empty } }
                try await bench.hands("plug", "00-DB-12-34-56-78-92-01", "S01")
                try await bench.status { $0.slots.contains { $0.slot.label == "S01" && $0.outcome == .alreadyCurrent } }
            }
        }
    }

    @Test func `a tty that is pulled in the middle of an upload is noticed at once`() async throws {
        try await withFolder { folder in
            try Self.writeDock(folder, port: 17_104, faults: ", faults: [{kind: unplug, atByte: 20000}]")
            let bench = try await prepare(folder, port: 17_104, image: try await signedImage(folder).path)
            try await bench.runDaemon { _ in
                let status = try await bench.status { $0.slots.contains { $0.slot.label == "B01" && $0.outcome == .unknown } }
                let slot = try #require(status.slots.first { $0.slot.label == "B01" })
                #expect(slot.reason == .contactLost)
                #expect(slot.detail?.contains("transferring: /dev/ttyACM0: ") == true, "\(slot.detail ?? "")")
            }
        }
    }
}
