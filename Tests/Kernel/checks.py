"""What is checked in a guest. Each function says with its name what a technician relies on."""
import json
import re
import subprocess
import time

from bench import SESSIONS_SECONDS, describe
from guest import ROOT

CONFIG = f"{ROOT}/bench-configs/kernel.yaml"
A_SLOTS = [f"A{number:02}" for number in range(1, 9)]
B_SLOTS = [f"B{number:02}" for number in range(1, 9)]
SLOTS = A_SLOTS + B_SLOTS


def variant(slot):
    return "4G" if slot.startswith("A") else "2G/3G"


def ports():
    """Slot → port, as the bench's config has them."""
    text = open(CONFIG).read().split("\nslots:\n")[1]
    return dict(re.findall(r"^  (\w+): (\S+)$", text, re.MULTILINE))


def properties(guest, slot):
    """udev's properties of what is docked in a slot."""
    text = guest.run(f"udevadm info --query=property --name=/dev/reflash/{slot}")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def settle(guest, count, seconds=60):
    """Waits until that many units have their names, and udev is through."""
    guest.run(f"""n=0
        until [ "$(ls /dev/reflash 2>/dev/null | grep -vc by-path)" -ge {count} ]; do
            n=$((n + 1)); [ $n -lt {guest.stretched(seconds) * 10} ] || {{ ls -R /dev/reflash /dev/bus/usb; exit 1; }}
            usleep 100000
        done
        udevadm settle --timeout={guest.stretched(60)}""", timeout=seconds + 120)


def units_are_there(guest, count):
    """By the kernel's word alone."""
    guest.run(f"""until [ "$(grep -l 1209 /sys/bus/usb/devices/*/idVendor | wc -l)" -ge {count} ]; do usleep 100000; done""", timeout=30)


# MARK: udev's rules

def rules_are_understood(guest):
    """One slip in a file of the stage's own shows that udevd would say so."""
    assert "99-control.rules:1 Invalid key" in guest.udev_log(), "udevd does not complain of a line that is wrong"
    said = [line for line in guest.udev_log().splitlines() if "reflash" in line and "rules" in line]
    assert not said, f"udevd says: {said[:3]}"


def names_and_modes(guest, slots):
    for line in guest.run("for f in " + " ".join(f"/dev/reflash/{slot}" for slot in slots)
                          + "; do stat -L -c '%n %F %G %a' $f; done").splitlines():
        name, kind = line.split(" ", 1)
        assert kind == "character special file reflash 660", f"{name}: expected a character device of group reflash, mode 660, found {kind}"


def paths(guest, slots):
    expected = ports()
    for slot in slots:
        found = properties(guest, slot)["ID_PATH"]
        port = found if variant(slot) == "4G" else found.rsplit(":", 1)[0]
        assert port == expected[slot], f"{slot}: expected {expected[slot]}, found {port}"


def survives_bind(guest, slots):
    """The kernel's own `bind` came when the unit was plugged in; here comes another one, without an `add` before."""
    for slot in slots:
        path = properties(guest, slot)["DEVPATH"]
        guest.run(f"udevadm trigger --action=bind --settle /sys{path}", timeout=60)
        found = properties(guest, slot)
        assert ":reflash:" in found.get("CURRENT_TAGS", ""), f"{slot}: tags after bind: {found.get('CURRENT_TAGS')}"
        assert f"/dev/reflash/{slot}" in found.get("DEVLINKS", ""), f"{slot}: names after bind: {found.get('DEVLINKS')}"


def left_in_peace(guest, slots):
    """By ModemManager, by brltty (whose rules ask for a service for every device in this guest) and by power saving."""
    outside = guest.run("udevadm info --query=property /sys/bus/usb/devices/usb1")
    assert "BRLTTY_BRAILLE_DRIVER=bm" in outside, "brltty's rule is not at work"
    for slot in slots:
        found = properties(guest, slot)
        assert found.get("ID_MM_DEVICE_IGNORE") == "1", f"{slot}: ModemManager is not told to keep away"
        device = guest.run(f"""cd -P /sys{found['DEVPATH']}; while [ ! -f idVendor ]; do cd ..; done
            cat power/control; pwd; udevadm info --query=property --path=$PWD""").splitlines()
        assert device[0] == "on", f"{slot}: power/control is {device[0]}"
        usb = dict(line.split("=", 1) for line in device[2:] if "=" in line)
        for key in ("BRLTTY_BRAILLE_DRIVER", "SYSTEMD_WANTS"):
            assert not usb.get(key), f"{slot}: {key} is {usb[key]}"


