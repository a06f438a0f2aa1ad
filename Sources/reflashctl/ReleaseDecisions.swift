public import ArgumentParser
public import BenchModel
import BenchWire
import Firmware
import Foundation
import TerminalView

extension Variant: ExpressibleByArgument {}
extension PolicyCheck: ExpressibleByArgument {}

extension ReleaseCommand {
    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a release what this bench flashes for a variant.",
            discussion: """
                With --key and --certificate the decision is a signed statement; it can be made on another machine (--out) of a bundle's file.
                Without them it rests on the role on the socket, where the bench's config allows that. Units that wait for an approval
                begin at once.

                EXAMPLES
                  reflashctl release approve autumn-2026 --variant 4G --key supervisor.pem --certificate supervisor.crt
                  reflashctl release approve autumn-2026 --variant 4G --first 5
                  reflashctl release approve winter-2026 --variant 4G --via autumn-2026
                  reflashctl release approve spring-2026 --variant 4G --consignment RMA-2026-0042
                  reflashctl release approve autumn.tar --variant 2G/3G --key k.pem --certificate c.crt --bench rack-a --out approval.tar
                """)

        @Argument(help: "The release's name or manifest hash, or its bundle's file.") var release: String
        @Option(help: "\(Variant.allCases.map(\.rawValue).joined(separator: " or ")).") var variant: Variant
        @Option(help: "Only units of this consignment; the others keep what is approved for them.") var consignment: ConsignmentID?
        @Option(help: "A trial: so many units and no more.") var first: Int?
        @Option(help: "A release that may be flashed on the way to it; again for each.") var via: [String] = []
        @OptionGroup var statement: StatementOptions

        func run() async throws {
            try await complaining {
                guard statement.isSigned else {
                    let order = ApproveOrder(
                        variant: variant, first: first, via: via.isEmpty ? nil : via, consignment: consignment)
                    let record: ReleaseRecord = try await statement.options.client.post("releases/\(release.escaped)/approve", order)
                    return try statement.show([record])
                }
                let (name, hash) = try await statement.reference(release)
                var steps: [SHA256Value] = []
                for step in via { steps.append(try await statement.reference(step).hash) }
                try await statement.deliver(
                    .approval(
                        .init(
                            release: name, manifestHash: hash, variant: variant, consignment: consignment, first: first, via: steps)))
            }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop flashing a release at once; sessions that run go on to their end and say so.",
            discussion: """
                EXAMPLES
                  reflashctl release withdraw autumn-2026 --reason "units restart" --key supervisor.pem --certificate supervisor.crt
                  reflashctl release withdraw autumn-2026 --reason "trial is over"
                """)

        @Argument(help: "The release's name or manifest hash, or its bundle's file.") var release: String
        @Option(help: "Why, for whoever reads the record.") var reason: String
        @OptionGroup var statement: StatementOptions

        func run() async throws {
            try await complaining {
                guard statement.isSigned else {
                    let order = WithdrawOrder(reason: reason)
                    let record: ReleaseRecord = try await statement.options.client.post("releases/\(release.escaped)/withdraw", order)
                    return try statement.show([record])
                }
                let (name, hash) = try await statement.reference(release)
                try await statement.deliver(.withdrawal(.init(release: name, manifestHash: hash, reason: reason)))
            }
        }
    }

    struct CheckOff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check-off", abstract: "Allow that a check is left out, for a time.",
            discussion: """
                A check is left out only where the bench's config says so too ('releases.checksOff'); every outcome then names it.

                EXAMPLES
                  reflashctl release check-off central-products-list --until 2026-12-24T00:00:00Z --reason "list is late" \\
                    --key supervisor.pem --certificate supervisor.crt
                """)

        @Argument(help: "\(PolicyCheck.allCases.map(\.rawValue).joined(separator: ", ")).") var check: PolicyCheck
        @Option(help: "The last moment at which it may be left out, UTC, 2026-12-24T00:00:00Z.") var until: String
        @Option(help: "Why, for whoever reads the record.") var reason: String
        @OptionGroup var statement: StatementOptions

        func validate() throws {
            guard statement.isSigned else { throw ValidationError("give --key and --certificate, or --write-statement") }
        }

        func run() async throws {
            try await complaining {
                try await statement.deliver(.checkOff(.init(check: check, notAfter: until, reason: reason)))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a revocation list: certificates and releases that count no more.",
            discussion: """
                What a bench has been told once stays revoked there. Each signer's lists are numbered, rising.

                EXAMPLES
                  reflashctl release revoke --number 3 --release autumn.tar --key supervisor.pem --certificate supervisor.crt
                  reflashctl release revoke --number 4 --fingerprint 5d6f… --every-bench --key k.pem --certificate c.crt --out revoked.tar
                """)

        @Option(help: "Higher than that of this signer's last list.") var number: UInt32
        @Option(help: "SHA-256 of a certificate, 64 hex digits ('release trust' shows them); again for each.") var fingerprint: [String] =
            []
        @Option(help: "A release: its name, its manifest hash or its bundle's file; again for each.") var release: [String] = []
        @OptionGroup var statement: StatementOptions

        func validate() throws {
            guard statement.isSigned else { throw ValidationError("give --key and --certificate, or --write-statement") }
            guard !fingerprint.isEmpty || !release.isEmpty else { throw ValidationError("give --fingerprint or --release") }
        }

        func run() async throws {
            try await complaining {
                var releases: [SHA256Value] = []
                for name in release {
                    if let hash = SHA256Value(name) {
                        releases.append(hash)
                    } else {
                        releases.append(try await statement.reference(name).hash)
                    }
                }
                try await statement.deliver(
                    .revocations(.init(number: number, certificates: fingerprint.map { $0.lowercased() }, releases: releases)))
            }
        }
    }
}
