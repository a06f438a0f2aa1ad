import BenchModel
import ConfigFiles
import Foundation
import Testing

@Suite struct BenchConfigFileTests {
    private static let whole = """
        bench: rack-a
        journal: journal.sqlite
        socket: /run/reflash/reflashd.sock
        limits: {usbfsMemory: 32 MiB, concurrentSessions: 16, drain: 2 min, powerUpStagger: 50 ms, hostController: {endpoints: 64}, usbHub: {devices: 10, bandwidth: 1 MiB}}
        profiles:
          hub-4g:
            variant: 4G
            protocol: dfu
            runtime: {ID_VENDOR_ID: "1209", ID_MODEL_ID: 4c01}
            bootloader: {ID_VENDOR_ID: "1209", ID_MODEL_ID: 4c02}
            version: string 4
            components: {application: {alternate: 0}, modem: {alternate: 1}}
            bounds: {request: 250 ms}
        releases:
          store: releases
          trust: {roots: trust/roots, approvers: trust/approvers, imageKeys: /etc/keys}
          centralProductsList: {file: cpl.csv, columns: {status: State}, current: Live}
          checksOff: [downgrade]
        roles:
          technician: [group flashers, user 1001]
          supervisor: [user ada]
        slots:
          A10: pci-0000:00:14.0-usb-0:1.10
          A2: pci-0000:00:14.0-usb-0:1.2
        """