def closed_to_others(guest, slots):
    for slot in slots:
        said = guest.run(f"su visitor -s /bin/sh -c 'head -c 1 /dev/reflash/{slot}'", check=False)
        assert "Permission denied" in said, f"{slot}: a visitor read it: {said.strip()}"


# MARK: the daemon

def visitor_reflashes_nothing(bench, slots):
    bench.start("visitor", approve=False)
    try:
        ctl = "su visitor -s /bin/sh -c 'reflashctl {}'"
        bench.guest.run(ctl.format("release import /etc/reflash/release.tar"), timeout=60)
        deadline = bench.guest.deadline(60)
        while True:
            status = {s["slot"]: s for s in json.loads(bench.guest.run(ctl.format("status --json"), timeout=60))["slots"]}
            shown = {slot: status[slot] for slot in slots}
            if all("permission" in describe(s).lower() + str(s.get("message", "")).lower() for s in shown.values()):
                break
            assert time.monotonic() < deadline, "; ".join(f"{k}: {describe(s)} {s.get('message') or ''}" for k, s in shown.items())
            time.sleep(0.5)
    finally:
        bench.kill("TERM")
        bench.guest.run("rm -rf /var/lib/reflash /run/reflash")
    for unit in bench.units():
        assert unit["downloadsBegun"] == 0, f"{unit['chfId']} was written"


def all_reflashed(bench, slots, seconds=SESSIONS_SECONDS):
    status = bench.await_outcome(["reflashed"], slots, seconds)
    proofs = {"4G": "flash-readback", "2G/3G": "bootloader-validated"}
    for slot in slots:
        assert status[slot].get("proof") == proofs[variant(slot)], f"{slot}: the proof is {status[slot].get('proof')}"


def flashes_hold_the_release(bench, slots, socket="/tmp/dock.sock", count=None):
    found = 0
    for unit in bench.units(socket):
        if unit.get("slot") in slots:
            expected = bench.hashes[variant(unit["slot"])]
            assert unit["applicationHash"] == expected, f"{unit['slot']}: expected {expected}, found {unit['applicationHash']} in its flash"
            found += 1
    assert found == (count or len(slots)), f"{found} units are in the slots"


def lines_were_set(bench, slots):
    for unit in bench.units():
        if unit.get("slot") in slots:
            line = unit.get("hostLine") or {}
            assert line.get("baud") == 1_000_000, f"{unit['slot']}: the kernel set {line.get('baud')} baud"


def sessions(bench, chf_id):
    """How the unit's sessions ended, the oldest first."""
    return [session.get("verdict", {}).get("outcome") for session in bench.unit(chf_id)["sessions"]]


def last_end(bench, chf_id):
    verdict = bench.unit(chf_id)["sessions"][-1].get("verdict", {})
    return f"{verdict.get('outcome')}: {verdict.get('reason')}"


def history(bench, chf_id, last, before):
    """The unit's sessions end with `last`, and one before that ended with `before`."""
    outcomes = sessions(bench, chf_id)
    assert outcomes[-1] in last and before in outcomes[:-1], f"{chf_id}: its sessions ended {outcomes}"


def sixteen_within_a_second(bench, dock, socket):
    """Measured by the kernel's own clock, from the first to the last of its virtual ports that has a device."""
    bench.guest.run("dmesg -c > /dev/null")
    bench.attach(dock, socket)
    deadline = bench.guest.deadline(30)
    while True:
        said = bench.guest.run("dmesg | grep 'vhci_hcd.*Device attached' || true")
        times = [float(t) for t in re.findall(r"^\[ *([0-9.]+)\]", said, re.MULTILINE)]
        if len(times) >= 16:
            break
        assert time.monotonic() < deadline, f"{len(times)} were attached"
        time.sleep(0.1)
    assert times[15] - times[0] < 1.0, f"it took {times[15] - times[0]:.2f} s"


