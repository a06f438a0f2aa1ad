"""From plugging a unit in to its first block, with 64 units plugged in within a second.

    plug_latency.py [UNITS]

The units take 1 ms to go into their bootloader; that and their answers are in the figure. Times are of the wall clock, in milliseconds."""
import datetime
import json
import os
import socket
import statistics
import subprocess
import sys
import time

from common import say, work_folder
from daemon import BIN
from dfu_parallel import Daemon, MIB, RUNS, chf, prepare


def order(work, request):
    """Asks hubsim for something: an order a connection."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(f"{work}/ctl.sock")
        control.sendall(json.dumps(request).encode())
        control.shutdown(socket.SHUT_WR)
        answer = json.loads(control.makefile().read())
    if answer.get("error"):
        sys.exit(answer["error"])


def inside(work, units):
    """Runs where the units are."""
    daemon = Daemon(work)
    try:
        daemon.ask("POST", "/v1/releases/benchmark/approve", json.dumps({"variant": "4G"}).encode())
        plugged = {}
        start = time.monotonic()
        for index in range(units):
            time.sleep(max(0, start + index / units - time.monotonic()))
            plugged[f"A{index + 1:02}"] = time.time()
            order(work, {"plug": {"unit": chf(index), "slot": f"A{index + 1:02}"}})
        took = time.monotonic() - start
        events = []
        while len([e for e in events if e["kind"] == "transfer-started"]) < units:
            time.sleep(0.3)
            events = daemon.events(0)
        at = lambda e: datetime.datetime.fromisoformat(e["utc"].replace("Z", "+00:00")).timestamp()
        stages = {}
        for kind in ("unit-docked", "session-started", "bootloader-entered", "transfer-started"):
            first = {}
            for event in events:
                if event["kind"] == kind:
                    first.setdefault(event["slot"], (at(event) - plugged[event["slot"]]) * 1000)
            stages[kind] = sorted(first.values())
        print(json.dumps({"took": took, "stages": stages}))
    finally:
        daemon.stop()


def measure(units):
    with work_folder() as work:
        prepare(work, units, "20 ms", MIB // 4, detach="1 ms", docked=False)
        out = subprocess.check_output([f"{BIN}/hubsim", "run", "--dock", f"{work}/dock.yaml", "--socket", f"{work}/ctl.sock", "--",
                                       sys.executable, os.path.abspath(__file__), "inside", work, str(units)], text=True)
    return json.loads(out.strip().splitlines()[-1])


def main(units):
    runs = [measure(units) for _ in range(RUNS)]
    middle = lambda kind, of: statistics.median(of(run["stages"][kind]) for run in runs)
    print(f"{units} units plugged in within {max(run['took'] for run in runs):.2f} s, medians of {RUNS}; milliseconds from there to   median      90 %   longest")
    for kind in runs[0]["stages"]:
        ninth = middle(kind, lambda times: times[len(times) * 9 // 10])
        print(f"{kind:60} {middle(kind, statistics.median):9.1f} {ninth:9.1f} {middle(kind, lambda times: times[-1]):9.1f}")
    say(f"plug-to-first-block-{units}-bound", middle("transfer-started", statistics.median), 50, "ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 64)