    @Test func `a whole config is read, with paths relative to its folder and slots in the order of labels`() throws {
        let config = try BenchConfigFile.parse(Self.whole, file: "/etc/reflash/bench.yaml")
        #expect(config.journal == "/etc/reflash/journal.sqlite")
        #expect(config.socket == "/run/reflash/reflashd.sock")
        #expect(
            config.limits
                == BenchLimits(
                    usbfsMemory: 32 << 20, concurrentSessions: 16, drain: .seconds(120), hostController: .init(endpoints: 64),
                    usbHub: .init(devices: 10, bandwidth: 1 << 20), powerUpStagger: .milliseconds(50)))
        #expect(config.slots.map(\.slot.label) == ["A2", "A10"])
        #expect(config.profiles[0].components == ["application": 0, "modem": 1])
        #expect(config.profiles[0].bounds.request == .milliseconds(250))
        #expect(config.profiles[0].version == .string(4))
        #expect(
            config.releases
                == ReleaseConfig(
                    store: "/etc/reflash/releases", roots: "/etc/reflash/trust/roots", approvers: "/etc/reflash/trust/approvers",
                    imageKeys: "/etc/keys",
                    productsList: .init(path: "/etc/reflash/cpl.csv", columns: ["status": "State"], current: "Live"), statements: .signed,
                    checksOff: [.downgrade], line: 15))
        #expect(config.roles.members == [.technician: [.group("flashers"), .user("1001")], .supervisor: [.user("ada")]])
    }

    /// A line of the whole config, what it is replaced by, and the exact message.
    @Test(arguments: [
        ("bench: rack-a", "bench: [", "bench.yaml:3: not readable as YAML: did not find expected ',' or ']'"),
        ("bench: rack-a", "bench:", "bench.yaml:1: bench: expected a value, found nothing"),
        (
            "bench: rack-a", "rack: a",
            "bench.yaml:1: rack: unknown key 'rack'; known here: bench, checkpoints, journal, limits, logistics, profiles, releases, roles, slots, socket"
        ),
        ("bench: rack-a\n", "", "bench.yaml:1: the key 'bench' is missing"),
        (
            "socket: /run/reflash/reflashd.sock", "socket: /\(String(repeating: "s", count: 107))",
            "bench.yaml:3: socket: expected a path of at most 107 bytes, found 108: '/\(String(repeating: "s", count: 107))'"
        ),
        (
            "usbfsMemory: 32 MiB", "usbfsMemory: 32 MB",
            "bench.yaml:4: limits.usbfsMemory: expected a number of bytes such as '512', '4 KiB' or '16 MiB', found '32 MB'"
        ),
        ("usbfsMemory: 32 MiB", "usbfsMemory: 1 KiB", "bench.yaml:4: limits.usbfsMemory: expected at least 64 KiB"),
        (
            "concurrentSessions: 16", "concurrentSessions: 0",
            "bench.yaml:4: limits.concurrentSessions: expected a whole number from 1 to 1024, found '0'"
        ),
        (
            "drain: 2 min", "drain: 2 hours",
            "bench.yaml:4: limits.drain: expected a duration such as '250 ms', '5 s' or '2 min', found '2 hours'"
        ),
        (
            "    variant: 4G\n    protocol", "    variant: 5G\n    protocol",
            "bench.yaml:7: profiles.hub-4g.variant: expected one of 2G/3G, 4G, found '5G'"
        ),
        ("protocol: dfu", "protocol: uftp", "bench.yaml:8: profiles.hub-4g.protocol: expected dfu or smp, found 'uftp'"),
        (
            "ID_MODEL_ID: 4c02", "ID_MODEL_ID: 4c01",
            "bench.yaml:10: profiles.hub-4g.bootloader: expected other properties than in 'runtime': the two modes can't be told apart"
        ),
        (
            "runtime: {ID_VENDOR_ID: \"1209\", ID_MODEL_ID: 4c01}", "runtime: {}",
            "bench.yaml:9: profiles.hub-4g.runtime: expected at least one udev property"
        ),
        (
            "runtime: {ID_VENDOR_ID: \"1209\", ID_MODEL_ID: 4c01}", "runtime: {ID_VENDOR_ID: \"1209\"}",
            "bench.yaml:10: profiles.hub-4g.bootloader: expected other properties than in 'runtime': the two modes can't be told apart"
        ),
        ("bounds: {request: 250 ms}", "bounds: {request: 0 s}", "bench.yaml:13: profiles.hub-4g.bounds.request: expected at least 10 ms"),
        (
            "version: string 4", "version: string 0",
            "bench.yaml:11: profiles.hub-4g.version: expected 'string N' with N from 1 to 255, bcd-device or none, found 'string 0'"
        ),
        (
            "modem: {alternate: 1}", "modem: {alternate: 0}",
            "bench.yaml:12: profiles.hub-4g.components.modem: alternate 0 is already the place of 'application'"
        ),
        (
            "modem: {alternate: 1}", "modem: {alternate: 256}",
            "bench.yaml:12: profiles.hub-4g.components.modem.alternate: expected a whole number from 0 to 255, found '256'"
        ),
        ("  store: releases\n", "", "bench.yaml:15: releases: the key 'store' is missing"),
        (
            "approvers: trust/approvers, ", "",
            "bench.yaml:15: releases: expected trust.approvers, whose certificates sign approvals; or 'statements: by-role', where the role "
                + "on the socket is enough"
        ),
        (
            "  centralProductsList: {file: cpl.csv, columns: {status: State}, current: Live}\n", "",
            "bench.yaml:15: releases: expected centralProductsList, or central-products-list under checksOff; every outcome then says so"
        ),
        (
            "[downgrade]", "[upgrade]",
            "bench.yaml:18: releases.checksOff[0]: expected one of central-products-list, hardware-version, model, starting-version, downgrade, "
                + "security-counter, found 'upgrade'"
        ),
        ("[downgrade]", "[downgrade, downgrade]", "bench.yaml:18: releases.checksOff[1]: the check is given twice"),
        (
            "supervisor: [user ada]", "supervisor: [ada]",
            "bench.yaml:21: roles.supervisor[0]: expected 'user NAME', 'group NAME' or everyone, found 'ada'"
        ),
        (
            "supervisor: [user ada]", "boss: [user ada]",
            "bench.yaml:21: roles.boss: expected one of viewer, technician, clerk, supervisor, releaser, found 'boss'"
        ),
        (
            "  A2: pci-0000:00:14.0-usb-0:1.2", "  A2: pci-0000:00:14.0-usb-0:1.10",
            "bench.yaml:24: slots.A2: the port pci-0000:00:14.0-usb-0:1.10 is already slot A10"
        ),
        ("  A2: pci", "  A/2: pci", "bench.yaml:24: slots.A/2: expected a slot label of 1 to 16 letters, digits, '-' or '_', found 'A/2'"),
        ("  A2: pci-0000:00:14.0-usb-0:1.2", "  A10: pci-0000:00:14.0-usb-0:1.2", "the key is given twice"),
    ])
    func `each mistake is named with file, line and field`(line: String, mistake: String, message: String) throws {
        try #require(Self.whole.contains(line))
        let text = Self.whole.replacingOccurrences(of: line, with: mistake)
        let error = #expect(throws: ConfigError.self) { try BenchConfigFile.parse(text, file: "bench.yaml") }
        if message.hasPrefix("bench.yaml") {
            #expect(error?.description == message)
        } else {
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    private static let serial = """
        bench: rack-b
        journal: journal.sqlite
        socket: reflashd.sock
        profiles:
          hub-2g3g:
            variant: 2G/3G
            protocol: smp
            runtime: {ID_VENDOR_ID: "1209", ID_MODEL_ID: 2c01}
            activation: highest-version
            line: {baud: 250000, dtr: false, rts: true, framing: console 512, recoveryFraming: cobs, bufferSize: 400, bufferCount: 3}
            identity: os-info n
            version: image-state
            components: {application: {image: 1}}
        releases: {store: r, trust: {roots: r.pem}, statements: by-role, checksOff: [central-products-list]}
        slots:
          B01: {port: pci-0000:00:14.0-usb-0:1.1, interface: 2}
          B02: {link: /dev/serial/by-path/x, profile: hub-2g3g}
          B03: {link: "tcp://[2001:db8::7]:4001", profile: hub-2g3g}
        """

    @Test func `a rack of serial units is read`() throws {
        let config = try BenchConfigFile.parse(Self.serial, file: "bench.yaml")
        let smp = try #require(config.profiles[0].smp)
        #expect(smp.activation == .highestVersion)
        #expect(smp.line == LineSettings(baud: 250_000, dtr: false, rts: true))
        #expect(smp.framing == .console(lineLength: 512) && smp.recoveryFraming == .cobs)
        #expect(smp.buffers == SMPBuffers(size: 400, count: 3))
        #expect(config.profiles[0].identity == .osInfo("n"))
        #expect(config.profiles[0].components == ["application": 1])
        #expect(config.slots[0].interface == 2)
        #expect(config.slots[1].fixed?.address == .tty("/dev/serial/by-path/x"))
        #expect(config.slots[2].fixed?.address == .tcp(host: "2001:db8::7", port: 4001))
    }

    @Test(arguments: [
        ("baud: 250000", "baud: 12"), ("framing: console 512", "framing: morse"), ("activation: highest-version", "activation: both"),
        ("bufferSize: 400, ", ""), ("bufferCount: 3", "bufferCount: 0"), ("dtr: false", "dtr: maybe"), ("image: 1", "alternate: 1"),
        ("os-info n", "os-info sn"), ("image-state", "string 4"), ("interface: 2", "interface: 300"), ("link: /dev/", "link: dev/"),
        ("profile: hub-2g3g}\n  B03", "profile: hub-4g}\n  B03"), (":4001", ":0"), ("link: /dev/serial/by-path/x, ", ""),
    ])
    func `each mistake in a serial rack is named with file and line`(good: String, bad: String) throws {
        try #require(Self.serial.contains(good))
        let text = Self.serial.replacingOccurrences(of: good, with: bad)
        let error = #expect(throws: ConfigError.self) { try BenchConfigFile.parse(text, file: "bench.yaml") }
        let sentence = error?.description ?? ""
        // The line that the mistake was put into.
        let place = try #require(Self.serial.range(of: good)).lowerBound
        let line = Self.serial[..<place].count { $0 == "\n" } + 1
        #expect(sentence.hasPrefix("bench.yaml:\(line): "), "\(sentence)")
    }

    private static let dfuOnly = """
        bench: rack-a
        journal: journal.sqlite
        socket: d.sock
        profiles:
          board:
            variant: 4G
            protocol: dfu
            runtime: none
            reboot: none
            bootloader: {ID_VENDOR_ID: "1209"}
            components: {application: {alternate: 0}}
        releases: {store: releases, trust: {roots: roots, imageKeys: keys}, statements: by-role, checksOff: [central-products-list]}
        slots: {A1: usb-0:1}
        """

    @Test func `a device that knows no other mode than DFU has no run-time mode, and is not restarted`() throws {
        let profile = try BenchConfigFile.parse(Self.dfuOnly, file: "bench.yaml").profiles[0]
        #expect(!profile.restarts)
        #expect(profile.mode(of: ["ID_VENDOR_ID": "1209"]) == .bootloader)
        #expect(profile.mode(of: [:]) == nil)
    }

    @Test(arguments: [
        ("    reboot: none\n", ""), ("runtime: none", "runtime: {ID_VENDOR_ID: \"1234\"}"), ("reboot: none", "reboot: twice"),
        ("runtime: none", "runtime: some"), ("reboot: none", "reboot: none\n    version: string 4"),
    ])
    func `one of 'runtime: none' and 'reboot: none' without the other, or with a version that nobody says, is refused`(
        good: String, bad: String
    ) throws {
        let text = Self.dfuOnly.replacingOccurrences(of: good, with: bad)
        try #require(text != Self.dfuOnly)
        let error = #expect(throws: ConfigError.self) { try BenchConfigFile.parse(text, file: "bench.yaml") }
        #expect(error?.field.hasPrefix("profiles.board.") == true, "\(error?.description ?? "")")
    }

    @Test func `a file that is not there is named`() {
        let error = #expect(throws: ConfigError.self) { try BenchConfigFile.load("/nowhere/bench.yaml") }
        #expect(error?.description.hasPrefix("/nowhere/bench.yaml: can't be read") == true)
    }

    @Test func `every bench in bench-configs is read`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "bench-configs").path
        let benches = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.contains("dock") }
        var slots: [String: Int] = [:]
        for bench in benches { slots[bench] = try BenchConfigFile.load("\(folder)/\(bench)").slots.count }
        #expect(slots == ["demo.yaml": 25, "kernel.yaml": 20, "mixed-64.yaml": 64, "serial-rack-8.yaml": 8, "usb-rack-16.yaml": 16])
    }
}
