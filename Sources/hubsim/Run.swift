import ArgumentParser
import ConfigFiles
import Simulator

/// `hubsim run`.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command with the dock plugged in.",
        discussion: """
            The command, and whatever it starts, sees the simulated hubs and no other USB device; the rest of the machine
            sees nothing. Its exit status is this command's; 125 means that the dock could not be set up.

            EXAMPLES
              hubsim run --dock dock.yaml -- dfu-util -l
              hubsim run --dock dock.yaml -- bash
            """)

    @Option(help: "The dock file (YAML).")
    var dock: String

    @Option(help: "Where 'hubsim ctl' finds this dock. Default: $HUBSIM_SOCKET, or hubsim-UID-NAME.sock in the temporary folder.")
    var socket: String?

    @Argument(parsing: .postTerminator, help: "The command and its arguments.")
    var command: [String]

    func run() throws {
        let description: DockDescription
        do {
            description = try DockDescription.load(dock)
        } catch {
            throw ValidationError("\(error)")
        }
        let status: Int32
        do {
            status = try Supervisor.run(
                description, socket: socket ?? ControlSocket.defaultPath(dock: description.name), command: command)
        } catch {
            Output.error("hubsim: \(error)")
            throw ExitCode(125)
        }
        throw ExitCode(status)
    }
}
