"""Real SMP servers to test against: the Zephyr and MCUboot firmware in the source package of PyPI's smpclient, run by
qemu-system-arm. Downloaded when it is needed; nothing of it is kept in this project."""
import hashlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = f"{ROOT}/.interop"
PACKAGE = "smpclient-7.3.0"
VENV = f"{ROOT}/.venv/bin"
# MCUboot's 1.2.3 and the GBCS version that stands for it.
VERSION, GBCS_VERSION = "1.2.3", "01020003"


def fixtures():
    """The folder of prebuilt firmware, fetched once."""
    folder = f"{CACHE}/{PACKAGE}/tests/fixtures/smp-server"
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        name, version = PACKAGE.split("-")
        subprocess.check_call([f"{VENV}/pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:",
                               "--dest", CACHE, f"{name}=={version}"])
        partial = f"{CACHE}/partial-{os.getpid()}"
        with tarfile.open(f"{CACHE}/{PACKAGE}.tar.gz") as archive:
            archive.extractall(partial, filter="data")
        try:
            os.rename(f"{partial}/{PACKAGE}", f"{CACHE}/{PACKAGE}")
        except OSError:
            pass  # another process was faster
        shutil.rmtree(partial, ignore_errors=True)
    for line in open(f"{folder}/SHA256SUMS"):
        digest, name = line.split()
        path = f"{folder}/{name.lstrip('*')}"
        if name.endswith((".hex", ".bin")) and os.path.exists(path) and hashlib.sha256(open(path, "rb").read()).hexdigest() != digest:
            sys.exit(f"interop: {path} is not what its package says")
    return folder


def one_core():
    """Keeps a board's threads together. QEMU hands each byte of a UART from one thread to another: on two cores that takes up to
    three times as long, and where the threads are is chance."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Board:
    """One emulated board with its firmware running, or with MCUboot's serial recovery alone."""

    def __init__(self, entry, recovery, folder):
        self.entry, self.recovery, self.folder = entry, recovery, folder
        self.name = entry["target"] + "/" + entry["config"] + (" (recovery)" if recovery else "")
        self.framing = "console"
        self.recovery_framing = "console"
        if entry["transport"] == "serial_raw":
            self.framing = "raw"
            self.recovery_framing = "cobs" if "cobs" in entry["config"] else "raw"
        # MCUboot loads these images into RAM and starts the highest version; the other board swaps its slots.
        self.activation = "swap" if entry["target"] == "qemu_cortex_m0" else "highest-version"
        self.qemu = None

    @property
    def signed(self):
        return self.folder + "/" + re.sub(r"\.(merged\.)?hex$", ".signed.bin", self.entry["artifact"])

    def start(self, pty=False):
        """Powers the board; returns where its UART is: tcp://…, or the node of a pty."""
        command = self.entry["qemu_cmd"]
        # Without an application MCUboot waits in its serial recovery.
        if self.recovery:
            command = command.rsplit(" -device loader", 1)[0]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if pty:
            command = re.sub(r"-chardev socket,\S+", "-chardev pty,id=con", command)
        self.qemu = subprocess.Popen(command.replace("<PORT>", str(port)).split(), cwd=self.folder, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=one_core)
        if pty:
            node = re.search(r"(/dev/pts/\d+)", self.qemu.stdout.readline()).group(1)
            time.sleep(2)
            return node
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return f"tcp://127.0.0.1:{port}"
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self):
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu = None

    def new_image(self, work):
        """The fixture's own payload, signed anew with a higher version, for the same place."""
        image = open(self.signed, "rb").read()
        _, load, header, _, size, _ = struct.unpack("<IIHHII", image[:20])
        with open(f"{work}/payload.bin", "wb") as file:
            file.write(image[header:header + size])
        command = [f"{VENV}/imgtool", "sign", "--version", VERSION, "--header-size", hex(header), "--pad-header", "--align", "4",
                   "--slot-size", "0x80000"] + (["--load-addr", hex(load)] if load else [])
        subprocess.check_call(command + [f"{work}/payload.bin", f"{work}/new.bin"])
        return f"{work}/new.bin"


def boards(pattern="", mcuboot=True):
    """Every board whose firmware has the image group, in both of its modes where it has two; or, for a report of them, those that
    have no bootloader and so nothing that could be activated."""
    folder = fixtures()
    found = []
    for entry in json.load(open(f"{folder}/manifest.json")):
        if entry["mcuboot"] != mcuboot or not entry["qemu_cmd"] or not os.path.exists(f"{folder}/{entry['artifact']}"):
            continue
        found.append(Board(entry, False, folder))
        if mcuboot and entry["serial_recovery"]:
            found.append(Board(entry, True, folder))
    return [board for board in found if re.search(pattern, board.name)]
