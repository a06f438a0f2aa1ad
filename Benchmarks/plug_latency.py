"""From plugging a unit in to its first block, with 64 units plugged in within a second.

    plug_latency.py [UNITS]

The units take 1 ms to go into their bootloader. Each is pulled out over its last blocks, so that its session leaves a capsule, which says how
long every answer took: `first block, without the answers` is the time until the first block was queued, less the time in which a request to the unit
was under way, as the session saw it, with its own wake-up in it. Times are in milliseconds."""
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

# Of 64 blocks of 4 KiB: by then every unit has begun.
PULLED_AT = 60
DNLOAD = 0x2101


def order(work, request):
    """Asks hubsim for something: an order a connection."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(f"{work}/ctl.sock")
        control.sendall(json.dumps(request).encode())
        control.shutdown(socket.SHUT_WR)
        answer = json.loads(control.makefile().read())
    if answer.get("error"):
        sys.exit(answer["error"])


def under_way(requests):
    """How long one of the requests was under way, nanoseconds: some are queued together."""
    total, end = 0, 0
    for request in sorted(requests, key=lambda request: request["at"]):
        start = max(end, request["at"])
        end = max(end, request["at"] + request["took"])
        total += max(0, end - start)
    return total


def first_block(capsule):
    """When the first block was queued, nanoseconds of the bench's clock, and how long requests to the unit had been under way by then."""
    exchanges = [exchange for run in capsule["transcript"]["runs"] for exchange in run["exchanges"]]
    block = next(exchange for exchange in exchanges if exchange["kind"] == "out" and exchange["request"] == DNLOAD)
    before = [e for e in exchanges if e["at"] < block["at"] and e["kind"] in ("in", "out", "select")]
    return capsule["beganAt"] + block["at"], under_way(before)


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
        deadline = time.monotonic() + 60
        while len(daemon.ask("GET", "/v1/capsules")) < units:
            if time.monotonic() > deadline:
                sys.exit("not every unit was pulled out over its last blocks")
            time.sleep(0.3)
        events = daemon.events(0)
        at = lambda e: datetime.datetime.fromisoformat(e["utc"].replace("Z", "+00:00")).timestamp()
        # The bench's clock beside the wall's, which events have in whole milliseconds.
        began = max(at(e) - e["monotonicNanoseconds"] / 1e9 for e in events)
        stages = {}
        for kind in ("unit-docked", "session-started", "bootloader-entered", "transfer-started"):
            first = {}
            for event in events:
                if event["kind"] == kind:
                    first.setdefault(event["slot"], (at(event) - plugged[event["slot"]]) * 1000)
            stages[kind] = sorted(first.values())
        blocks, beyond = [], []
        for summary in daemon.ask("GET", "/v1/capsules"):
            capsule = daemon.ask("GET", f"/v1/capsules/{summary['session']}")
            queued, answers = first_block(capsule)
            wait = (began + queued / 1e9 - plugged[capsule["slot"]]) * 1000
            blocks.append(wait)
            beyond.append(wait - answers / 1e6)
        stages["first block"], stages["first block, without the answers"] = sorted(blocks), sorted(beyond)
        print(json.dumps({"took": took, "stages": stages}))
    finally:
        daemon.stop()


def measure(units):
    with work_folder() as work:
        prepare(work, units, "20 ms", MIB // 4, detach="1 ms", docked=False, faults=f"{{kind: unplug, atBlock: {PULLED_AT}}}")
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
    say(f"plug-to-first-block-{units}-bound", middle("first block", statistics.median), 50, "ms")
    say(f"plug-to-first-block-{units}-without-answers-bound", middle("first block, without the answers", statistics.median), 50, "ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 64)
