"""`make test-kernel`: the real kernel's USB stack, systemd's udevd and our rules, in a virtual machine.

One line a check, and at the end `kernel: N checks, N passed, N failed`. Exit status 0 only if none failed. The guests' consoles, udev's log
and the daemon's are kept when something did. Three of the checks are of the stage itself: a broken rule, a flipped bit and a panic must each
make it fail."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import checks
from bench import Bench, make_release
from files import guest_files, make_rules
from guest import BIN, CACHE, ROOT, VENV_PYTHON, Guest, StageError, base_archive, expect_tools, free_port, kernel
from report import Report

DOCK = f"{ROOT}/bench-configs/kernel-dock.yaml"
FIRST, SECOND = "/tmp/dock.sock", "/tmp/second.sock"
LOGS = ["/tmp/reflashd-technician.log", "/tmp/reflashd-visitor.log", "/tmp/hubsim.log"]
# What brltty brings with it, for every device here.
BRLTTY = """SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ENV{BRLTTY_BRAILLE_DRIVER}="bm", ENV{SYSTEMD_WANTS}+="brltty-device@.service"
"""


class Stage:
    """What all guests of a run share."""

    def __init__(self, work):
        self.work = work
        self.kernel = kernel()
        self.base = base_archive(work, self.kernel)
        os.mkdir(f"{work}/release")
        self.hashes = make_release(f"{work}/release")

    def guest(self, name, edit_rules=lambda text: text, docks=None, ftdi=None):
        folder = f"{self.work}/{name}"
        make_rules(f"{folder}/rules", checks.CONFIG)
        path = f"{folder}/rules/70-reflash.rules"
        text = open(path).read()
        with open(path, "w") as file:
            file.write(edit_rules(text))
        for name, rules in (("85-brltty.rules", BRLTTY), ("99-control.rules", 'SUBSYTEM=="usb"\n')):
            with open(f"{folder}/rules/{name}", "w") as file:
                file.write(rules)
        guest_files(f"{folder}/files", f"{self.work}/release", f"{folder}/rules", checks.CONFIG, docks or {"dock": DOCK})
        guest = Guest(folder, self.kernel, self.base, f"{folder}/files", ftdi)
        try:
            guest.run("for module in xhci_pci vhci_hcd cdc_acm ftdi_sio; do modprobe $module; done", timeout=90)
        except BaseException:
            guest.stop()
            raise
        return guest

    def keep(self, guest, name):
        """Saves what the guest says of itself."""
        kept = f"{CACHE}/failed/{name}"
        os.makedirs(kept, exist_ok=True)
        for log in ("console.log", "udev.log", "qemu.log"):
            if os.path.exists(f"{guest.work}/{log}"):
                shutil.copy(f"{guest.work}/{log}", kept)
        try:
            with open(f"{kept}/daemon.log", "w") as file:
                file.write(guest.run("; ".join(f"echo == {log}; cat {log}" for log in LOGS) + "; dmesg | tail -200", timeout=20, check=False))
        except (StageError, OSError):
            pass  # the guest is gone: its console has the rest


# MARK: the checks

def main_guest(stage, report):
    second = SecondDock(f"{stage.work}/second.yaml")
    with Lent(stage.work) as lent:
        guest = stage.guest("main", docks={"dock": DOCK, "second": second.path}, ftdi=lent.serial_port)
        try:
            bench = Bench(guest, stage.hashes)
            first_dock(guest, bench, report, lent)
            pulled_and_killed(bench, report, second)
        except StageError as error:
            report.check("the guest is there to the end", fail(error))
        finally:
            if report.failures:
                stage.keep(guest, "main")
            guest.stop()


def first_dock(guest, bench, report, lent):
    slots = checks.SLOTS
    bench.attach()
    report.check("16 units are attached, and each slot has its name in /dev/reflash", lambda: checks.settle(guest, 17))
    report.check("udevd understands every line of the rules", lambda: checks.rules_are_understood(guest))
    report.check("the nodes are group reflash's, mode 660", lambda: checks.names_and_modes(guest, slots + ["F01"]))
    report.check("each slot's ID_PATH is as the config has it, also behind a USB hub", lambda: checks.paths(guest, slots + ["F01"]))
    report.check("names and tags survive a later bind event", lambda: checks.survives_bind(guest, ["A01", "B01"]))
    report.check("power saving, ModemManager and brltty keep away", lambda: checks.left_in_peace(guest, ["A01", "B01", "F01"]))
    report.check("the FTDI adapter hands on what it has within 1 ms", lambda: checks.adapter_is_set(guest))
    report.check("another user can't open a unit", lambda: checks.closed_to_others(guest, ["A01", "B01", "F01"]))
    report.check("reflashd as another user reflashes nothing and says why", lambda: checks.visitor_reflashes_nothing(bench, ["A01", "B01"]))
    report.check("reflashd as an ordinary user of group reflash starts", bench.start)
    report.check("8 DFU and 8 CDC-ACM units are reflashed, with the proof of their kind", lambda: checks.all_reflashed(bench, slots))
    report.check("every unit's flash holds the release", lambda: checks.flashes_hold_the_release(bench, slots))
    report.check("the kernel has set each CDC-ACM line to the profile's speed", lambda: checks.lines_were_set(bench, checks.B_SLOTS))
    report.check("a 2G/3G unit behind a USB hub and a real FTDI driver is reflashed",
                 lambda: checks.serial_unit_is_reflashed(bench, "F01", lent))
    report.check("another project's DFU device (PyPI usbip) is reflashed, attached by Debian's usbip",
                 lambda: checks.foreign_device_is_reflashed(bench, lent.device_port, lent.device_file))


def pulled_and_killed(bench, report, second):
    # Until the kernel has taken down all that was there.
    bench.guest.run("killall -TERM hubsim; until [ -z \"$(ls /dev/reflash | grep -E '^(A|B)')\" ]; do usleep 50000; done", timeout=60)
    report.check("16 other units are plugged in within a second", lambda: checks.sixteen_within_a_second(bench, "/etc/reflash/second.yaml", SECOND))
    report.check("kill -9 in the middle, and a start: what was in doubt is unknown until it is read back",
                 lambda: checks.killed_and_started_again(bench, second.stay))
    report.check("a unit pulled out in the middle is unknown; plugged in there or at another port it is reflashed",
                 lambda: checks.pulled_out_and_plugged_elsewhere(bench, second))
    report.check("all 16 are reflashed, and their flashes hold the release",
                 lambda: checks.flashes_hold_the_release(bench, second.final_slots, SECOND, 16))
    bench.kill("TERM")
    report.check("'hubsim export' lends to Debian's usbip", lambda: checks.export_serves_usbip(bench.guest, "/etc/reflash/dock.yaml"))


def fail(error):
    def body():
        raise error
    return body


# MARK: the stage itself

def small_guest(stage, name, edit_rules=lambda text: text, faults="", sabotage=""):
    """A guest with two units, of which all should be as it is in the main one. Returns what was found."""
    report = Report(quiet=True)
    text = open(DOCK).read()
    head, units = text.split("\nunits:\n")
    chosen = [line for line in units.splitlines() if "slot: A01" in line or "slot: B01" in line]
    path = f"{stage.work}/{name}.yaml"
    with open(path, "w") as file:
        file.write(head + "\nunits:\n" + chosen[0].replace("}", faults + "}") + "\n" + chosen[1] + "\n")
    guest = stage.guest(name, edit_rules, {"dock": path})
    try:
        bench = Bench(guest, stage.hashes)
        bench.attach()
        report.check("units", lambda: checks.units_are_there(guest, 2))
        report.check("names", lambda: checks.settle(guest, 2, 20))
        report.check("bind", lambda: checks.survives_bind(guest, ["A01"]))
        report.check("start", bench.start)
        if sabotage:
            report.check("sabotage", lambda: guest.run(sabotage, timeout=30))
        report.check("reflashed", lambda: checks.all_reflashed(bench, ["A01", "B01"], 60))
        report.check("flash", lambda: checks.flashes_hold_the_release(bench, ["A01", "B01"]))
    finally:
        stage.keep(guest, name)
        guest.stop()
    return report


def expect_failure(stage, name, check, words, also=(), **how):
    """The small guest must fail in this check, for this reason, and else at most in those of `also`, which hang on it."""
    report = small_guest(stage, name, **how)
    others = [failure for failure in report.failures if failure[0] not in (check, "flash", *also)]
    assert not others, f"something else went wrong: {others}"
    problems = [problem for sentence, problem in report.failures if sentence == check]
    assert problems, f"nothing was found wrong there; failures: {report.failures or 'none'}"
    assert re.search(words, problems[0]), f"expected '{words}' in the reason, found: {problems[0]}"
    shutil.rmtree(f"{CACHE}/failed/{name}")


def self_tests(stage, report):
    def for_add_alone(text):
        edited = text.replace('ACTION=="remove", GOTO="reflash_end"', 'ACTION!="add", GOTO="reflash_end"')
        assert edited != text, "the rules' first line is another one"
        return edited

    report.check("self-test: a rule for ACTION==\"add\" alone makes the stage fail",
                 lambda: expect_failure(stage, "broken-rule", "bind", "after bind|Unknown device", also=("names", "reflashed"),
                                        edit_rules=for_add_alone))
    report.check("self-test: a flipped bit in a unit's flash makes the stage fail",
                 lambda: expect_failure(stage, "flipped-bit", "reflashed", "readback-mismatch",
                                        faults=", faults: [{kind: bit-flip, atByte: 77777, times: always}]"))
    report.check("self-test: a panic of the guest makes the stage fail",
                 lambda: expect_failure(stage, "panic", "reflashed", "Kernel panic|guest ended",
                                        sabotage="(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &"))


# MARK: what is lent from outside of the guest

class Lent:
    """A unit on a serial line, for the guest's FTDI adapter, and another project's DFU device, over USB/IP."""

    def __init__(self, work):
        self.serial_port, self.device_port = free_port(), free_port()
        self.device_file = f"{work}/dfu-device.bin"
        self.socket = f"{work}/line.sock"
        self.dock = f"{work}/line.yaml"
        head = open(DOCK).read().split("\nslots:\n")[0].replace("dock: kernel", "dock: line")
        with open(self.dock, "w") as file:
            file.write(f"{head}\nslots: {{F01: tcp://127.0.0.1:{self.serial_port}}}\nunits:\n"
                       "  - {slot: F01, variant: 2G/3G, chfId: 00-DB-12-34-56-78-97-01, gpfId: 00-DB-12-34-56-78-A7-01}\n")

    def __enter__(self):
        here = os.path.dirname(os.path.abspath(__file__))
        self.processes = [
            subprocess.Popen([f"{BIN}/hubsim", "export", "--dock", self.dock, "--socket", self.socket, "--listen",
                              f"127.0.0.1:{free_port()}"], stderr=subprocess.PIPE, text=True),
            subprocess.Popen([VENV_PYTHON, f"{here}/dfu_device.py", str(self.device_port), self.device_file], stdout=subprocess.PIPE, text=True)]
        # Each says a line when it is ready.
        ready = [self.processes[0].stderr.readline(), self.processes[1].stdout.readline()]
        if not all(ready) or "lent" not in ready[0] or "lent" not in ready[1]:
            self.__exit__()
            raise StageError(f"what is lent to the guest did not start: {ready}")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
            process.wait()

    def units(self):
        return json.loads(subprocess.check_output([f"{BIN}/hubsim", "ctl", "list", "--json", "--socket", self.socket]))


class SecondDock:
    """16 other units, three of which are pulled out on their way: two in the middle of a transfer, one before its image was chosen."""

    FAULTS = {"A02": "{kind: unplug, atByte: 80000}", "A03": "{kind: unplug, atByte: 100000}", "B02": "{kind: unplug, request: image state write}"}
    MOVES = {"A02": "A02", "A03": "A09", "B02": "B09"}

    def __init__(self, path):
        self.path = path
        text = open(DOCK).read().replace("dock: kernel", "dock: second").replace("-94-", "-95-").replace("-96-", "-99-")
        lines = []
        for line in text.splitlines():
            slot = re.search(r"slot: (\w+)", line)
            fault = self.FAULTS.get(slot.group(1)) if slot else None
            lines.append(line.replace("}", f", faults: [{fault}]}}") if fault else line)
        self.home = dict(re.findall(r"slot: (\w+),.*?chfId: ([0-9A-F-]+)", "\n".join(lines)))
        self.stay = [slot for slot in checks.SLOTS if slot not in self.MOVES]
        self.final_slots = self.stay + list(self.MOVES.values())
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")


def main():
    expect_tools()
    shutil.rmtree(f"{CACHE}/failed", ignore_errors=True)
    report = Report()
    work = tempfile.mkdtemp(prefix="kernel-")
    try:
        stage = Stage(work)
        # On the other core, with a report of its own: what happens to its guests says nothing of the main one's.
        beside_report = Report()
        beside = threading.Thread(target=self_tests, args=(stage, beside_report))
        beside.start()
        try:
            main_guest(stage, report)
        finally:
            beside.join()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    passed = report.passed + beside_report.passed
    failed = len(report.failures) + len(beside_report.failures)
    if failed:
        print(f"kernel: consoles and logs are in {CACHE}/failed")
    print(f"kernel: {passed + failed} checks, {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (StageError, subprocess.CalledProcessError, OSError) as problem:
        print(f"kernel: the stage can't be run: {problem}")
        sys.exit(1)
