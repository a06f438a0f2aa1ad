import ArgumentParser
import BenchWire

/// What a technician, a supervisor or a script does with the bench.
@main
struct Reflashctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reflashctl",
        abstract: "See and steer a reflash bench.",
        discussion: """
            EXAMPLES
              reflashctl status
              reflashctl watch
              reflashctl slot retry A03
              reflashctl unit show 00-DB-12-34-56-78-90-A2
              reflashctl doctor /etc/reflash/bench.yaml
              reflashctl report --shift
              reflashctl consignment show RMA-42
              reflashctl scan
              reflashctl export RMA-42 --to out
              reflashctl journal verify /var/lib/reflash/journal.sqlite
              reflashctl image inspect release.zigbee
              reflashctl release verify autumn.tar --roots roots/ --image-keys keys/
            """,
        version: ProgramVersion.current,
        subcommands: [
            StatusCommand.self, WatchCommand.self, SlotCommand.self, UnitCommand.self, JournalCommand.self, ImageCommand.self,
            ReleaseCommand.self, ConfigCommand.self, DoctorCommand.self, ReportCommand.self,
            CapsuleCommand.self, ConsignmentCommand.self, ScanCommand.self, PackCommand.self, ExportCommand.self,
        ])
}
