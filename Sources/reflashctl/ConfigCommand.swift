import ArgumentParser
import BenchModel
import ConfigFiles
import Foundation

/// `reflashctl config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Find a bench's slots, and make udev's rules of its config.",
        discussion: """
            EXAMPLES
              reflashctl config suggest --slots A01-A16 --out slots.yaml
              reflashctl config rules bench.yaml > /etc/udev/rules.d/\(SlotRules.fileName)
              reflashctl config rules bench.yaml --check /etc/udev/rules.d/\(SlotRules.fileName)
            """,
        subcommands: [Rules.self, Suggest.self])

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
                let config = try BenchConfigFile.load(config)
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
