import ArgumentParser

/// The simulated dock.
@main
struct Hubsim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hubsim",
        abstract: "A simulated dock of Communications Hubs that real USB tools can't tell from hardware.",
        discussion: """
            EXAMPLES
              hubsim run --dock bench-configs/demo-dock.yaml -- dfu-util -l
              hubsim run --dock bench-configs/demo-dock.yaml -- reflashd --config bench-configs/demo.yaml
              hubsim export --dock bench-configs/demo-dock.yaml
              hubsim ctl list
              hubsim ctl unplug A05
            """,
        subcommands: [Run.self, Export.self, Attach.self, Ctl.self])
}
