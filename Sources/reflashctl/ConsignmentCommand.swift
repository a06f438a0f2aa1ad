public import ArgumentParser
public import BenchModel
import BenchWire
import Foundation
import TerminalView

extension ConsignmentID: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
extension GLN: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
extension SSCC: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
extension ConsignmentKind: ExpressibleByArgument {}
extension LoadUnit: ExpressibleByArgument {}
extension IntakeCode: ExpressibleByArgument {}
extension FaultReason: ExpressibleByArgument {}
extension UnitState: ExpressibleByArgument {}

/// `reflashctl consignment`.
struct ConsignmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consignment",
        abstract: "Take loads in, follow them and return them.",
        discussion: """
            A consignment goes from its request over its intake, the bench and packing to its shipping. Nothing that was recorded is changed:
            'correct' says that an earlier event does not count.

            EXAMPLES
              reflashctl consignment list
              reflashctl consignment request RMA-42 --service-user "Leaf Energy" --return-to "1 High Street, Leeds" --load carton
              reflashctl consignment accept RMA-42
              reflashctl consignment notice RMA-42 notice.csv --column chfId=Hub --dry-run
              reflashctl consignment deliver RMA-42 --counted 48
              reflashctl consignment intake RMA-42 --carton C7 --reject damaged-packaging
              reflashctl consignment take-in RMA-42
              reflashctl consignment show RMA-42 --units held
              reflashctl consignment close RMA-42
            """,
        subcommands: [
            List.self, Show.self, Request.self, Accept.self, Reject.self, NoticeImport.self, RegisterImport.self, Deliver.self, Intake.self,
            TakeIn.self, Admit.self, Hold.self, Lift.self, Missing.self, Unproven.self, Fault.self, Correct.self, Close.self, Ship.self,
            Receive.self, Capture.self, Deliveries.self,
        ], defaultSubcommand: List.self)

    /// What most of them take.
    struct Options: ParsableArguments {
        @Argument(help: "The consignment's name.") var consignment: ConsignmentID
        @OptionGroup var bench: BenchOptions

        var path: String { "consignments/\(consignment.name.escaped)" }

        func show(_ status: ConsignmentStatus) throws {
            if bench.output.json { return try bench.output.printJSON(status) }
            for line in ConsignmentLines(style: bench.output.style).lines(status) { Terminal.print(line) }
        }

        func order(_ name: String, _ fill: (inout ConsignmentOrder) -> Void = { _ in }) async throws {
            var order = ConsignmentOrder()
            fill(&order)
            try await complaining { try show(try await bench.client.post("\(path)/\(name)", order)) }
        }
    }

    /// The same with a unit.
    struct UnitOptions: ParsableArguments {
        @OptionGroup var options: Options
        @Argument(help: "The unit's CHF ID.") var unit: EUI64
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all consignments, the newest first.")
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let all: [ConsignmentStatus] = try await options.client.get("consignments")
                if options.output.json { return try options.output.printJSON(all) }
                for line in ConsignmentLines(style: options.output.style).table(all) { Terminal.print(line) }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a consignment, how it adds up, and what keeps it from being closed.")
        @OptionGroup var options: Options
        @Option(help: "Also list its units in this state: \(UnitState.allCases.map(\.rawValue).joined(separator: ", ")).") var units:
            UnitState?
        @Flag(help: "Also list all its units.") var allUnits = false

        func run() async throws {
            try await complaining {
                let status: ConsignmentStatus = try await options.bench.client.get(options.path)
                guard units != nil || allUnits else { return try options.show(status) }
                var found: [ConsignmentUnit] = []
                while true {
                    var query = "\(options.path)/units?limit=1000"
                    if let units { query += "&state=\(units.rawValue)" }
                    if let last = found.last { query += "&after=\(last.unit.chfId)" }
                    let page: [ConsignmentUnit] = try await options.bench.client.get(query)
                    found += page
                    if page.count < 1000 { break }
                }
                if options.bench.output.json { return try options.bench.output.printJSON(found) }
                try options.show(status)
                for line in ConsignmentLines(style: options.bench.output.style).lines(found) { Terminal.print(line) }
            }
        }
    }

    struct Request: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Record a return request, or that stock will come.")
        @OptionGroup var options: Options
        @Option(help: "Whose units they are: the Supplier, or whose stock it is.") var serviceUser: String
        @Option(help: "Its Global Location Number.") var gln: GLN?
        @Option(help: "Where the units go back to.") var returnTo: String
        @Option(help: "The Service User's own reference.") var reference: String?
        @Option(help: "\(LoadUnit.allCases.map(\.rawValue).joined(separator: ", ")): how they come.") var load: LoadUnit = .carton
        @Option(help: "So many units.") var units: Int?
        @Option(help: "\(ConsignmentKind.allCases.map(\.rawValue).joined(separator: " or ")).") var kind: ConsignmentKind =
            .returnForReflash

        func run() async throws {
            try await complaining {
                let request = ConsignmentRequest(
                    consignment: options.consignment, kind: kind, serviceUser: Party(name: serviceUser, gln: gln), returnTo: returnTo,
                    reference: reference, load: load, units: units)
                try options.show(try await options.bench.client.post("consignments", request))
            }
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Accept a return request.")
        @OptionGroup var options: Options

        func run() async throws { try await options.order("accept") }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Reject a return request.")
        @OptionGroup var options: Options
        @Option(help: "Why, for whoever reads the record.") var reason: String

        func run() async throws { try await options.order("reject") { $0.text = reason } }
    }

    struct Deliver: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Record that the load has arrived.")
        @OptionGroup var options: Options
        @Option(help: "Units that were counted.") var counted: Int?
        @Option(help: "Who brought it.") var carrier: String?

        func run() async throws {
            try await options.order("deliver") { ($0.counted, $0.carrier) = (counted, carrier) }
        }
    }

    struct TakeIn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "take-in", abstract: "End the intake: ask the register about each unit, and let the others be flashed.")
        @OptionGroup var options: Options

        func run() async throws { try await options.order("take-in") }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Close a consignment that balances; else say what is missing.")
        @OptionGroup var options: Options

        func run() async throws { try await options.order("close") }
    }

    struct Ship: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Record that a closed consignment has left.")
        @OptionGroup var options: Options
        @Option(help: "Who takes it.") var carrier: String?
        @Option(help: "The carrier's reference.") var reference: String?

        func run() async throws {
            try await options.order("ship") { ($0.carrier, $0.reference) = (carrier, reference) }
        }
    }

    struct Receive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Record that the Service User has taken delivery again.")
        @OptionGroup var options: Options
        @Option(help: "Who signed for it.") var by: String?

        func run() async throws { try await options.order("receive") { $0.text = by } }
    }

    struct Correct: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that an earlier event does not count.",
            discussion: """
                Intake decisions, scans, holds, missing and unproven units, fault reasons and packing can be taken back; the event stays in the
                journal, and so does its correction. 'journal events --unit' has the numbers.

                EXAMPLES
                  reflashctl consignment correct RMA-42 1207 --reason "wrong carton"
                """)
        @OptionGroup var options: Options
        @Argument(help: "The number of the event.") var event: Int64
        @Option(help: "Why, for whoever reads the record.") var reason: String

        func run() async throws {
            try await options.order("correct") { ($0.event, $0.text) = (event, reason) }
        }
    }
}
