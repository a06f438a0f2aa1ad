import ArgumentParser
import BenchModel
import BenchWire

// What is decided of single units and parts of a load.

extension ConsignmentCommand {
    struct Intake: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Accept or reject a load or a part of it.",
            discussion: """
                The most precise decision counts: one of a unit over one of its carton, that over one of its pallet, and that over one of the load.

                EXAMPLES
                  reflashctl consignment intake RMA-42 --reject quantity-mismatch
                  reflashctl consignment intake RMA-42 --carton 350123450000000012 --reject damaged-packaging
                  reflashctl consignment intake RMA-42 --unit 00-DB-12-34-56-78-90-A2 --reject other --text "label scratched off"
                  reflashctl consignment intake RMA-42 --unit 00-DB-12-34-56-78-90-A2
                """)
        @OptionGroup var options: Options
        @Option(help: "One pallet. Default: the whole load.") var pallet: String?
        @Option(help: "One carton.") var carton: String?
        @Option(help: "One unit.") var unit: EUI64?
        @Option(help: "Reject it, and why: \(IntakeCode.allCases.map(\.rawValue).joined(separator: ", ")). Default: accept it.") var reject:
            IntakeCode?
        @Option(help: "More about it.") var text: String?

        func validate() throws {
            guard [pallet != nil, carton != nil, unit != nil].count(where: { $0 }) < 2 else {
                throw ValidationError("give one of --pallet, --carton and --unit")
            }
        }

        func run() async throws {
            let part = unit.map { LoadPart.unit($0) } ?? carton.map { .carton(named($0)) } ?? pallet.map { .pallet(named($0)) } ?? .load
            try await options.order("intake") { ($0.part, $0.code, $0.text) = (part, reject, text) }
        }

        /// As the notice has it: an SSCC by its 18 digits.
        private func named(_ container: String) -> String { SSCC(container)?.digits ?? container }
    }

    struct Admit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take in a unit that came unexpected.")
        @OptionGroup var unit: UnitOptions
        @Option(help: "Why, for whoever reads the record.") var reason: String

        func run() async throws { try await unit.order("admit", reason) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hold a unit until somebody has looked at it.")
        @OptionGroup var unit: UnitOptions
        @Option(help: "Why.") var reason: String?

        func run() async throws { try await unit.order("hold", reason) }
    }

    struct Lift: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lift a hold; a unit that is docked begins by itself.")
        @OptionGroup var unit: UnitOptions
        @Option(help: "Why, for whoever reads the record.") var reason: String

        func run() async throws { try await unit.order("lift", reason) }
    }

    struct Missing: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Declare that a unit is not there.")
        @OptionGroup var unit: UnitOptions
        @Option(help: "Why, for whoever reads the record.") var reason: String

        func run() async throws { try await unit.order("missing", reason) }
    }

    struct Unproven: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a unit go though nobody knows what it holds (supervisors).")
        @OptionGroup var unit: UnitOptions
        @Option(help: "Why, for whoever reads the record.") var reason: String

        func run() async throws { try await unit.order("unproven", reason) }
    }

    struct Fault: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Confirm why a failed unit leaves by the fault-return process; 'show --units failed' proposes a reason.")
        @OptionGroup var unit: UnitOptions
        @Argument(help: "\(FaultReason.allCases.map(\.rawValue).joined(separator: ", ")).") var fault: FaultReason
        @Option(help: "More about it.") var text: String?

        func run() async throws { try await unit.order("fault", text) { $0.fault = fault } }
    }
}

extension ConsignmentCommand.UnitOptions {
    func order(_ name: String, _ text: String?, _ fill: (inout ConsignmentOrder) -> Void = { _ in }) async throws {
        try await options.order(name) { order in
            (order.unit, order.text) = (unit, text)
            fill(&order)
        }
    }
}
