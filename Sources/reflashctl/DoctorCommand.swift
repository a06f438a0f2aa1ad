import ArgumentParser
import BenchModel
import ConfigFiles
import Doctor
import Dock
import Foundation
import Logging
import TerminalView

/// `reflashctl doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what this bench would suffer from on this host.",
        discussion: """
            Says what the host offers and what the config would need, and names each trap with the command that mends it. It needs no daemon;
            to see how fast the disk is it writes a small file beside the journal and removes it. As root it sees more. Exit status 0 where all is well, 1 where something would fail, 2 where there are warnings alone.

            EXAMPLES
              reflashctl doctor bench.yaml
              sudo reflashctl doctor /etc/reflash/bench.yaml --json
            """)

    @Argument(help: "The bench's config (YAML).") var config: String
    @Flag(help: "Say nothing of what is as it should be.") var quiet = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var severities: [Finding.Severity] = []
        try await complaining {
            let bench = try BenchConfigFile.load(config)
            let facts = HostFacts.gather(
                journalFolder: bench.journalFolder, devices: await docked(),
                lines: bench.slots.filter { $0.fixed != nil }.map(\.port.idPath))
            let findings = Diagnosis(of: bench, at: config, on: facts).findings
            severities = findings.map(\.severity)
            let shown = findings.filter { !quiet || $0.severity > .fine }
            if output.json { try output.printJSON(shown) } else { Terminal.write(FindingLines.text(shown, style: output.style)) }
        }
        let status = Finding.exitStatus(of: severities)
        if status != 0 { throw ExitCode(status) }
    }

    /// The devices that udev shows now; none where there is no udev.
    private func docked() async -> [DockedDevice] {
        guard let watcher = try? DockWatcher(logger: Logger(label: "reflashctl") { _ in SwiftLogNoOpLogHandler() }) else { return [] }
        var looks = watcher.snapshots.makeAsyncIterator()
        return await looks.next() ?? []
    }
}
