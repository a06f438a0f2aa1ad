import BenchModel
import Foundation
import Testing

/// Tools that others wrote, which must take the simulated units for hardware and our files for what they claim to be.
@Suite(.timeLimit(.minutes(5)), .serialized) struct JudgeTests {
    /// Runs a shell script inside the dock and returns what it printed.
    private func inside(_ bench: SimulatedBench, _ script: String) async throws -> Programs.Result {
        try await Programs.run("hubsim", ["run", "--dock", bench.dock, "--socket", bench.controlSocket, "--", "sh", "-c", script])
    }

    @Test func `dfu-util lists sixteen units with their CHF IDs`() async throws {
        try await withFolder { folder in
            let result = try await inside(try await SimulatedBench(folder, units: 16), "dfu-util -l")
            let found = result.output.split(separator: "\n").filter { $0.hasPrefix("Found Runtime: [1209:4c01]") }
            #expect(found.count == 16)
            for index in 1...16 {
                let serial = SimulatedBench.chf(index).replacingOccurrences(of: "-", with: "")
                #expect(found.contains { $0.contains("serial=\"\(serial)\"") })
            }
        }
    }

    @Test func `dfu-util downloads to and uploads from sixteen units at once, byte for byte`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 16)
            try Data(bench.image).write(to: URL(filePath: "\(folder)/image.bin"))
            let script = """
                cd \(folder)
                ports=$(dfu-util -l | sed -n 's/^Found Runtime.*path="\\([^"]*\\)".*/\\1/p')
                for port in $ports; do dfu-util -p $port -e >/dev/null 2>&1 & done; wait
                while [ $(dfu-util -l | grep -c 'Found DFU.*alt=0') -lt 16 ]; do :; done
                for port in $ports; do dfu-util -p $port -a 0 -D image.bin >down-$port.log 2>&1 & done; wait
                for port in $ports; do dfu-util -p $port -a 0 -U up-$port.bin >up-$port.log 2>&1 & done; wait
                size=$(stat -c %s image.bin)
                for port in $ports; do cmp -n $size image.bin up-$port.bin && echo same; done
                """
            let result = try await inside(bench, script)
            #expect(result.output.components(separatedBy: "same").count - 1 == 16, "\(result.output)\n\(result.errors)")
        }
    }

    @Test func `lsusb reads every descriptor of a unit and of the USB hubs`() async throws {
        try await withFolder { folder in
            let result = try await inside(try await SimulatedBench(folder, units: 2), "lsusb -v")
            for line in [
                "iSerial                 3 00DB123456789002", "Device Firmware Upgrade Interface Descriptor:",
                "bcdDFUVersion                   1.10",
                "Manifestation Tolerant", "4096 bytes", "Hub Descriptor:", "highspeed power enable connect",
            ] {
                #expect(result.output.contains(line), "no '\(line)'")
            }
            #expect(!result.errors.contains("can't"), "\(result.errors)")
        }
    }

    @Test func `udev's links and tags name the port`() async throws {
        try await withFolder { folder in
            let result = try await inside(
                try await SimulatedBench(folder, units: 1),
                "ls -l /dev/reflash/by-path; ls /run/udev/tags/reflash; cat /run/udev/data/c189:5")
            #expect(result.output.contains("pci-0000:00:14.0-usb-0:1.1.1 -> ../../bus/usb/001/006"))
            #expect(result.output.contains("E:ID_PATH=pci-0000:00:14.0-usb-0:1.1.1"))
            #expect(result.output.contains("E:ID_USB_INTERFACES=:ff0000:fe0101:"))
        }
    }

    @Test func `imgtool agrees about what we make and we about what it makes`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try Data(bench.image).write(to: URL(filePath: "\(folder)/ours.bin"))
            let ours = try await Programs.run("imgtool", ["verify", "\(folder)/ours.bin"])
            #expect(ours.output.contains("Image version: 0.2.303+0"), "\(ours.output)\(ours.errors)")
            for (key, tlv) in [("ecdsa-p256", "ECDSA_SIG"), ("ed25519", "ED25519"), ("rsa-2048", "RSA2048_PSS")] {
                try await Programs.run("imgtool", ["keygen", "--key", "\(folder)/\(key).pem", "--type", key])
                let signed = try await Programs.run(
                    "imgtool",
                    [
                        "sign", "--key", "\(folder)/\(key).pem", "--version", "1.2.3+4", "--header-size", "0x200", "--pad-header",
                        "--align", "4",
                        "--slot-size", "0x100000", "--security-counter", "7", "\(folder)/ours.bin", "\(folder)/\(key).bin",
                    ])
                #expect(signed.status == 0, "\(signed.errors)")
                let inspected = try await Programs.run("reflashctl", ["image", "inspect", "\(folder)/\(key).bin", "--json"])
                #expect(inspected.status == 0, "\(inspected.output)")
                #expect(inspected.output.contains("\"version\" : \"1.2.3+4\""))
                #expect(inspected.output.contains("\"name\" : \"\(tlv)\""))
                #expect(inspected.output.contains("\"name\" : \"SEC_CNT\""))
                let digest = try await Programs.run("imgtool", ["verify", "\(folder)/\(key).bin", "--key", "\(folder)/\(key).pem"])
                let hash =
                    digest.output.split(separator: "\n").first { $0.contains("digest") }?.split(separator: " ").last.map(String.init)
                    ?? "none"
                #expect(inspected.output.contains(hash), "\(digest.output)")
            }
        }
    }

    @Test func `the journal's chain can be checked by a few lines of Python`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2)
            try await bench.runDaemon { _ in _ = try await bench.settled(1...2) }
            let script = """
                import hashlib, sqlite3, sys
                head, count = bytes(32), 0
                for row in sqlite3.connect(sys.argv[1]).execute(
                        "SELECT number, utc, monotonic, slot, unit, session, kind, payload, hash FROM events ORDER BY number"):
                    body = b"".join(b"-" if f is None else b"%d:%s" % (len(str(f).encode()), str(f).encode()) for f in row[:-1])
                    head = hashlib.sha256(head + body).digest()
                    assert head == row[-1], row[0]
                    count += 1
                print(count, head.hex())
                """
            let python = try await Programs.run("python3", ["-c", script, bench.journal])
            let ours = try await Programs.run("reflashctl", ["journal", "verify", bench.journal])
            let words = python.output.split(whereSeparator: \.isWhitespace).map(String.init)
            try #require(words.count == 2, "\(python.errors)")
            #expect(ours.output.contains("intact, \(words[0]) events, head \(words[1])"))
        }
    }
}
