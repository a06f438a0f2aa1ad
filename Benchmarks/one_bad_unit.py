"""What one slow, dead or babbling unit costs the 63 others: the time until the last of them has ended, beside a dock without it.

    one_bad_unit.py [UNITS]

4 KiB blocks, 20 ms of programming each, 1 MiB image, as in `dfu_parallel.py unit`."""
import json
import os
import statistics
import subprocess
import sys
import time

import dfu_parallel
from common import say, work_folder
from daemon import BIN

RUNS = int(os.environ.get("RUNS", "1"))
# The first unit's faults.
KINDS = {
    "well": "",
    # Each block takes two seconds.
    "slow": "{kind: slow, value: \"2000\", times: always}",
    # Never answers a GETSTATUS in its bootloader.
    "dead": "{kind: silence, request: DFU_GETSTATUS, times: always}",
    # Says that it needs no time, and needs two seconds a block: it is asked again and again.
    "babbling": "{kind: poll-timeout, value: \"0\", times: always}, {kind: slow, value: \"2000\", times: always}",
}


def inside(work, units):
    """Seconds from the first session's start to the end of the last of the other units' sessions."""
    daemon = dfu_parallel.Daemon(work)
    try:
        while len([e for e in daemon.events(0) if e["kind"] == "outcome"]) < units:
            time.sleep(0.2)
        first = daemon.events(0)[-1]["number"]
        daemon.ask("POST", "/v1/releases/benchmark/approve", json.dumps({"variant": "4G"}).encode())
        bad = dfu_parallel.chf(0)
        while True:
            time.sleep(0.25)
            events = [e for e in daemon.events(first) if e.get("unit") != bad]
            ends = [e for e in events if e["kind"] == "outcome"]
            if len(ends) >= units - 1:
                break
        if any(json.loads(e["payload"])["outcome"] != "reflashed" for e in ends):
            sys.exit("another unit was not reflashed")
        at = lambda kind: [e["monotonicNanoseconds"] / 1e9 for e in events if e["kind"] == kind]
        print(json.dumps(max(at("outcome")) - min(at("session-started"))))
    finally:
        daemon.process.kill()
        daemon.process.wait()


def measure(kind, units):
    with work_folder() as work:
        dfu_parallel.prepare(work, units, "20 ms", dfu_parallel.MIB)
        with open(f"{work}/dock.yaml") as file:
            text = file.read()
        unit = f"chfId: {dfu_parallel.chf(0)}"
        assert unit in text
        with open(f"{work}/dock.yaml", "w") as file:
            file.write(text.replace(unit, f"{unit}, faults: [{KINDS[kind]}]") if KINDS[kind] else text)
        out = subprocess.check_output([f"{BIN}/hubsim", "run", "--dock", f"{work}/dock.yaml", "--socket", f"{work}/ctl.sock", "--",
                                       sys.executable, os.path.abspath(__file__), "inside", work, str(units)], text=True)
        return json.loads(out.strip().splitlines()[-1])


def main(units):
    seconds = {kind: statistics.median(measure(kind, units) for _ in range(RUNS)) for kind in KINDS}
    for kind, value in seconds.items():
        print(f"{units - 1} units beside a {kind} one: {value:.2f} s, {value / seconds['well'] * 100 - 100:+.1f} %")
        if kind != "well":
            say(f"one-{kind}-unit", value, seconds["well"], "s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 64)
