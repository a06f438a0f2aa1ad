import BenchModel
import ConfigFiles
import Testing

@testable import Doctor

@Suite struct DiagnosisTests {
    private static func config(slots: Int = 16, sessions: Int = 64, memory: Int = 16 << 20) -> BenchConfig {
        BenchConfig(
            name: "rack", journal: "/var/lib/reflash/journal.sqlite", socket: "",
            limits: BenchLimits(usbfsMemory: memory, concurrentSessions: sessions),
            profiles: [
                DeviceProfile(
                    name: "4g", variant: .fourG, runtime: ["ID_VENDOR_ID": "1209"], bootloader: ["ID_VENDOR_ID": "1209"],
                    version: .bcdDevice,
                    model: .absent, hardwareVersion: .absent, components: ["application": 0])
            ], releases: ReleaseConfig(store: "", roots: ""),
            slots: (1...slots).compactMap { index in
                SlotID("A\(index)").map { SlotPlace(slot: $0, port: PortPath("pci-0000:00:14.0-usb-0:1.\(index)")) }
            })
    }

    /// A host on which nothing is wrong.
    private static func healthy(for config: BenchConfig) -> HostFacts {
        var facts = HostFacts()
        facts.usbfsMemoryMiB = 16
        facts.hostControllers = ["pci-0000:00:14.0"]
        facts.powerControl = ["pci-0000:00:14.0-usb-0:1.1": "on"]
        facts.rules = [
            "70-reflash.rules": #"GROUP="reflash", MODE="0660", TAG+="reflash", ATTR{power/control}="on""#,
            SlotRules.fileName: SlotRules.text(for: config),
        ]
        facts.groups = ["reflash"]
        facts.freeBytes = 8 << 30
        facts.syncSeconds = 0.001
        return facts
    }

    private static func findings(_ config: BenchConfig = config(), _ change: (inout HostFacts) -> Void = { _ in }) -> [Finding] {
        var facts = healthy(for: config)
        change(&facts)
        return Diagnosis(of: config, at: "bench.yaml", on: facts).findings.filter { $0.severity > .fine }
    }

    @Test func `a healthy host has nothing in the way`() {
        #expect(Self.findings() == [])
    }

    @Test func `too little usbfs memory for all units at once is a problem, and the command that mends it is named`() {
        let found = Self.findings(Self.config(slots: 56, memory: 1 << 20)) { $0.usbfsMemoryMiB = 1 }
        #expect(!found.contains { $0.check == "usbfs-memory" }, "56 units need 1008 KiB")
        let less = Self.findings(Self.config(slots: 80, sessions: 80, memory: 1 << 20)) { $0.usbfsMemoryMiB = 1 }
        #expect(less.first?.check == "usbfs-memory")
        #expect(less.first?.severity == .problem)
        #expect(less.first?.what == "80 sessions at a time need 1440 KiB, and usbfs may use 1 MiB in all")
        #expect(less.first?.mend?.hasPrefix("'echo 2 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb") == true)
    }