def pulled_out_and_plugged_elsewhere(bench, dock):
    """A02 is pulled out in the middle of its transfer and plugged in again, A03 and B02 go to another port."""
    moves, chf, socket = dock.MOVES, dock.home, "/tmp/second.sock"
    bench.await_slots(lambda slot: slot.get("state") == "empty", list(moves), "pulled out")
    for slot in moves:
        shown = last_end(bench, chf[slot])
        # Why depends on where it was pulled, and on whether the bench was killed in that very moment.
        assert shown.startswith("unknown: "), f"{chf[slot]}: pulled out in the middle, it is {shown}"
    for slot, to in moves.items():
        bench.hubsim(f"plug {chf[slot]} {to}", socket)
    all_reflashed(bench, list(moves.values()))
    for slot in moves:
        history(bench, chf[slot], ["reflashed", "already-current"], "unknown")


def killed_and_started_again(bench, slots):
    """kill -9 while several transfer; what was in doubt is settled by readback."""
    deadline = bench.guest.deadline(SESSIONS_SECONDS)
    while True:
        writing = [s for s in bench.status().values() if s["slot"] in slots and s.get("step") == "transferring"]
        if len(writing) >= 2:
            break
        assert time.monotonic() < deadline, "no two units were transferring at once"
        time.sleep(0.1)
    bench.kill("KILL")
    bench.start(approve=False)
    bench.await_outcome(["reflashed", "already-current"], slots)
    cut = [s["chfId"] for s in writing if "unknown" in sessions(bench, s["chfId"])]
    assert cut, f"none of {[s['slot'] for s in writing]} has an unknown outcome of before"


# MARK: behind a USB hub; other people's device

def adapter_is_set(guest):
    found = guest.run("cat /sys/bus/usb-serial/devices/ttyUSB0/latency_timer").strip()
    assert found == "1", f"the adapter's latency timer is {found} ms"


def serial_unit_is_reflashed(bench, slot, lent):
    status = bench.await_outcome(["reflashed"], [slot])[slot]
    assert status["proof"] == "bootloader-validated", f"the proof is {status['proof']}"
    unit = lent.units()[0]
    assert unit["applicationHash"] == bench.hashes["2G/3G"], f"its flash holds {unit['applicationHash']}"
    assert status["chfId"] == unit["chfId"], f"the CHF ID is {status['chfId']}"


def usbip_attach(guest, remote, port, busid):
    """As a workstation does. It loses a race with sysfs now and then, so it is tried again."""
    guest.run(f"""n=0
        until usbip --tcp-port {port} attach --remote {remote} --busid {busid}; do
            n=$((n + 1)); [ $n -lt 5 ] || exit 1; usleep 200000
        done""", timeout=60)


def export_serves_usbip(guest, dock):
    """Debian's usbip lists what 'hubsim export' lends, and attaches one of it: the kernel sees a 4G unit like any other."""
    guest.run(f"""hubsim export --dock {dock} --socket /tmp/export.sock --listen 127.0.0.1:3241 >> /tmp/hubsim.log 2>&1 &
        until hubsim ctl list --socket /tmp/export.sock > /dev/null 2>&1; do usleep 100000; done""", timeout=30)
    listed = guest.run("usbip --tcp-port 3241 list --remote 127.0.0.1")
    lent = re.findall(r"^ +([0-9-]+): ", listed, re.MULTILINE)
    assert len(lent) == 16, f"usbip lists {lent}"
    guest.run("dmesg -c > /dev/null")
    usbip_attach(guest, "127.0.0.1", 3241, "2-3")
    deadline = guest.deadline(30)
    while "00DB123456789603" not in guest.run("dmesg"):
        assert time.monotonic() < deadline, "the kernel does not see the unit of port 2-3"
        time.sleep(0.2)


def foreign_device_is_reflashed(bench, port, file):
    """PyPI usbip's DFU class knows no other mode than DFU: no detach, no restart, no version. What is proven is its content, read back
    and hashed, and who it is; its version was not looked at, and the outcome says so."""
    usbip_attach(bench.guest, "10.0.2.2", port, "1-1")
    status = bench.await_outcome(["reflashed"], ["P01"])["P01"]
    assert status["proof"] == "flash-readback", f"the proof is {status['proof']}"
    assert status["chfId"] == "00-DB-12-34-56-78-98-01", f"the CHF ID is {status.get('chfId')}"
    session = bench.unit(status["chfId"])["sessions"][-1]
    assert "installed-version" in json.dumps(session), f"nothing says that its version was not looked at: {session}"
    digest = subprocess.check_output(["sha256sum", file], text=True).split()[0]
    assert digest == bench.hashes["4G"], f"expected {bench.hashes['4G']}, the device got {digest}"
