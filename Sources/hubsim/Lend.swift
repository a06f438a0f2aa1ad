import ArgumentParser
import ConfigFiles
import Simulator

/// `hubsim export`.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lend the dock's units over TCP, as USB/IP does.",
        discussion: """
            Whoever speaks USB/IP can take a unit by its port, as the dock file has it: Linux with 'usbip attach', or a program. There is
            no password in this protocol: listen on another address than the loopback's only in a network of your own.

            EXAMPLES
              hubsim export --dock dock.yaml
              usbip list --remote 127.0.0.1
              sudo modprobe vhci-hcd && sudo usbip attach --remote 127.0.0.1 --busid 1-1.1.1
            """)

    @OptionGroup var options: LendOptions

    @Option(help: "Where to listen: an address, and a port if it is not \(Lender.defaultPort).")
    var listen = "127.0.0.1"

    func run() throws {
        let parts = listen.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let port = parts.count == 2 ? UInt16(parts[1]) : Lender.defaultPort
        guard let port, let host = parts.first, !host.isEmpty else {
            throw ValidationError("--listen: expected ADDRESS or ADDRESS:PORT, found '\(listen)'")
        }
        try options.run(at: .tcp(host: String(host), port: port), as: "lent at \(host):\(port)")
    }
}

/// `hubsim attach`.
struct Attach: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plug the dock's units into this machine's own kernel.",
        discussion: """
            Needs the kernel's module vhci-hcd, and root. Bus 1 of the dock file is the kernel's first virtual controller, whose ports udev
            names platform-vhci_hcd.0-usb-0:1 and on; it has no USB hubs, so that positions are 1-1, 1-2 and on.

            EXAMPLES
              sudo modprobe vhci-hcd
              sudo hubsim attach --dock dock.yaml
            """)

    @OptionGroup var options: LendOptions

    func run() throws { try options.run(at: .ownKernel, as: "plugged into this machine's kernel") }
}

/// What `hubsim export` and `hubsim attach` share.
struct LendOptions: ParsableArguments {
    @Option(help: "The dock file (YAML).")
    var dock: String

    @Option(help: "Where 'hubsim ctl' finds this dock. Default: $HUBSIM_SOCKET, or hubsim-UID-NAME.sock in the temporary folder.")
    var socket: String?

    func run(at place: Lender.Place, as sentence: String) throws {
        let description: DockDescription
        do {
            description = try DockDescription.load(dock)
        } catch {
            throw ValidationError("\(error)")
        }
        do {
            try Lender.run(description, socket: socket ?? ControlSocket.defaultPath(dock: description.name), at: place) {
                let count = description.units.filter { unit in
                    description.slots.contains { slot, position in slot == unit.slot && position.isUSB }
                }.count
                Output.error("hubsim: \(count) unit\(count == 1 ? "" : "s") of dock '\(description.name)' \(sentence); end with Ctrl-C")
            }
        } catch {
            Output.error("hubsim: \(error)")
            throw ExitCode(125)
        }
    }
}
