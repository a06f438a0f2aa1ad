"""What the benchmarks of SMP share: where things are, an image to upload, a dock to upload it to."""
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("REFLASH_BIN", f"{ROOT}/.build/release")
sys.path.insert(0, f"{ROOT}/Tests/Interop")

from boards import VENV  # noqa: E402
from daemon import BIN  # noqa: E402

# Of MCUboot and of GBCS, higher than what the simulated units run.
VERSION, GBCS_VERSION = "0.2.303", "0002012F"

DOCK = """
dock: benchmark
defaults: {{variant: 2G/3G, model: 010A030B, hardwareVersion: "0101", firmware: {{version: 00020100}},
           timing: {{erase: 2 ms, program: 1 ms, reboot: 500 ms}}}}
slots:
{slots}
units:
{units}
"""


def signed_image(work, length):
    """An image of `length` bytes and a header, signed by imgtool; the same bytes each time."""
    with open(f"{work}/payload.bin", "wb") as file:
        file.write(random.Random(1).randbytes(length))
    subprocess.check_call([f"{VENV}/imgtool", "sign", "--version", VERSION, "--header-size", "0x200", "--pad-header", "--align", "4",
                           "--slot-size", "0x200000", f"{work}/payload.bin", f"{work}/new.bin"])
    return f"{work}/new.bin"


def inside_dock(work, serial, script, *arguments):
    """Runs a script of this folder with a unit per entry of `serial` plugged in, as /dev/ttyACM0 and on; returns what it prints."""
    # Eight on a USB hub.
    slots = "\n".join(f"  B{i + 1:02}: 1-{i // 8 + 1}.{i % 8 + 1}" for i in range(len(serial)))
    units = "\n".join(f"  - {{slot: B{i + 1:02}, chfId: 00-DB-12-34-56-78-92-{i + 1:02X}, gpfId: 00-DB-12-34-56-78-A2-{i + 1:02X}, serial: {line}}}"
                      for i, line in enumerate(serial))
    with open(f"{work}/dock.yaml", "w") as file:
        file.write(DOCK.format(slots=slots, units=units))
    return subprocess.check_output([f"{BIN}/hubsim", "run", "--dock", f"{work}/dock.yaml", "--socket", f"{work}/ctl.sock", "--",
                                    sys.executable, os.path.abspath(script), "inside", work, *map(str, arguments)], text=True)


def work_folder():
    return tempfile.TemporaryDirectory(prefix="bench-")


def say(name, ours, peer, unit):
    """One figure, as `figures.py` reads it. `peer`: the other tool's, or the bound where there is none."""
    print(f"bench: {name} ours={ours:.2f} peer={peer:.2f} ratio={ours / peer:.2f} unit={unit}", flush=True)


def rate(value):
    """KiB/s in a column."""
    return f"{value:7.1f}" if value else "      —"
