"""Many 4G units at once: reflashd beside as many dfu-util processes, on the same units of the same dock, one after the other.

    dfu_parallel.py [unit|host|memory] [UNITS …]

`unit`: the units are what limits (4 KiB blocks, 20 ms of programming each, 1 MiB image). `host`: the host is (no programming time; images
so large that dfu-util's fixed waits, of a second after the detach and one in manifestation, are under 5 % of its time, from 16 units on: a
component may have 64 MiB). `memory`: an image of 4 MiB, for what is resident. Without a word all of them;
1, 8, 16, 32 and 64 units unless told otherwise."""
import filecmp
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from common import GBCS_VERSION, VERSION, say, work_folder
from boards import ROOT, VENV
from daemon import BIN, LocalConnection

RUNS = int(os.environ.get("RUNS", "1"))
MIB = 1 << 20
# Programming time of a block, and the image for a number of units.
SETTINGS = {"unit": ("20 ms", lambda units: MIB), "host": ("0 ms", lambda units: min(63, max(16, 768 // units)) * MIB),
            "memory": ("0 ms", lambda units: 4 * MIB)}

DOCK = """
dock: benchmark
defaults: {{variant: 4G, model: 010A030B, hardwareVersion: "0101", firmware: {{version: 00020100}}, flashMiB: {flash}, transferSize: 4096,
           timing: {{erase: 0 ms, program: {program}, manifest: 5 ms, detach: {detach}, reboot: 200 ms}}}}
slots:
{slots}
units:
{units}
"""

CONFIG = """
bench: benchmark
journal: journal.sqlite
socket: d.sock
limits: {{concurrentSessions: 64}}
profiles:
  unit:
    variant: 4G
    protocol: dfu
    runtime:    {{ID_VENDOR_ID: "1209", ID_MODEL_ID: 4c01}}
    bootloader: {{ID_VENDOR_ID: "1209", ID_MODEL_ID: 4c02}}
    identity: serial-number
    version: string 4
    model: string 5
    hardwareVersion: string 6
    components: {{application: {{alternate: 0}}}}
    bounds: {{request: 10 s, enterBootloader: 20 s, activate: 20 s, comeBack: 20 s}}
releases:
  store: releases
  trust: {{roots: trust/roots, imageKeys: trust/keys}}
  statements: by-role
  checksOff: [central-products-list]
slots:
{slots}
"""

RELEASE = """
release: benchmark
notAfter: 2099-01-01T00:00:00Z
variants:
  4G: {{version: {version}, manufacturer: AB01, model: 010A030B, hardware: 0000-FFFF, securityCounter: 1,
       components: {{application: {{image: release.zigbee}}}}}}
"""


def place(index):
    """Eight on a USB hub."""
    return f"{index // 8 + 1}.{index % 8 + 1}"


def chf(index):
    return f"00-DB-12-34-56-78-92-{index + 1:02X}"


def prepare(work, units, program, length, detach="100 ms", docked=True, faults=""):
    """`faults`: those of every unit, as a dock file has them."""
    subprocess.check_call(["bash", f"{ROOT}/packaging/trial-authority.sh", work], stderr=subprocess.DEVNULL)
    with open(f"{work}/payload.bin", "wb") as file:
        file.write(random.Random(1).randbytes(length - 0x2000))
    subprocess.check_call([f"{VENV}/imgtool", "sign", "--version", VERSION, "--header-size", "0x200", "--pad-header", "--align", "4",
                           "--slot-size", "0x10000000", f"{work}/payload.bin", f"{work}/new.bin"])
    with open(f"{work}/release.yaml", "w") as file:
        file.write(RELEASE.format(version=GBCS_VERSION))
    for arguments in (
            ["image", "wrap", "new.bin", "release.zigbee", "--manufacturer-code", "AB01", "--image-type", "0001", "--file-version",
             GBCS_VERSION, "--hardware", "0000-FFFF", "--header-string", "benchmark", "--key", "manufacturer.pem"],
            ["release", "make", "release.yaml", "release.tar"],
            ["release", "sign", "release.tar", "--key", "releaser.pem", "--certificate", "releaser.crt"]):
        subprocess.check_call([f"{BIN}/reflashctl", *arguments], cwd=work, stdout=subprocess.DEVNULL)
    with open(f"{work}/dock.yaml", "w") as file:
        file.write(DOCK.format(
            program=program, detach=detach, flash=max(1, -(-length // MIB)), slots="\n".join(f"  A{i + 1:02}: 1-{place(i)}" for i in range(units)),
            units="\n".join(f"  - {{{f'slot: A{i + 1:02}, ' if docked else ''}chfId: {chf(i)}, gpfId: 00-DB-12-34-56-78-A2-{i + 1:02X}{f', faults: [{faults}]' if faults else ''}}}" for i in range(units))))
    with open(f"{work}/bench.yaml", "w") as file:
        file.write(CONFIG.format(slots="\n".join(f"  A{i + 1:02}: pci-0000:00:14.0-usb-0:{place(i)}" for i in range(units))))


class Daemon:
    def __init__(self, work):
        self.work = work
        self.log = open(f"{work}/reflashd.log", "w")
        self.process = subprocess.Popen([f"{BIN}/reflashd", "--config", f"{work}/bench.yaml"], stderr=self.log)
        self.ask("POST", "/v1/releases", open(f"{work}/release.tar", "rb").read(), wait=20)

    def ask(self, method, path, body=None, wait=0):
        deadline = time.monotonic() + wait
        while True:
            try:
                connection = LocalConnection(f"{self.work}/d.sock")
                connection.timeout = 60
                connection.request(method, path, body)
                answer = connection.getresponse()
                content = answer.read()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.02)
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content.decode()}")
        return json.loads(content)

    def events(self, after):
        found = []
        while True:
            page = self.ask("GET", f"/v1/journal/events?after={after}&limit=1000")
            found += page
            if len(page) < 1000:
                return found
            after = page[-1]["number"]

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, name):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def ours(work, units):
    """Whole sessions, and the transfer within them; seconds, CPU seconds (of the whole, and until the last unit is written), MB resident,
    threads."""
    daemon = Daemon(work)
    try:
        while len([e for e in daemon.events(0) if e["kind"] == "outcome"]) < units:
            time.sleep(0.2)
        first = daemon.events(0)[-1]["number"]
        cpu = daemon.cpu()
        daemon.ask("POST", "/v1/releases/benchmark/approve", json.dumps({"variant": "4G"}).encode())
        resident = threads = 0
        written = None
        events = []
        while True:
            time.sleep(0.25)
            resident, threads = max(resident, daemon.status("VmRSS")), max(threads, daemon.status("Threads"))
            events += daemon.events(events[-1]["number"] if events else first)
            if written is None and len([e for e in events if e["kind"] == "transfer-finished"]) >= units:
                written = daemon.cpu() - cpu
            if len([e for e in events if e["kind"] == "outcome"]) >= units:
                break
        cpu = daemon.cpu() - cpu
        bad = [json.loads(e["payload"]) for e in events if e["kind"] == "outcome" and json.loads(e["payload"])["outcome"] != "reflashed"]
        if bad:
            sys.exit(f"ours: {bad[0]}")
        at = lambda kind: [e["monotonicNanoseconds"] / 1e9 for e in events if e["kind"] == kind]
        return {"transfer": max(at("transfer-finished")) - min(at("transfer-started")),
                "whole": max(at("outcome")) - min(at("session-started")), "cpu": cpu, "written": written or cpu, "resident": resident / 1000, "threads": threads}
    finally:
        daemon.stop()


def theirs(work, units):
    """As many dfu-util processes, all at once: the download, and the upload of as many bytes with which its user would prove it."""
    image = f"{work}/new.bin"
    download = all_at_once(units, ["-D"], lambda _: image)
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as copies:
        upload = all_at_once(units, ["-U"], lambda i: f"{copies}/{i}.bin")
        # It reads all of the flash, which is little more than the image.
        for copy in os.scandir(copies):
            os.truncate(copy.path, os.path.getsize(image))
        whole = [copy for copy in os.scandir(copies) if filecmp.cmp(image, copy.path, shallow=False)]
    return {"whole": download[0], "cpu": download[1], "failed": max(download[2], upload[2], units - len(whole)), "both ways": download[1] + upload[1],
            "resident": download[3]}


def all_at_once(units, words, last):
    """A dfu-util for each unit, whose last word is made of the unit's number; seconds, CPU seconds, how many failed, MB resident in all."""
    before, start = os.times(), time.monotonic()
    processes = [subprocess.Popen(["dfu-util", "-E", "1", "-d", "1209:4c01,1209:4c02", "-p", f"1-{place(i)}", "-a", "0", *words, last(i)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for i in range(units)]
    failed = [process for process in processes if [b"rror" in process.stderr.read(), not ended(process)] != [False, False]]
    after, end = os.times(), time.monotonic()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return end - start, cpu, len(failed), sum(process.resident for process in processes)


def ended(process):
    """Whether a process ended well; what it had resident at the most, in MB, is left with it."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode, process.resident = os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1000
    return process.returncode == 0


def inside(work, units):
    """Runs where the units are."""
    print(json.dumps([ours(work, units), theirs(work, units)]))


def main(words):
    chosen = [word for word in words if word in SETTINGS] or list(SETTINGS)
    numbers = [int(word) for word in words if word.isdigit()] or [1, 8, 16, 32, 64]
    for name in chosen:
        program, length = SETTINGS[name]
        print(f"{name}-limited, medians of {RUNS}\nunits   MiB  transfer s  whole s  CPU s  of it transfer  MB resident  threads   MiB/s   dfu-util: s  CPU s  CPU s with upload   MiB/s  failed",
              flush=True)
        results = {}
        for units in numbers:
            runs = []
            for _ in range(RUNS):
                with work_folder() as work:
                    prepare(work, units, program, length(units))
                    out = subprocess.check_output([f"{BIN}/hubsim", "run", "--dock", f"{work}/dock.yaml", "--socket", f"{work}/ctl.sock", "--",
                                                   sys.executable, os.path.abspath(__file__), "inside", work, str(units)], text=True)
                    runs.append(json.loads(out.strip().splitlines()[-1]))
            we = {key: statistics.median(run[0][key] for run in runs) for key in runs[0][0]}
            they = {key: statistics.median(run[1][key] for run in runs) for key in runs[0][1]}
            they["failed"] = max(run[1]["failed"] for run in runs)
            mib = length(units) * units / MIB
            print(f"{units:5} {length(units) // MIB:5} {we['transfer']:11.2f} {we['whole']:8.2f} {we['cpu']:6.2f} {we['written']:15.2f} {we['resident']:12.1f} {we['threads']:8.0f} "
                  f"{mib / we['transfer']:7.1f}  {they['whole']:12.2f} {they['cpu']:6.2f} {they['both ways']:18.2f} {mib / they['whole']:7.1f} {they['failed']:7.0f}", flush=True)
            say(f"dfu-{name}-{units}-throughput", mib / we["transfer"], mib / they["whole"], "MiB/s")
            say(f"dfu-{name}-{units}-wall", we["whole"], they["whole"], "s")
            say(f"dfu-{name}-{units}-memory", we["resident"], they["resident"], "MB")
            say(f"dfu-{name}-{units}-transfer", we["transfer"], they["whole"], "s")
            say(f"dfu-{name}-{units}-cpu-transfer", we["written"], they["cpu"], "s")
            say(f"dfu-{name}-{units}-cpu-session", we["cpu"], they["both ways"], "s")
            results[units] = we
        against_one(name, results)


def against_one(name, results):
    """What the most units took beside what one took, and the bounds that this has."""
    most = max(results)
    if most == 1 or 1 not in results:
        return
    one, many = results[1], results[most]
    if name == "unit":
        say(f"dfu-unit-{most}-beside-1-transfer-bound", many["transfer"] / one["transfer"], 1.10, "times")
        say(f"dfu-unit-{most}-beside-1-whole-bound", many["whole"] / one["whole"], 1.25, "times")
    if name == "memory":
        say(f"dfu-memory-{most}-bound", many["resident"], 80, "MB")
        say("dfu-memory-each-further-unit-bound", (many["resident"] - one["resident"]) * 1000 / (most - 1), 150, "KB")
    say(f"dfu-{name}-{most}-beside-1-threads", many["threads"], one["threads"], "threads")


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        main(sys.argv[1:])
