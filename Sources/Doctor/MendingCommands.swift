public import BenchModel
internal import ConfigFiles
internal import Foundation

/// The commands that mend what more than one check finds.
extension Diagnosis {
    static let commonRules = "70-reflash.rules"
    /// What those rules must set for a bench to work.
    static let commonAssignments = [#"TAG+="reflash""#, #"GROUP="reflash""#, #"ATTR{power/control}="on""#]

    /// What is plugged in already is told of anew.
    private static let reload = "sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=usb --subsystem-match=tty"

    static let makeGroup = "sudo groupadd --force --system reflash"
    static let joinGroup = "sudo usermod -aG reflash $USER"

    /// The group first: udev passes over a group that is not there when it reads the rules.
    static let installCommonRules = "\(makeGroup) && sudo install -m 644 udev-rules/\(commonRules) /etc/udev/rules.d/ && \(reload)"

    var installSlotRules: String {
        "\(Self.makeGroup) && reflashctl config rules \(file.shellWord) | sudo tee /etc/udev/rules.d/\(SlotRules.fileName) > /dev/null && \(Self.reload)"
    }

    /// A folder in which the group's daemon may write, made or given to it.
    var makeJournalFolder: String {
        "\(Self.makeGroup) && sudo install --directory --mode 2770 --group reflash \(config.journalFolder.shellWord)"
    }

    var makeRoom: String {
        "make room: 'sudo du -xh \(config.journalFolder.shellWord) | sort -h | tail' shows what takes it, and "
            + "'sudo reflashctl journal archive \(config.journal.shellWord) --to FOLDER' takes what is over out of a journal that no daemon has open"
    }
}

extension BenchConfig {
    /// Where the journal's file is.
    public var journalFolder: String { URL(filePath: journal).deletingLastPathComponent().path }
}

extension String {
    /// As a shell takes it for one word: in single quotes where it has anything that a shell would make something of.
    var shellWord: String {
        let isPlain = !isEmpty && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+:@%".contains($0)) }
        return isPlain ? self : "'\(replacing("'", with: "'\\''"))'"
    }
}
