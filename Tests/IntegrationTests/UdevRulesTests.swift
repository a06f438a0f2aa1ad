import Foundation
import Testing

/// Our rules as udev itself reads them. What they do to devices is checked with a real kernel, by `make test-kernel`.
@Suite struct UdevRulesTests {
    /// What udev complains of when it reads these rules.
    private func complaints(_ rules: [String: String]) async throws -> [String] {
        try await withFolder { folder in
            for (name, text) in rules { try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8) }
            // In a /run of its own; any device will do.
            let script = """
                mount -t tmpfs none /run && mkdir -p /run/udev/rules.d && cp \(folder)/*.rules /run/udev/rules.d/
                exec udevadm test /sys/devices/virtual/mem/null
                """
            let result = try await Programs.run(
                "unshare", ["--map-root-user", "--mount", "sh", "-c", script],
                environment: [
                    "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_PAGER": "cat",
                ])
            let said = (result.output + result.errors).split(separator: "\n").map(String.init)
            for name in rules.keys { try #require(said.contains("Reading rules file: /run/udev/rules.d/\(name)"), "\(said)") }
            return said.filter { $0.hasPrefix("/run/udev/rules.d/") && !$0.contains("Unknown group 'reflash'") }
        }
    }

    private let common = try? String(contentsOfFile: "\(Programs.packageRoot)/udev-rules/70-reflash.rules", encoding: .utf8)

    @Test func `udev understands every line of our rules, and of those that are made of a config`() async throws {
        var rules = ["70-reflash.rules": try #require(common)]
        for (index, name) in ["usb-rack-16", "serial-rack-8", "mixed-64", "kernel"].enumerated() {
            let made = try await Programs.run("reflashctl", ["config", "rules", "\(Programs.packageRoot)/bench-configs/\(name).yaml"])
            try #require(made.status == 0, "\(made.errors)")
            rules["98-reflash-\(index).rules"] = made.output
        }
        #expect(try await complaints(rules) == [])
    }

    @Test(arguments: [
        (#"SUBSYSTEM=="tty", KERNEL"#, #"SUBSYTEM=="tty", KERNEL"#), (#"TAG+="reflash""#, #"TAG+="reflash"#),
        (#"LABEL="reflash_tty""#, #"LABEL="reflash_ttys""#),
    ])
    func `a slip in a rule is one that udev complains of`(good: String, bad: String) async throws {
        let text = try #require(common)
        let broken = text.replacingOccurrences(of: good, with: bad)
        try #require(broken != text)
        #expect(try await !complaints(["70-reflash.rules": broken]).isEmpty)
    }
}
