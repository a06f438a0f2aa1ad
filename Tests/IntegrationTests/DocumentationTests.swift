import BenchModel
import BenchWire
import ConfigFiles
import Foundation
import Testing

/// The examples of the documentation, run as they are written.
@Suite(.timeLimit(.minutes(2)), .serialized) struct DocumentationTests {
    private static let pages: [String] = {
        let folder = "\(Programs.packageRoot)/docs/commands"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".md") }.sorted()
    }()

    /// The fenced blocks of a page with this info string.
    private func blocks(_ info: String, of path: String) throws -> [String] {
        let text = try String(contentsOfFile: "\(Programs.packageRoot)/\(path)", encoding: .utf8)
        return text.components(separatedBy: "```\(info)\n").dropFirst().compactMap { $0.components(separatedBy: "\n```").first }
    }

    @Test func `every command has a page, and every page is reached from the README`() throws {
        let readme = try String(contentsOfFile: "\(Programs.packageRoot)/README.md", encoding: .utf8)
        let index = try String(contentsOfFile: "\(Programs.packageRoot)/docs/commands/reflashctl.md", encoding: .utf8)
        for page in Self.pages { #expect(readme.contains(page) || index.contains(page), "\(page)") }
        for command in [
            "status", "watch", "slot", "unit", "journal", "image", "release", "config", "doctor", "report", "capsule", "consignment",
            "scan", "pack", "export",
        ] {
            #expect(Self.pages.contains("reflashctl-\(command).md"))
        }
    }

    @Test(arguments: pages)
    func `the examples of a command's page work as they are written`(page: String) async throws {
        let scripts = try blocks("sh test", of: "docs/commands/\(page)")
        guard !scripts.isEmpty else {
            #expect(page == "reflashctl.md", "a page without an example that is run")
            return
        }
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2)
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...2)
                for script in scripts {
                    let result = try await Programs.run(
                        "bash", ["-euo", "pipefail", "-c", script],
                        environment: [
                            "PATH": "\(Programs.folder):/usr/local/bin:/usr/bin:/bin", "REFLASH_SOCKET": bench.socket,
                            "HUBSIM_SOCKET": bench.controlSocket,
                        ], in: folder)
                    #expect(result.status == 0, "\(script)\n\(result.output)\(result.errors)")
                }
            }
        }
    }

    @Test func `the way from a binary to an approved release works as it is written, on a bench that takes signed statements only`()
        async throws
    {
        let description = try #require(try blocks("yaml", of: "docs/releasers.md").first)
        let steps = try blocks("sh test", of: "docs/releasers.md")
        #expect(steps.count >= 8)
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1, isApproved: false)
            func sh(_ script: String) async throws {
                let result = try await Programs.run(
                    "bash", ["-euo", "pipefail", "-c", script],
                    environment: [
                        "PATH": "\(Programs.folder):\(Programs.packageRoot)/.venv/bin:/usr/local/bin:/usr/bin:/bin",
                        "REFLASH_SOCKET": bench.socket,
                    ], in: folder)
                try #require(result.status == 0, "\(script)\n\(result.output)\(result.errors)")
            }
            try await sh(
                """
                \(Programs.packageRoot)/packaging/trial-authority.sh . 2>/dev/null
                imgtool keygen --key vendor.pem --type ecdsa-p256
                openssl ec -in vendor.pem -pubout -out trust/keys/vendor.pem 2>/dev/null
                head -c 60000 /dev/urandom > app.bin
                sed -i 's/^bench: .*/bench: rack-a/; s/^  trust: .*/  trust: {roots: trust\\/roots, approvers: trust\\/approvers, imageKeys: trust\\/keys}/;
                        s/statements: by-role/statements: signed/' bench.yaml
                """)
            try description.write(toFile: "\(folder)/autumn.yaml", atomically: true, encoding: .utf8)
            try await bench.runDaemon { _ in
                _ = try await bench.settled(1...1)
                try await sh(
                    "reflashctl release check-off central-products-list --until 2099-01-01T00:00:00Z --reason test --key supervisor.pem "
                        + "--certificate supervisor.crt")
                for step in steps { try await sh(step) }
                try await bench.status { $0[1]?.outcome == .reflashed && $0[1]?.installedVersion?.description == "0002012F" }
            }
        }
    }

    @Test(arguments: ["docs/first-real-device.md", "docs/first-serial-device.md"])
    func `the config for a first device of one's own is accepted`(page: String) throws {
        let block = try #require(try blocks("yaml", of: page).first)
        #expect(try BenchConfigFile.parse(block, file: "bench.yaml").slots.map(\.slot.label) == ["DESK"])
    }

    @Test func `a fuzzer has a folder, a corpus and its turn in CI`() throws {
        let tests = "\(Programs.packageRoot)/Tests/Fuzzing"
        let script = try String(contentsOfFile: "\(Programs.packageRoot)/packaging/fuzz.sh", encoding: .utf8)
        let fuzzers = try FileManager.default.contentsOfDirectory(atPath: tests).filter { $0.hasPrefix("Fuzz") }
        #expect(fuzzers.count >= 5)
        for fuzzer in fuzzers {
            let turn = try #require(script.split(whereSeparator: " \n'".contains).first { $0.hasPrefix("\(fuzzer):") }, "\(fuzzer)")
            let corpus = "\(tests)/Corpus/\(turn.split(separator: ":")[1])"
            #expect(try !FileManager.default.contentsOfDirectory(atPath: corpus).isEmpty)
        }
    }

    @Test func `every file that the documentation names is there`() throws {
        for page in ["README.md"] + Self.pages.map({ "docs/commands/\($0)" }) + [
            "docs/outcomes.md", "docs/how-it-works.md", "docs/first-real-device.md", "docs/first-serial-device.md", "docs/releasers.md",
            "docs/threat-model.md",
        ] {
            let text = try String(contentsOfFile: "\(Programs.packageRoot)/\(page)", encoding: .utf8)
            let folder = URL(filePath: "\(Programs.packageRoot)/\(page)").deletingLastPathComponent()
            for link in text.components(separatedBy: "](").dropFirst().compactMap({ $0.components(separatedBy: ")").first })
            where !link.contains("://") {
                let file = link.components(separatedBy: "#")[0]
                #expect(FileManager.default.fileExists(atPath: folder.appending(path: file).standardizedFileURL.path), "\(page): \(link)")
            }
        }
    }

    @Test(arguments: [
        ["reflashd"], ["reflashctl"], ["reflashctl", "status"], ["reflashctl", "watch"], ["reflashctl", "slot"],
        ["reflashctl", "unit", "show"],
        ["reflashctl", "journal", "events"], ["reflashctl", "journal", "verify"], ["reflashctl", "image", "inspect"],
        ["reflashctl", "image", "wrap"], ["reflashctl", "release"], ["reflashctl", "release", "make"], ["reflashctl", "release", "sign"],
        ["reflashctl", "release", "verify"], ["reflashctl", "release", "import"], ["reflashctl", "release", "list"],
        ["reflashctl", "release", "show"], ["reflashctl", "release", "approve"], ["reflashctl", "release", "withdraw"],
        ["reflashctl", "release", "check-off"], ["reflashctl", "release", "revoke"], ["reflashctl", "release", "trust"],
        ["hubsim"], ["hubsim", "run"], ["hubsim", "ctl"],
    ])
    func `every command explains itself with examples`(command: [String]) async throws {
        let help = try await Programs.run(command[0], Array(command.dropFirst()) + ["--help"])
        #expect(help.status == 0)
        #expect(help.output.contains("EXAMPLES"))
    }
}
