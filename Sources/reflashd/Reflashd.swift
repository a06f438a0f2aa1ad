public import ArgumentParser
import Bench
import BenchAPI
import BenchModel
import BenchWire
import ConfigFiles
import Delivery
import Dock
import Firmware
import Foundation
import Journal
import Links
import Logistics
public import Logging
import Releases
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
            Exit status: 0 after such an end, 78 for a config that it can't accept, 1 for anything else.

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

    @Flag(help: "Check the config and the certificates and keys that it names, and exit.")
    var check = false

    func run() async throws {
        let bench = try accept()
        guard !check else {
            print("\(config): \(bench.slots.count) slots, \(bench.profiles.count) profiles: all well")
            return
        }
        do {
            try await serve(bench)
        } catch {
            Self.complain("\(error)")
            throw ExitCode.failure
        }
    }

    /// The config, with the files of trust that it names.
    private func accept() throws -> BenchConfig {
        do {
            let bench = try BenchConfigFile.load(config)
            do throws(DeskRefusal) { try ReleaseDesk.checkTrust(bench.releases) } catch {
                throw ConfigError(file: config, line: bench.releases.line, field: "releases", problem: error.message)
            }
            return bench
        } catch {
            Self.complain("\(error)")
            throw Self.badConfig
        }
    }

    private func serve(_ config: BenchConfig) async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "reflashd")
        logger.logLevel = logLevel
        let bench = Self.within(config, logger)
        let clock = SystemClock()
        let journal = try Journal(path: bench.journal, clock: clock)
        let cut = try await journal.settleCutSessions()
        if cut > 0 { logger.warning("sessions that the last stop cut off are unknown", metadata: ["count": "\(cut)"]) }
        let desk = try await ReleaseDesk(
            bench.releases, bench: bench.name, profiles: bench.profiles, journal: journal, clock: clock, logger: logger)
        let controller = try await BenchController(
            bench, journal: journal, targets: desk, admission: admission(bench, journal), opener: try HostLinks(), clock: clock,
            logger: logger)
        for (slot, unit) in try await journal.look({ try $0.bindings() }) { await controller.expect(unit, in: slot) }
        let consignments = bench.logistics.map { ConsignmentDesk($0, journal: journal) }
        let checkpointer = Checkpointer(
            journal, key: try BenchKey(path: bench.benchKey), bench: bench.name, place: Self.place(bench.checkpoints), clock: clock)
        let outbox = consignments.flatMap { desk in
            desk.config.capture.map { CaptureOutbox(desk, to: $0, clock: clock, logger: logger) }
        }
        let server = try BenchServer(
            controller, desk: desk, consignments: consignments, checkpointer: checkpointer, outbox: outbox, socket: bench.socket,
            logger: logger
        ) { [logger] in
            logger.info("ready", metadata: ["slots": "\(bench.slots.count)", "socket": "\(bench.socket)"])
            SystemdNotifier.notify("READY=1")
        }
        try await journal.append(
            JournalDraft(
                .benchStarted(
                    .init(
                        bench: bench.name, version: ProgramVersion.current,
                        slots: Dictionary(
                            bench.slots.map { ($0.slot.label, $0.port) }, uniquingKeysWith: { first, _ in first }),
                        delivers: outbox != nil))))
        // They end in the reverse order: the bench first, whose board then ends the streams that the server serves.
        var services = ServiceGroupConfiguration(
            services: [server, CheckpointService(checkpointer, logger: logger)] + (outbox.map { [DeliveryService(outbox: $0)] } ?? [])
                + [BenchService(controller, try DockWatcher(logger: logger))],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        services.maximumGracefulShutdownDuration = bench.limits.drain + Self.endBound
        try await ServiceGroup(configuration: services).run()
        // Folds SQLite's write-ahead log into the one file that people copy.
        try await journal.close()
    }

    /// The config, with no more usbfs memory than the kernel gives.
    private static func within(_ config: BenchConfig, _ logger: Logger) -> BenchConfig {
        var bench = config
        bench.limits = config.limits.within(usbfsMebibytes: USBFSLimit.mebibytes())
        if bench.limits.usbfsMemory < config.limits.usbfsMemory {
            logger.warning(
                "the kernel gives less usbfs memory than the config counts on; 'reflashctl doctor' says how to raise it",
                metadata: ["config": "\(config.limits.usbfsMemory >> 20) MiB", "usbfs_memory_mb": "\(bench.limits.usbfsMemory >> 20)"])
        }
        return bench
    }

    private func admission(_ bench: BenchConfig, _ journal: Journal) -> any AdmissionPolicy {
        bench.logistics?.expectedOnly == true ? ConsignmentAdmission(journal) : AdmitAll()
    }

    private static func place(_ copies: CheckpointCopies?) -> (any CheckpointPlace)? {
        switch copies {
        case .folder(let path): CheckpointFolder(path)
        case .server(let address): CheckpointServer(address)
        case nil: nil
        }
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