    @Test func `a config that counts on more usbfs memory than the kernel gives is warned of, and no limit is none`() {
        #expect(
            Self.findings(Self.config(memory: 32 << 20)).map(\.what) == [
                "the config counts on 32 MiB of usbfs memory, and the kernel gives 16 MiB to all programs"
            ])
        #expect(Self.findings(Self.config(memory: 32 << 20)) { $0.usbfsMemoryMiB = 0 } == [])
    }

    @Test func `a kernel without USB is a problem`() {
        #expect(Self.findings { $0.usbfsMemoryMiB = nil }.map(\.check) == ["usbfs-memory"])
    }

    @Test func `slots at a host controller that is not there are named`() throws {
        let finding = try #require(Self.findings { $0.hostControllers = ["pci-0000:03:00.0"] }.first)
        #expect(finding.what == "the host has no USB host controller at pci-0000:00:14.0; it has pci-0000:03:00.0")
        #expect(finding.why == "16 slots (A1, A2, A3, …) can never see a unit")
    }

    @Test func `more slots on a host controller than it has endpoints for are warned of`() throws {
        let finding = try #require(Self.findings(Self.config(slots: 40)).first)
        #expect(finding.check == "endpoints")
        #expect(finding.mend == "spread the racks over host controllers: at most 32 slots on each")
    }

    @Test func `missing rules are a problem, and rules of another config a warning`() {
        let found = Self.findings { facts in
            facts.rules["70-reflash.rules"] = nil
            facts.rules[SlotRules.fileName] = SlotRules.text(for: Self.config(slots: 8))
        }
        #expect(found.map(\.check) == ["udev-rules", "slot-rules"])
        #expect(found.map(\.severity) == [.problem, .warning])
    }

    @Test(
        arguments: [
            ("", "udev's 70-reflash.rules is empty"),
            (#"# TAG+="reflash""#, "udev's 70-reflash.rules is empty"),
            (#"GROUP="reflash", TAG+="reflash""#, #"udev's 70-reflash.rules has no ATTR{power/control}="on""#),
        ])
    func `rules that are masked or lack what the daemon needs are a problem`(installed: String, what: String) {
        let found = Self.findings { $0.rules["70-reflash.rules"] = installed }
        #expect(found.map(\.what) == [what])
        #expect(found.map(\.severity) == [.problem])
    }

    @Test func `where the config lets fewer units be flashed at a time than there are slots it is said which limit does`() {
        func said(_ config: BenchConfig) -> [String] {
            Diagnosis(of: config, at: "bench.yaml", on: Self.healthy(for: config)).findings.filter { $0.check == "concurrency" }.map(\.what)
        }
        #expect(said(Self.config()) == ["all 16 slots may be flashed at a time"])
        #expect(said(Self.config(sessions: 8)) == ["8 of 16 slots are flashed at a time (limits.concurrentSessions)"])
        var supply = Self.config()
        supply.limits.usbHub.devices = 10
        #expect(said(supply) == ["pci-0000:00:14.0-usb-0:1: 10 of 16 slots are flashed at a time (limits.usbHub.devices)"])
        var controller = Self.config()
        controller.limits.hostController.devices = 4
        #expect(said(controller) == ["pci-0000:00:14.0: 4 of 16 slots are flashed at a time (limits.hostController.devices)"])
        controller.limits.hostController.bandwidth = 3 * controller.profiles[0].rate
        #expect(said(controller) == ["pci-0000:00:14.0: 3 of 16 slots are flashed at a time (limits.hostController.bandwidth)"])
    }

    @Test func `a docked unit that may be suspended, and an adapter that holds answers back, are named`() {
        let found = Self.findings { facts in
            facts.powerControl["pci-0000:00:14.0-usb-0:1.2"] = "auto"
            facts.latencyTimers = ["/dev/ttyUSB0": 16, "/dev/ttyUSB1": 1]
        }
        #expect(found.map(\.check) == ["autosuspend", "latency-timer"])
        #expect(found.allSatisfy { $0.mend?.contains("sudo install -m 644 udev-rules/70-reflash.rules") == true }, "the rules see to both")
        #expect(found.last?.what == "/dev/ttyUSB0 waits 16 ms")
    }

    @Test func `who has a unit's tty open is named with the process`() {
        let found = Self.findings { facts in
            facts.ttyHolders = [
                .init(tty: "/dev/ttyACM0", program: "minicom", pid: 4711), .init(tty: "/dev/ttyACM1", program: "reflashd", pid: 1),
            ]
            facts.programs = ["ModemManager": [812], "bash": [4000]]
        }
        #expect(found.map(\.what) == ["minicom (pid 4711) has /dev/ttyACM0 open"])
        #expect(found.last?.mend == "sudo kill 4711")
    }

    @Test func `ModemManager is a danger only where no rule keeps it away`() {
        let found = Self.findings { facts in
            facts.programs = ["ModemManager": [812], "bash": [4000]]
            facts.rules[SlotRules.fileName] = nil
        }
        #expect(found.map(\.check) == ["slot-rules", "other-programs"])
        #expect(found.last?.what == "ModemManager (pid 812) runs")
    }

    @Test func `a clock that nobody sets, a full disk and a slow one, and a user who may not open a unit are told`() {
        let found = Self.findings { facts in
            facts.isClockSynchronised = false
            facts.freeBytes = 50 << 20
            facts.syncSeconds = 0.045
            facts.groups = ["users"]
        }
        #expect(found.map(\.check) == ["permissions", "clock", "disk", "sync"])
        #expect(found.map(\.severity) == [.warning, .warning, .problem, .warning])
        #expect(found.last?.what == "a durable write takes 45.0 ms")
    }

    @Test func `A journal's folder that is not there is made by the command that is named`() {
        let found = Self.findings { $0.freeBytes = nil }
        #expect(
            found.map(\.mend) == [
                "sudo groupadd --force --system reflash && sudo install --directory --mode 2770 --group reflash /var/lib/reflash"
            ])
    }

    @Test func `A command that is named can be pasted whatever the folders are called`() {
        var config = Self.config()
        config.journal = "/srv/bench's first/journal.sqlite"
        var facts = Self.healthy(for: config)
        facts.freeBytes = nil
        facts.rules[SlotRules.fileName] = nil
        let mends = Diagnosis(of: config, at: "/srv/a b/bench.yaml", on: facts).findings.compactMap(\.mend)
        #expect(mends.contains { $0.contains("reflashctl config rules '/srv/a b/bench.yaml' |") })
        #expect(mends.contains { $0.hasSuffix("--group reflash '/srv/bench'\\''s first'") })
    }

    @Test func `brltty is named with its process, too`() {
        let found = Self.findings { facts in
            facts.programs = ["brltty": [7, 9]]
            facts.rules[SlotRules.fileName] = nil
        }
        #expect(found.last?.what == "brltty (pid 7, 9) runs")
    }

    @Test func `nodes that may not be opened are named, a unit's as a problem and a USB hub's as a warning`() {
        let found = Self.findings { $0.closedNodes = ["/dev/ttyACM0"] }
        #expect(found.map(\.what) == ["you may not open /dev/ttyACM0"])
        #expect(found.map(\.severity) == [.problem])
        let hub = Self.findings { $0.closedRemedyNodes = ["/dev/bus/usb/001/002"] }
        #expect(hub.map(\.what) == ["you may not open /dev/bus/usb/001/002"])
        #expect(hub.map(\.severity) == [.warning])
    }

    @Test func `more slots than a bus has addresses for, and more than its bandwidth carries at once, are told`() {
        var many = Self.config(slots: 130)
        many.limits.hostController.endpoints = 1000
        let found = Self.findings(many)
        #expect(found.map(\.check) == ["devices", "bandwidth"])
        #expect(found.first?.what == "pci-0000:00:14.0: 130 slots and 1 USB hubs take 132 of 127 addresses")
        #expect(found.last?.why == "no more than 66 units are written at a time; the others wait for their share")
    }

    @Test func `full-speed units that share one translator are told that they take turns`() {
        let found = Self.findings { facts in facts.slowPorts = Set((1...4).map { "pci-0000:00:14.0-usb-0:1.\($0)" }) }
        #expect(found.map(\.check) == ["translators"])
        #expect(found.first?.why == "no more than 3 of them are written at a time")
    }

    @Test(arguments: [
        ("/sys/devices/pci0000:00/0000:00:1c.0/0000:03:00.0/usb2", "pci-0000:03:00.0"),
        ("/sys/devices/pci0000:00/0000:00:14.0/usb1", "pci-0000:00:14.0"),
        ("/sys/devices/platform/vhci_hcd.0/usb3", "platform-vhci_hcd.0"),
    ])
    func `a root hub's folder tells its host controller's place as udev writes it`(path: String, place: String) {
        #expect(HostFacts.controller(of: path) == place)
    }

    @Test func `that nobody has a tty open is said of as many programs as could be looked at`() {
        func said(_ groups: Set<String>?) -> String? {
            var facts = Self.healthy(for: Self.config())
            facts.groups = groups
            return Diagnosis(of: Self.config(), at: "bench.yaml", on: facts).findings.first { $0.check == "tty-holders" }?.what
        }
        #expect(said(nil) == "no other program has a tty of a unit open")
        #expect(said(["reflash"])?.hasSuffix("of others only root sees it: 'sudo reflashctl doctor bench.yaml'") == true)
    }
}
