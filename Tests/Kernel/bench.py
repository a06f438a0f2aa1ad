"""What the bench in the guest works with: a signed release, its config, and the daemon as an ordinary user."""
import hashlib
import json

import os
import random
import shlex
import subprocess
import time

from guest import BIN, ROOT, StageError

VENV = f"{ROOT}/.venv/bin"
VERSION, GBCS_VERSION = "0.2.303", "0002012F"
MODEL, HARDWARE = "010A030B", "0101"
# Variant: image type, name, and bytes of the payload: enough that something can happen in the middle.
IMAGES = {"4G": ("0001", "4g", 128_000), "2G/3G": ("0002", "2g3g", 80_000)}
RELEASE = "kernel-release"
# A session of one unit takes seconds; under emulation, with fifteen others, up to a minute, and more where the kernel finds a port empty: it
# looks again after seven seconds, one port after the other. On a machine that boots the guest as usual.
SESSIONS_SECONDS = 240


def make_release(folder):
    """Makes `release.tar` and `trust/` in `folder`; returns each variant's SHA-256 of what a unit's flash holds in the end."""
    subprocess.check_call(["bash", f"{ROOT}/packaging/trial-authority.sh", folder], stderr=subprocess.DEVNULL)
    ctl = f"{BIN}/reflashctl"
    hashes = {}
    description = f"release: {RELEASE}\nnotAfter: 2099-01-01T00:00:00Z\nvariants:\n"
    for variant, (kind, name, size) in IMAGES.items():
        with open(f"{folder}/{name}.payload", "wb") as file:
            file.write(random.Random(name).randbytes(size))
        run([f"{VENV}/imgtool", "sign", "--version", VERSION, "--header-size", "0x20", "--pad-header", "--align", "4", "--slot-size",
             "0x200000", f"{name}.payload", f"{name}.bin"], folder)
        run([ctl, "image", "wrap", f"{name}.bin", f"{name}.zigbee", "--manufacturer-code", "AB01", "--image-type", kind, "--file-version",
             GBCS_VERSION, "--hardware", "0100-01FF", "--header-string", f"Kernel {name}", "--key", "manufacturer.pem"], folder)
        with open(f"{folder}/{name}.bin", "rb") as file:
            hashes[variant] = hashlib.sha256(file.read()).hexdigest()
        description += (f"  {variant}: {{version: {GBCS_VERSION}, manufacturer: AB01, model: {MODEL}, hardware: 0100-01FF, securityCounter: 1,"
                        f" components: {{application: {{image: {name}.zigbee}}}}}}\n")
    with open(f"{folder}/release.yaml", "w") as file:
        file.write(description)
    run([ctl, "release", "make", "release.yaml", "release.tar"], folder)
    run([ctl, "release", "sign", "release.tar", "--key", "releaser.pem", "--certificate", "releaser.crt"], folder)
    return hashes


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise StageError(f"{' '.join(map(os.path.basename, command[:3]))}: {done.stderr.strip() or done.stdout.strip()}")


class Bench:
    """The daemon in a guest, and the hands at its dock."""

    def __init__(self, guest, hashes):
        self.guest, self.hashes = guest, hashes

    def start(self, user="technician", approve=True):
        """Starts the daemon as an ordinary user."""
        self.guest.run(f"""
            mkdir -p /run/reflash /var/lib/reflash
            chown {user} /run/reflash /var/lib/reflash
            su {user} -s /bin/sh -c 'exec reflashd --config /etc/reflash/bench.yaml --log-level debug >> /tmp/reflashd-{user}.log 2>&1' &
            until [ -S /run/reflash/reflashd.sock ] && su {user} -s /bin/sh -c 'reflashctl status > /dev/null 2>&1'; do
                kill -0 $! || {{ cat /tmp/reflashd-{user}.log; exit 1; }}
                usleep 100000
            done""", timeout=90)
        if approve:
            self.ctl("release import /etc/reflash/release.tar")
            for variant in IMAGES:
                self.ctl(f"release approve {RELEASE} --variant {variant}")

    def ctl(self, arguments):
        """reflashctl, as the user that the daemon runs as: without roles in the config nobody else may decide."""
        return self.guest.run(f"su technician -s /bin/sh -c {shlex.quote('reflashctl ' + arguments)}", timeout=90)

    def hubsim(self, arguments, socket="/tmp/dock.sock"):
        return self.guest.run(f"hubsim ctl {arguments} --socket {socket}", timeout=60)

    def kill(self, signal="KILL"):
        self.guest.run(f"killall -{signal} reflashd; while pidof reflashd > /dev/null; do usleep 50000; done", timeout=90)

    def attach(self, dock="/etc/reflash/dock.yaml", socket="/tmp/dock.sock"):
        """Plugs the dock into the guest's kernel."""
        self.guest.run(f"hubsim attach --dock {dock} --socket {socket} >> /tmp/hubsim.log 2>&1 &\n"
                       f"until [ -S {socket} ]; do usleep 50000; done", timeout=60)

    def units(self, socket="/tmp/dock.sock"):
        return json.loads(self.hubsim("list --json", socket))

    def status(self):
        return {slot["slot"]: slot for slot in json.loads(self.ctl("status --json"))["slots"]}

    def await_slots(self, accept, slots, what, seconds=SESSIONS_SECONDS, is_over=lambda slot: False):
        """Waits until every one of the slots is as `accept` wants it, or never will be; returns the last status."""
        deadline = self.guest.deadline(seconds)
        while True:
            status = self.status()
            missing = [slot for slot in slots if not accept(status.get(slot, {}))]
            if not missing:
                return status
            if time.monotonic() > deadline or all(is_over(status.get(slot, {})) for slot in missing):
                shown = ", ".join(f"{slot}: {describe(status.get(slot, {}))}{self.before(status.get(slot, {}))}" for slot in missing)
                raise AssertionError(f"within {self.guest.stretched(seconds)} s not {what}: {shown}")
            time.sleep(0.5)

    def before(self, slot):
        """How the earlier sessions of a slot's unit ended, and all events of it: they say what the last one can't."""
        chf_id = (slot.get("unit") or {}).get("chfId") if isinstance(slot.get("unit"), dict) else slot.get("chfId")
        sessions = self.unit(chf_id)["sessions"][:-1] if chf_id else []
        ends = [session.get("verdict") or {} for session in sessions]
        told = "".join(f"; before {end.get('outcome')} {end.get('reason', '')} {end.get('detail', '')}" for end in ends)
        return told + ("\n" + self.ctl(f"journal events --unit {chf_id}") if chf_id else "")

    def await_outcome(self, outcomes, slots, seconds=SESSIONS_SECONDS):
        """Waits until the unit in each slot has ended with one of the outcomes. After a failed session the bench waits for hands."""
        def end(slot):
            return slot.get("outcome") if slot.get("state") == "docked" else None
        return self.await_slots(lambda slot: end(slot) in outcomes, slots, " or ".join(outcomes), seconds,
                                is_over=lambda slot: end(slot) == "failed")

    def unit(self, chf_id):
        return json.loads(self.ctl(f"unit show {chf_id} --json"))


def describe(slot):
    return " ".join(str(slot[key]) for key in ("state", "step", "outcome", "reason", "detail") if slot.get(key)) or "not there"
