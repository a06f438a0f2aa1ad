public import ArgumentParser
import Bench
import BenchAPI
import BenchModel
import BenchWire
import ConfigFiles
import Dock
import Firmware
import Foundation
import Journal
import Links
public import Logging
import ServiceLifecycle
import UnixSignals

/// The daemon.
@main
struct Reflashd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reflashd",
        abstract: "Reflash every Communications Hub that is docked on this bench.",
        discussion: """
            Runs in the foreground until SIGTERM or SIGINT; then it lets running sessions end, within the config's bound.
            Exit status: 0 after such an end, 78 for a config or an image that it can't accept, 1 for anything else.

            EXAMPLES
              reflashd --config bench-configs/demo.yaml
              reflashd --config /etc/reflash/bench.yaml --log-level debug
              reflashd --config /etc/reflash/bench.yaml --check
            """,
        version: ProgramVersion.current)

    /// sysexits(3), EX_CONFIG.
    private static let badConfig = ExitCode(78)

    /// What the end may take beyond the sessions' drain.
    private static let endBound = Duration.seconds(10)

    @Option(help: "The bench's config file (YAML).")
    var config: String

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    @Flag(help: "Check the config and the images, and exit.")
    var check = false

    func run() async throws {
        let (bench, targets) = try accept()
        guard !check else {
            print("\(config): \(bench.slots.count) slots, \(bench.profiles.count) profiles, \(targets.count) targets: all well")
            return
        }
        do {
            try await serve(bench, targets)
        } catch {
            Self.complain("\(error)")
            throw ExitCode.failure
        }
    }

    /// The config and its targets, verified.
    private func accept() throws -> (BenchConfig, [Target]) {
        do {
            let bench = try BenchConfigFile.load(config)
            return (bench, try bench.targets.map { try target($0, of: bench) })
        } catch {
            Self.complain("\(error)")
            throw Self.badConfig
        }
    }

    private func target(_ file: TargetFile, of bench: BenchConfig) throws -> Target {
        func refused(_ why: String) -> ConfigError {
            ConfigError(file: config, line: file.line, field: "targets", problem: "\(file.path) is refused: \(why)")
        }
        let target: Target
        do throws(FirmwareProblem) { target = try TargetLoader.load(file) } catch { throw refused("\(error)") }
        for profile in bench.profiles where profile.variant == target.variant {
            if let problem = profile.problem(with: target) { throw refused(problem) }
        }
        return target
    }

    private func serve(_ bench: BenchConfig, _ targets: [Target]) async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "reflashd")
        logger.logLevel = logLevel
        let clock = SystemClock()
        let journal = try Journal(path: bench.journal, clock: clock)
        let cut = try await journal.settleCutSessions()
        if cut > 0 { logger.warning("sessions that the last stop cut off are unknown", metadata: ["count": "\(cut)"]) }
        let controller = try await BenchController(
            bench, journal: journal, targets: ConfiguredTargets(targets), admission: AdmitAll(),
            opener: try HostLinks(), clock: clock, logger: logger)
        let server = try BenchServer(controller, socket: bench.socket, logger: logger) { [logger] in
            logger.info("ready", metadata: ["slots": "\(bench.slots.count)", "socket": "\(bench.socket)"])
            SystemdNotifier.notify("READY=1")
        }
        try await journal.append(
            JournalDraft(
                .benchStarted(
                    .init(
                        bench: bench.name, version: ProgramVersion.current,
                        slots: Dictionary(
                            bench.slots.map { ($0.slot.label, $0.port) }, uniquingKeysWith: { first, _ in first })))))
        // They end in the reverse order: the bench first, whose board then ends the streams that the server serves.
        var services = ServiceGroupConfiguration(
            services: [server, BenchService(controller, try DockWatcher(logger: logger))],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        services.maximumGracefulShutdownDuration = bench.limits.drain + Self.endBound
        try await ServiceGroup(configuration: services).run()
        // Folds SQLite's write-ahead log into the one file that people copy.
        try await journal.close()
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data("reflashd: \(text)\n".utf8))
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// The bench as a service: follows the dock until it is told to stop, then lets sessions end.
struct BenchService: Service {
    private let bench: BenchController
    private let watcher: DockWatcher

    init(_ bench: BenchController, _ watcher: DockWatcher) {
        self.bench = bench
        self.watcher = watcher
    }

    func run() async throws {
        await withTaskGroup { group in
            group.addTask { [bench, watcher] in await bench.run(watcher.snapshots) }
            try? await gracefulShutdown()
            SystemdNotifier.notify("STOPPING=1")
            // The dock is followed to the end: sessions that still run wait for their units to come back.
            await bench.stop()
            group.cancelAll()
        }
    }
}
