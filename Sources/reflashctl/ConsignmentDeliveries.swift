import ArgumentParser
import BenchWire
import Foundation
import TerminalView

extension ConsignmentCommand {
    struct Capture: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deliver a consignment's EPCIS events to the partner's repository.",
            discussion: """
                Closed consignments are delivered by themselves where the config has logistics.capture. This is for one that is open, or for one
                that is to be tried again at once. 'deliveries' shows what came of it.

                EXAMPLES
                  reflashctl consignment capture RMA-42
                """)
        @OptionGroup var options: Options

        func run() async throws { try await options.order("capture") }
    }

    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what is delivered to the partner's repository, what waits, and what is in the way.",
            discussion: "Exit status: 1 where something is in the way of a delivery.")
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let all: [DeliveryStatus] = try await options.client.get("deliveries")
                if options.output.json {
                    try options.output.printJSON(all)
                } else {
                    for line in DeliveryLines(style: options.output.style).lines(all) { Terminal.print(line) }
                }
                if all.contains(where: { $0.problem != nil }) { throw ExitCode.failure }
            }
        }
    }
}
