import BenchModel
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
        for command in ["status", "watch", "slot", "unit", "journal", "image", "release"] {
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
            "docs/outcomes.md", "docs/how-it-works.md", "docs/first-real-device.md",
        ] {
            let text = try String(contentsOfFile: "\(Programs.packageRoot)/\(page)", encoding: .utf8)
            let folder = URL(filePath: "\(Programs.packageRoot)/\(page)").deletingLastPathComponent()
            for link in text.components(separatedBy: "](").dropFirst().compactMap({ $0.components(separatedBy: ")").first })
            where !link.contains("://") {
                #expect(FileManager.default.fileExists(atPath: folder.appending(path: link).standardizedFileURL.path), "\(page): \(link)")
            }
        }
    }

    @Test(arguments: [
        ["reflashd"], ["reflashctl"], ["reflashctl", "status"], ["reflashctl", "watch"], ["reflashctl", "slot"],
        ["reflashctl", "unit", "show"],
        ["reflashctl", "journal", "events"], ["reflashctl", "journal", "verify"], ["reflashctl", "image", "inspect"],
        ["reflashctl", "image", "wrap"],
        ["hubsim"], ["hubsim", "run"], ["hubsim", "ctl"],
    ])
    func `every command explains itself with examples`(command: [String]) async throws {
        let help = try await Programs.run(command[0], Array(command.dropFirst()) + ["--help"])
        #expect(help.status == 0)
        #expect(help.output.contains("EXAMPLES"))
    }
}
