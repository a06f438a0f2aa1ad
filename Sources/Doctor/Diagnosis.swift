public import BenchModel
internal import ConfigFiles
internal import Foundation

/// Compares what a bench's config needs with what the host offers. A function of values; each check is one that some bench has failed on.
public struct Diagnosis: Sendable {
    let config: BenchConfig
    let facts: HostFacts
    /// The config's path, for the commands that mend.
    let file: String

    private static let enoughFree = 1 << 30
    private static let tooLittleFree = 100 << 20
    private static let slowSync = 0.02
    /// Programs that open every tty that appears.
    private static let meddlers = ["ModemManager", "brltty"]

    public init(of config: BenchConfig, at file: String, on facts: HostFacts) {
        self.config = config
        self.facts = facts
        self.file = file
    }

    /// Everything that was looked at, in a fixed order.
    public var findings: [Finding] {
        [usbfsMemory, hostControllers] + shares + concurrency + [rules, slotRules, autosuspend, latency, permissions] + meddlers + holders
            + [clock, disk, sync]
    }

    var usbSlots: [SlotPlace] { config.slots.filter { $0.fixed == nil } }
    private var hasDFU: Bool { config.profiles.contains { $0.smp == nil } }

    // MARK: The host's USB

    private var usbfsMemory: Finding {
        guard hasDFU else { return Finding(fine: "usbfs-memory", "no unit of this bench is written through usbfs") }
        let sessions = min(usbSlots.count, config.limits.concurrentSessions)
        let needed = sessions * BenchLimits.usbfsMemoryOfDFUUnit
        let need = "\(sessions) sessions at a time need \(needed / 1024) KiB"
        guard let offered = facts.usbfsMemoryMiB else {
            return Finding(
                .problem, "usbfs-memory", "this kernel has no USB (no /sys/module/usbcore)", why: "no unit can be reached over USB",
                mend: "run the bench on a machine with USB, or load the host controller's driver: 'sudo modprobe xhci_pci'")
        }
        let command = { (mebibytes: Int) in
            "'echo \(mebibytes) | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb', "
                + "and 'usbcore.usbfs_memory_mb=\(mebibytes)' on the kernel's command line for the next start"
        }
        if offered > 0, offered << 20 < needed {
            return Finding(
                .problem, "usbfs-memory", "\(need), and usbfs may use \(offered) MiB in all",
                why: "transfers fail with 'out of memory' when all units are written at once", mend: command(needed >> 20 + 1))
        }
        if offered > 0, offered << 20 < config.limits.usbfsMemory {
            return Finding(
                .warning, "usbfs-memory",
                "the config counts on \(config.limits.usbfsMemory >> 20) MiB of usbfs memory, and the kernel gives \(offered) MiB to all programs",
                why: "a bench that counts on more than there is learns of the limit by failed transfers",
                mend: command(config.limits.usbfsMemory >> 20))
        }
        return Finding(fine: "usbfs-memory", "\(need); usbfs may use " + (offered == 0 ? "any amount" : "\(offered) MiB"))
    }

    private var hostControllers: Finding {
        let missing = Set(usbSlots.map(\.port.hostController)).subtracting(facts.hostControllers).sorted()
        guard missing.isEmpty else {
            let slots = usbSlots.filter { missing.contains($0.port.hostController) }.map(\.slot.label)
            return Finding(
                .problem, "host-controllers",
                "the host has no USB host controller at \(missing.joined(separator: ", ")); it has \(list(facts.hostControllers.sorted()))",
                why: "\(counted(slots)) can never see a unit",
                mend: "put the card back, or find the ports anew: 'reflashctl config suggest --slots LABELS'")
        }
        return Finding(fine: "host-controllers", "every slot's host controller is there")
    }

    // MARK: udev's rules and what they do

    private var rules: Finding {
        let why = "the daemon sees only what these rules tag, and may open only what they give to its group"
        guard let installed = facts.rules[Self.commonRules] else {
            return Finding(.problem, "udev-rules", "udev has no \(Self.commonRules)", why: why, mend: Self.installCommonRules)
        }
        let lines = installed.split(separator: "\n").filter { !$0.hasPrefix("#") }
        let missing = Self.commonAssignments.filter { assignment in !lines.contains { $0.contains(assignment) } }
        guard missing.isEmpty else {
            return Finding(
                .problem, "udev-rules",
                "udev's \(Self.commonRules) \(lines.isEmpty ? "is empty" : "has no \(missing.joined(separator: " and no "))")",
                why: why, mend: Self.installCommonRules)
        }
        return Finding(fine: "udev-rules", "udev has \(Self.commonRules)")
    }

    private var slotRules: Finding {
        guard let installed = facts.rules[SlotRules.fileName] else {
            return Finding(
                .warning, "slot-rules", "udev has no \(SlotRules.fileName)",
                why: "there are no names /dev/reflash/SLOT, and brltty and ModemManager are not kept away from adapters",
                mend: installSlotRules)
        }
        if let difference = SlotRules.difference(of: installed, from: config) {
            return Finding(
                .warning, "slot-rules", "\(SlotRules.fileName) is not of this config: line \(difference.line) differs",
                why: "names under /dev/reflash lead to other slots than the bench's", mend: installSlotRules)
        }
        return Finding(fine: "slot-rules", "\(SlotRules.fileName) is as the config has it")
    }

