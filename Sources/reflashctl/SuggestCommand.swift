import ArgumentParser
import BenchModel
import Dock
import Foundation
import Logging

extension ConfigCommand {
    struct Suggest: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Find each slot's port: plug one unit into slot after slot.",
            discussion: """
                Asks for slot after slot, sees at which port a unit appears, and in the end prints the map for the bench's config. udev's rules
                must be installed (udev-rules/70-reflash.rules), and the daemon need not run. Enter leaves a slot out; Ctrl-C ends the walk,
                and what was found until then has been printed.

                EXAMPLES
                  reflashctl config suggest --slots A01-A16
                  reflashctl config suggest --slots A01-A16,B01-B08 --out slots.yaml
                """)

        @Option(help: "The labels on the rack, in the order of your walk: A01-A16,B01.") var slots: String
        @Option(help: "A file for the map. It must not be there yet.") var out: String?

        func run() async throws {
            guard let labels = SlotWalk.labels(slots) else {
                throw ValidationError("--slots: expected labels such as A01-A16,B01, each once; found '\(slots)'")
            }
            try await complaining {
                if let out, FileManager.default.fileExists(atPath: out) {
                    throw CocoaError(.fileWriteFileExists, userInfo: [NSFilePathErrorKey: out])
                }
                let walk = try await walk(labels)
                guard let out else { return Terminal.write(walk.yaml) }
                try Data(walk.yaml.utf8).write(to: URL(filePath: out), options: .withoutOverwriting)
                note("\(walk.places.count) of \(labels.count) slots are in \(out); put them into the bench's config under 'slots:'.")
            }
        }

        private enum Event: Sendable {
            case look([DockedDevice])
            /// Nothing has changed since that look.
            case quiet(Int)
            case skip
        }

        /// A unit's ttys appear one after the other.
        private static let quiet = Duration.milliseconds(300)

        private func walk(_ labels: [SlotID]) async throws -> SlotWalk {
            var walk = SlotWalk(labels)
            let watcher = try DockWatcher(logger: Logger(label: "reflashctl") { _ in SwiftLogNoOpLogHandler() })
            let (events, continuation) = AsyncStream<Event>.makeStream(bufferingPolicy: .bufferingNewest(16))
            let looks = Task { for await devices in watcher.snapshots { continuation.yield(.look(devices)) } }
            defer { looks.cancel() }
            listenToKeys { continuation.yield(.skip) }
            ask(walk)
            var latest: [DockedDevice] = []
            var number = 0
            for await event in events {
                switch event {
                case .look(let devices):
                    number += 1
                    latest = devices
                    Task { [number] in
                        try await Task.sleep(for: Self.quiet)
                        continuation.yield(.quiet(number))
                    }
                    continue
                case .quiet(let look):
                    guard look == number else { continue }
                    let findings = walk.sees(latest)
                    guard !findings.isEmpty else { continue }
                    findings.forEach(tell)
                case .skip:
                    if let slot = walk.skip() { note("\(slot) is left out.") }
                }
                guard walk.current != nil else { break }
                ask(walk)
            }
            return walk
        }

        private func ask(_ walk: SlotWalk) {
            guard let slot = walk.current else { return }
            note("Plug a unit into slot \(slot), and nothing else. (Enter: leave it out)")
        }

        private func tell(_ finding: SlotWalk.Finding) {
            switch finding {
            case .found(let slot, let device):
                let name = device.properties["ID_MODEL"] ?? device.node
                note("\(slot) is \(device.port): \(name.replacing("_", with: " "))")
            case .known(let slot, let port): note("\(port) is slot \(slot) already.")
            }
        }

        /// Words for the person go to standard error; standard output is the map's.
        private func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

        /// Tells of each line that is typed. Its thread ends with the program.
        private func listenToKeys(_ pressed: @escaping @Sendable () -> Void) {
            guard isatty(0) == 1 else { return }
            Thread.detachNewThread { @Sendable in
                while readLine() != nil { pressed() }
            }
        }
    }
}
