import ArgumentParser
import BenchModel
import ConfigFiles
import Foundation

/// `reflashctl config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Write a bench's config, check it, and make udev's rules of it.",
        discussion: """
            EXAMPLES
              reflashctl config check bench.yaml
              reflashctl config suggest --slots A01-A16 --out slots.yaml
              reflashctl config rules bench.yaml > /etc/udev/rules.d/\(SlotRules.fileName)
              reflashctl config rules bench.yaml --check /etc/udev/rules.d/\(SlotRules.fileName)
            """,
        subcommands: [Check.self, Rules.self, Suggest.self])

    static func load(_ path: String) throws -> BenchConfig { try BenchConfigFile.load(path) }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a config as the daemon would, and name its first mistake.",
            discussion: """
                EXAMPLES
                  reflashctl config check bench.yaml
                """)

        @Argument(help: "The bench's config (YAML).") var config: String
        @OptionGroup var output: OutputOptions

        private struct Summary: Encodable {
            let bench: String
            let profiles: [String]
            let slots: [String: String]
        }

        func run() async throws {
            try await complaining {
                let config = try load(config)
                let slots = Dictionary(uniqueKeysWithValues: config.slots.map { ($0.slot.label, $0.port.idPath) })
                if output.json {
                    return try output.printJSON(Summary(bench: config.name, profiles: config.profiles.map(\.name), slots: slots))
                }
                Terminal.print(
                    "\(self.config): bench '\(config.name)', \(slots.count) slots, profiles \(config.profiles.map(\.name).joined(separator: ", "))"
                )
            }
        }
    }

    struct Rules: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print udev's rules for a bench's slots, or compare a file with them.",
            discussion: """
                They give what is docked in a slot the name /dev/reflash/<slot>, and keep ModemManager and brltty away from it. They belong
                beside udev-rules/70-reflash.rules, which is the same for every bench.

                EXAMPLES
                  reflashctl config rules bench.yaml > /etc/udev/rules.d/\(SlotRules.fileName)
                  reflashctl config rules bench.yaml --check /etc/udev/rules.d/\(SlotRules.fileName)
                """)

        @Argument(help: "The bench's config (YAML).") var config: String
        @Option(help: "A file of rules: exit status 1 where it is not as the config has it.") var check: String?

        func run() async throws {
            try await complaining {
                let config = try load(config)
                guard let check else { return Terminal.write(SlotRules.text(for: config)) }
                guard let difference = SlotRules.difference(of: try TextFile.read(check), from: config) else { return }
                throw ConfigError(
                    file: check, line: difference.line, field: "",
                    problem:
                        "expected \(difference.expected.map { "'\($0)'" } ?? "the end"), found \(difference.found.map { "'\($0)'" } ?? "the end"); "
                        + "make it anew with 'reflashctl config rules \(self.config)'")
            }
        }
    }
}
