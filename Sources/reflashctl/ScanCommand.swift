import ArgumentParser
import BenchModel
import Foundation
import TerminalView

/// `reflashctl scan`.
struct ScanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Take scans from a keyboard-wedge scanner, and say at once what each means. Stays open.",
        discussion: """
            Scan a unit: is it expected? A slot and then a unit: they are bound. A carton of the bench's own and then units: they are packed.
            The cards UNDO, HOLD, CARTON FULL and OPERATOR do what would else take a keystroke ('reflashctl pack cards' prints them).
            While the bench can't be reached, scans are kept and sent later, each once. On a terminal it beeps where something has to be looked at.

            EXAMPLES
              reflashctl scan
              reflashctl scan --consignment RMA-42 --station intake
              printf '00DB1234567890A2\\n' | reflashctl scan --json
            """)

    @Option(help: "The scanning place, as records name it. Default: this machine's name.") var station: String?
    @Option(help: "The consignment that is being taken in: units that it does not expect are listed with it.") var consignment:
        ConsignmentID?
    @OptionGroup var options: BenchOptions

    func validate() throws {
        if let station, !(1...40).contains(station.utf8.count) { throw ValidationError("--station: expected 1 to 40 bytes") }
    }

    /// How long scans are tried to be sent after the input has ended.
    private static let lastTries = 5

    func run() async throws {
        try await complaining {
            let station = (self.station ?? ProcessInfo.processInfo.hostName).fitting(bytes: 40)
            let spool = try ScanSpool(station: station)
            let sender = ScanSender(client: options.client, spool: spool, show: show)
            if spool.count > 0 { say("\(spool.count) scans were left from before; they are sent first") }
            let (news, wake) = AsyncThrowingStream<Void, any Error>.makeStream(bufferingPolicy: .bufferingNewest(1))
            wake.yield()
            // A thread of its own: reading waits for hands, and what was read is on the disk before the next is.
            Thread.detachNewThread { [consignment] in
                do {
                    while let line = readLine() {
                        guard !line.allSatisfy(\.isWhitespace) else { continue }
                        try spool.append(
                            ScanOrder(
                                scan: UUID().uuidString, code: line.fitting(bytes: 200), station: station, consignment: consignment))
                        wake.yield()
                    }
                    spool.end()
                    wake.finish()
                } catch {
                    wake.finish(throwing: error)
                }
            }
            var isAllSent = true
            for try await _ in news { isAllSent = try await sender.sendAll(lastTries: Self.lastTries) }
            // What was read last may not have been told.
            if isAllSent { isAllSent = try await sender.sendAll(lastTries: Self.lastTries) }
            guard isAllSent else {
                throw Complaint("\(spool.count) scans are kept in \(spool.path); 'reflashctl scan --station \(station)' sends them")
            }
        }
    }

    private func show(_ answer: ScanAnswer) throws {
        if options.output.json { return try options.output.printJSON(answer, pretty: false) }
        let isTerminal = isatty(1) == 1
        Terminal.print(ConsignmentLines(style: options.output.style).line(answer) + (isTerminal && !answer.verdict.isGood ? "\u{07}" : ""))
    }

    private func say(_ text: String) { FileHandle.standardError.write(Data("reflashctl: \(text)\n".utf8)) }
}

extension String {
    /// As many of its characters as fit into so many bytes of UTF-8.
    fileprivate func fitting(bytes: Int) -> String {
        var text = self
        while text.utf8.count > bytes { text.removeLast() }
        return text
    }
}

/// Sends scans in their order, each until it is answered.
struct ScanSender: Sendable {
    let client: BenchClient
    let spool: ScanSpool
    let show: @Sendable (ScanAnswer) throws -> Void

    /// The pause between two tries.
    private static let pause = Duration.seconds(1)

    /// Sends what there is; `lastTries`: so often a scan is tried once no more come.
    /// - Returns: whether all were answered.
    func sendAll(lastTries: Int) async throws -> Bool {
        var left = lastTries
        var hasComplained = false
        while let order = spool.first {
            do {
                let answer: ScanAnswer = try await client.post("scans", order)
                try spool.removeFirst()
                try show(answer)
                (left, hasComplained) = (lastTries, false)
            } catch let refusal as BenchRefusal {
                // What is in the way has to be mended first; the scan waits for that.
                throw Complaint("\(refusal); \(spool.count) scans are kept in \(spool.path)")
            } catch let complaint as Complaint {
                if !hasComplained { FileHandle.standardError.write(Data("reflashctl: \(complaint); the scan is kept\n".utf8)) }
                hasComplained = true
                if spool.hasEnded { left -= 1 }
                if left <= 0 { return false }
                try await Task.sleep(for: Self.pause)
            }
        }
        return true
    }
}
