"""The people of `make demo`: a clerk who takes the load in and gives it back (clerk.py), a supervisor who approves the release, and a technician who watches the bench and does, with simulated
hands, what each slot's "do next" says.

Runs inside the simulated dock. Exit status 0 only if every unit ended as the dock file means it to."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

import clerk

work = sys.argv[1]
journal = f"{work}/journal.sqlite"
os.environ["REFLASH_SOCKET"] = f"{work}/reflashd.sock"
EMPTY_SLOT = "A17"
ALREADY_CURRENT = ("00-DB-12-34-56-78-90-03", "00-DB-12-34-56-78-92-05")
# One in the middle of its transfer, one before its new image was confirmed.
PULLED_OUT = ("00-DB-12-34-56-78-90-07", "00-DB-12-34-56-78-92-03")
BAD_BIT = "00-DB-12-34-56-78-90-0B"
OUTCOMES = ["reflashed", "already-current", "refused", "failed", "unknown", "swapped"]
# The flashing itself takes a third of this.
DEADLINE_SECONDS = 120


def units():
    return json.loads(subprocess.check_output(["hubsim", "ctl", "list", "--json"]))


def hands(*command):
    notes.append("technician: hubsim ctl " + " ".join(command))
    subprocess.check_call(["hubsim", "ctl", *command])


def do_next(slot, home):
    """Follows one slot's advice. Returns whether there was something to do."""
    unit, advice = slot.get("chfId"), slot["doNext"]
    if advice == "dock again" and slot["state"] != "running":
        if slot["state"] == "docked":
            hands("unplug", slot["slot"])
        hands("plug", unit, home[unit])
        return True
    if advice == "move to another slot" and slot["state"] == "docked":
        hands("unplug", slot["slot"])
        hands("plug", unit, EMPTY_SLOT)
        return True
    return False


def are_refused(status, count):
    """Whether every unit waits for its consignment to be taken in."""
    return sum(s.get("reason") == "not-expected" and s["state"] == "docked" for s in status["slots"]) == count


def approve():
    """The supervisor's part: the bench flashes nothing before."""
    signed = ["--key", f"{work}/supervisor.pem", "--certificate", f"{work}/supervisor.crt"]
    for command in (["import", f"{work}/release.tar"], ["approve", "demo-release", "--variant", "4G", *signed],
                    ["approve", "demo-release", "--variant", "2G/3G", *signed]):
        notes.append("supervisor: reflashctl release " + " ".join(command[:4]))
        subprocess.check_call(["reflashctl", "release", *command], stdout=subprocess.DEVNULL)


def is_settled(status, count):
    settled = {s["chfId"] for s in status["slots"] if s["state"] == "docked" and s.get("outcome") in ("reflashed", "already-current")}
    return len(settled) == count


notes = []
home = {u["chfId"]: u["slot"] for u in units()}
log = open(f"{work}/reflashd.log", "w")
daemon = subprocess.Popen([os.environ.get("REFLASHD", "reflashd"), "--config", f"{work}/bench.yaml"], stderr=log)
while not os.path.exists(f"{work}/reflashd.sock"):
    if daemon.poll() is not None:
        sys.exit(f"demo: reflashd did not start, see {work}/reflashd.log:\n" + open(f"{work}/reflashd.log").read())
    time.sleep(0.02)

is_terminal = sys.stdout.isatty()
if is_terminal:
    print("\033[2J", end="", flush=True)
live = subprocess.Popen(["reflashctl", "watch"])
feed = subprocess.Popen(["reflashctl", "watch", "--json"], stdout=subprocess.PIPE, text=True)
# Ends the feed, and with it the loop below, if something is never settled.
timer = threading.Timer(DEADLINE_SECONDS, feed.kill)
timer.start()
handled = set()
began = None
try:
    for line in feed.stdout:
        status = json.loads(line)
        if began is None:
            if are_refused(status, len(home)):
                began = time.monotonic()
                approve()
                clerk.take_in(work, sorted(home))
            continue
        for slot in status["slots"]:
            key = (slot["slot"], slot.get("session"))
            if slot.get("session") and slot.get("outcome") and key not in handled and do_next(slot, home):
                handled.add(key)
        if is_settled(status, len(home)):
            break
finally:
    timer.cancel()
    flashing = time.monotonic() - (began or time.monotonic())
    for process in (feed, live):
        process.send_signal(signal.SIGKILL)
        process.wait()

if is_terminal:
    print("\033[2J\033[H", end="")
print()
for note in notes:
    print(note)
print()
subprocess.check_call(["reflashctl", "status"])
print()
counts = dict.fromkeys(OUTCOMES, 0)
wrong = []
for unit in home:
    shown = json.loads(subprocess.check_output(["reflashctl", "unit", "show", unit, "--json"]))
    counts[shown["outcome"]] += 1
    expected = "already-current" if unit in ALREADY_CURRENT else "reflashed"
    # The first found that nobody expected the unit.
    attempts = 3 if unit in (*PULLED_OUT, BAD_BIT) else 2
    if shown["outcome"] != expected or len(shown["sessions"]) != attempts:
        wrong.append(f"{unit}: expected {expected} after {attempts} sessions, found {shown['outcome']} after {len(shown['sessions'])}")
    if unit == BAD_BIT and shown["sessions"][-1]["slot"] != EMPTY_SLOT:
        wrong.append(f"{unit}: expected in {EMPTY_SLOT}, found in {shown['sessions'][-1]['slot']}")

# The proof of the proof: what lies in the simulated flashes is what was to be written.
targets = {}
for line, name in (("90", "4g"), ("92", "2g3g")):
    report = subprocess.check_output(["reflashctl", "image", "inspect", f"{work}/{name}.zigbee", "--json"])
    targets[line] = json.loads(report)["manufacturerImageHash"]
for unit in units():
    if unit["applicationHash"] != targets[unit["chfId"].split("-")[6]]:
        wrong.append(f"{unit['chfId']}: its flash holds {unit['applicationHash']}")

wrong += clerk.give_back(sorted(home))
for note in clerk.notes:
    print(note)
print()
subprocess.call(["reflashctl", "consignment", "show", clerk.CONSIGNMENT])
subprocess.call(["reflashctl", "unit", "show", BAD_BIT])
subprocess.call(["reflashctl", "unit", "show", PULLED_OUT[1]])
subprocess.call(["reflashctl", "release", "show", "demo-release"])
daemon.terminate()
daemon.wait()
print()
for problem in wrong:
    print("demo: WRONG:", problem)
print(f"demo: flashing took {flashing:.0f} s")
print(f"demo: {len(home)} units: " + ", ".join(f"{counts[o]} {o}" for o in OUTCOMES))
print(f"demo: journal {journal}", flush=True)
intact = subprocess.call(["reflashctl", "journal", "verify", journal])
sys.exit(1 if wrong or intact != 0 or daemon.returncode != 0 else 0)