    private var autosuspend: Finding {
        let sleepy = facts.powerControl.filter { $0.value != "on" }.keys.sorted()
        guard sleepy.isEmpty else {
            return Finding(
                .problem, "autosuspend", "what is docked at \(sleepy.joined(separator: ", ")) may be suspended (power/control is not 'on')",
                why: "a bootloader that was suspended does not wake up", mend: Self.installCommonRules)
        }
        let count = facts.powerControl.count
        return Finding(
            fine: "autosuspend", count == 0 ? "nothing is docked that could be suspended" : "none of \(count) docked devices is suspended")
    }

    private var latency: Finding {
        let slow = facts.latencyTimers.filter { $0.value > 1 }.sorted { $0.key < $1.key }
        guard slow.isEmpty else {
            return Finding(
                .warning, "latency-timer", slow.map { "\($0.key) waits \($0.value) ms" }.joined(separator: ", "),
                why: "an FTDI adapter holds every answer back for that long: uploads take many times longer",
                mend: Self.installCommonRules)
        }
        return Finding(fine: "latency-timer", "no FTDI adapter holds answers back")
    }

    private var permissions: Finding {
        if !facts.closedNodes.isEmpty {
            return Finding(
                .problem, "permissions", "you may not open \(facts.closedNodes.joined(separator: ", "))",
                why: "a daemon that you start can't reach what is docked there",
                mend: "'\(Self.installCommonRules) && \(Self.joinGroup)', then log in anew")
        }
        if let groups = facts.groups, !groups.contains("reflash") {
            return Finding(
                .warning, "permissions", "you are not in group reflash", why: "a daemon that you start may not open the units",
                mend: "'\(Self.makeGroup) && \(Self.joinGroup)', then log in anew")
        }
        if !facts.closedRemedyNodes.isEmpty {
            return Finding(
                .warning, "permissions", "you may not open \(facts.closedRemedyNodes.joined(separator: ", "))",
                why: "a unit that does not answer can't be reset at its port, or its port not be switched off and on",
                mend: installSlotRules)
        }
        return Finding(fine: "permissions", facts.groups == nil ? "root may open every device" : "you may open every unit and USB hub")
    }

    // MARK: Other programs

    private var meddlers: [Finding] {
        guard slotRules.severity > .fine else { return [] }
        return Self.meddlers.compactMap { program in
            guard let processes = facts.programs[program] else { return nil }
            let pids = "pid \(processes.map(String.init).joined(separator: ", "))"
            return Finding(
                .warning, "other-programs", "\(program) (\(pids)) runs", why: "it opens and writes to ttys that no rule keeps it away from",
                mend: "'\(installSlotRules)', or stop it: 'sudo systemctl disable --now \(program)'")
        }
    }

    private var holders: [Finding] {
        let others = facts.ttyHolders.filter { $0.program != "reflashd" }
        guard !others.isEmpty else {
            let own =
                "no program of this user has a tty of a unit open; of others only root sees it: 'sudo reflashctl doctor \(file.shellWord)'"
            return [Finding(fine: "tty-holders", facts.groups == nil ? "no other program has a tty of a unit open" : own)]
        }
        return others.map { holder in
            Finding(
                .problem, "tty-holders", "\(holder.program) (pid \(holder.pid)) has \(holder.tty) open",
                why: "two programs that read one line each get half of the answers", mend: "sudo kill \(holder.pid)")
        }
    }

    // MARK: The record

    private var clock: Finding {
        guard !facts.isClockSynchronised else { return Finding(fine: "clock", "the clock is synchronised") }
        return Finding(
            .warning, "clock", "the clock is not synchronised", why: "the record's times are those of this clock",
            mend: "sudo timedatectl set-ntp true")
    }

    private var disk: Finding {
        guard let free = facts.freeBytes else {
            return Finding(
                .problem, "disk", "the folder of the journal (\(config.journal)) can't be looked at",
                why: "without a journal nothing is flashed", mend: makeJournalFolder)
        }
        let what = "\(free >> 20) MiB are free for the journal"
        guard free < Self.enoughFree else { return Finding(fine: "disk", what) }
        return Finding(
            free < Self.tooLittleFree ? .problem : .warning, "disk", what, why: "flashing stops when the journal can't grow",
            mend: makeRoom)
    }

    private var sync: Finding {
        guard let seconds = facts.syncSeconds else {
            return Finding(
                .warning, "sync", "nothing can be written beside the journal (\(config.journal))",
                why: "how fast it can be written is not known, nor whether a daemon that you start can write it", mend: makeJournalFolder)
        }
        let what = "a durable write takes \((seconds * 1000).formatted(.number.precision(.fractionLength(1)))) ms"
        guard seconds > Self.slowSync else { return Finding(fine: "sync", what) }
        return Finding(
            .warning, "sync", what, why: "every session waits for some of them; with many units they add up",
            mend: "put the journal on an SSD, and its path into 'journal:' of \(file)")
    }

    // MARK: Words

    private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }

    private func counted(_ slots: [String]) -> String {
        slots.count == 1
            ? "slot \(slots[0])" : "\(slots.count) slots (\(slots.prefix(3).joined(separator: ", "))\(slots.count > 3 ? ", …" : ""))"
    }
}
