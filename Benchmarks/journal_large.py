"""The journal of a bench that has served a million units: how long it takes to open, verify, rebuild and export, and how fast one takes events.

    journal_large.py [UNITS]"""
import os
import subprocess
import sys
import tempfile
import time

import common
from common import ROOT
from daemon import BIN
from dfu_parallel import CONFIG, place

BOUND = 120
SLOTS = [f"{letter}{place:02}" for letter in "ABCD" for place in range(1, 17)]

DOCK = """
dock: benchmark
defaults: {variant: 4G, model: 010A030B, hardwareVersion: "0101", firmware: {version: 00020100}}
slots:
  A01: 1-1.1
units: []
"""

LOGISTICS = 'logistics: {companyPrefix: "5012345", location: "5012345000008", namespace: "https://bench.example/reflash/"}\n'


def timed(*command):
    """Runs a program; seconds, and the most that it had resident, MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: {process.returncode}")
    return time.monotonic() - start, usage.ru_maxrss / 1000


def status(pid, name):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def serve(work):
    """Runs where the dock is: opens the journal and exports all of it."""
    start = time.monotonic()
    daemon = subprocess.Popen([f"{BIN}/reflashd", "--config", f"{work}/bench.yaml", "--log-level", "error"])
    try:
        while subprocess.call([f"{BIN}/reflashctl", "status", "--socket", f"{work}/d.sock"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            if daemon.poll() is not None or time.monotonic() - start > 600:
                sys.exit("reflashd does not open the journal")
            time.sleep(0.01)
        say("open", time.monotonic() - start, status(daemon.pid, "VmHWM") / 1000, 2)
        seconds, _ = timed(f"{BIN}/reflashctl", "export", "--all", "--to", f"{work}/out", "--socket", f"{work}/d.sock")
        say("export-csv", seconds, status(daemon.pid, "VmHWM") / 1000, BOUND)
        rows = sum(1 for _ in open(f"{work}/out/return-record.csv")) - 1
        print(f"{rows} units in {os.path.getsize(f'{work}/out/return-record.csv') / 1e6:.0f} MB of CSV", flush=True)
    finally:
        daemon.terminate()
        daemon.wait(60)


def say(name, seconds, resident, bound):
    common.say(f"journal-{name}-bound", seconds, bound, "s")
    print(f"{resident:.0f} MB resident", flush=True)


def main(units):
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as work:
        journal = f"{work}/journal.sqlite"
        seconds, resident = timed(f"{BIN}/journal-load", "history", "--units", str(units), journal)
        print(f"{units} units: made in {seconds:.0f} s, {os.path.getsize(journal) / 1e9:.2f} GB", flush=True)
        measure(work, journal)


def measure(work, journal):
    for name in ("verify", "rebuild"):
        seconds, resident = timed(f"{BIN}/reflashctl", "journal", name, journal)
        say(name, seconds, resident, BOUND)
    subprocess.check_call(["bash", f"{ROOT}/packaging/trial-authority.sh", work], stderr=subprocess.DEVNULL)
    with open(f"{work}/dock.yaml", "w") as file:
        file.write(DOCK)
    with open(f"{work}/bench.yaml", "w") as file:
        file.write(CONFIG.format(slots="\n".join(f"  {slot}: pci-0000:00:14.0-usb-0:{place(i)}" for i, slot in enumerate(SLOTS))) + LOGISTICS)
    subprocess.check_call([f"{BIN}/hubsim", "run", "--dock", f"{work}/dock.yaml", "--socket", f"{work}/ctl.sock", "--",
                           sys.executable, os.path.abspath(__file__), "serve", work])
    for sessions in (1, 64):
        subprocess.check_call([f"{BIN}/journal-load", "append", "--sessions", str(sessions), work])


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    else:
        main(int((sys.argv[1:] or ["1000000"])[0]))
