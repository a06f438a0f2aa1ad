"""Our daemon on one line, and what its journal says."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time

from boards import GBCS_VERSION, ROOT, VENV

BIN = os.environ.get("REFLASH_BIN", f"{ROOT}/.build/debug")

CONFIG = """
bench: interop
journal: journal.sqlite
socket: d.sock
profiles:
  board:
    variant: 2G/3G
    protocol: smp
    activation: {activation}
    line: {{framing: {framing}, recoveryFraming: {recovery}, baud: {baud}}}
    components: {{application: {{image: 0}}}}
    bounds: {{request: 5 s, comeBack: 40 s}}
targets:
  - variant: 2G/3G
    image: release.zigbee
    version: {version}
    manufacturerImageHash: {hash}
slots:
{slots}
"""


def wrap(image, work, version=GBCS_VERSION):
    """Makes a GBCS OTA image of an MCUboot image; returns its Manufacturer Image Hash."""
    key = f"{work}/key.pem"
    if not os.path.exists(key):
        subprocess.check_call([f"{VENV}/imgtool", "keygen", "--key", key, "--type", "ecdsa-p256"])
    subprocess.check_call([f"{BIN}/reflashctl", "image", "wrap", image, f"{work}/release.zigbee", "--manufacturer-code", "AB01",
                           "--image-type", "0001", "--file-version", version, "--hardware", "0000-FFFF", "--header-string", "interop", "--key", key],
                          stdout=subprocess.DEVNULL)
    report = subprocess.check_output([f"{BIN}/reflashctl", "image", "inspect", f"{work}/release.zigbee", "--json"])
    return find(json.loads(report), "manufacturerImageHash")


def find(value, key):
    """The first value under `key`, however deep."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = value.values()
    elif not isinstance(value, list):
        return None
    for item in value:
        if (found := find(item, key)) is not None:
            return found
    return None


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Daemon:
    def __init__(self, work, hash, links, activation="swap", framing="console", recovery=None, baud=115200, version=GBCS_VERSION):
        self.work = work
        slots = "\n".join(f"  S{index + 1:02}: {{link: '{link}', profile: board}}" for index, link in enumerate(links))
        with open(f"{work}/bench.yaml", "w") as file:
            file.write(CONFIG.format(activation=activation, framing=framing, recovery=recovery or framing, baud=baud, hash=hash,
                                     slots=slots, version=version))
        self.log = open(f"{work}/reflashd.log", "w")
        self.process = subprocess.Popen([f"{BIN}/reflashd", "--config", f"{work}/bench.yaml", "--log-level", "debug"], stderr=self.log)

    def sessions(self, count, seconds):
        """Waits until so many sessions have ended; returns what the journal holds of them by slot."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("reflashd ended: " + open(f"{self.work}/reflashd.log").read()[-2000:])
            events = self.events()
            ended = {event["slot"]: event for event in events if event["kind"] == "outcome"}
            if len(ended) >= count:
                return {slot: self.summary(slot, event, events) for slot, event in ended.items()}
            time.sleep(0.5)
        raise RuntimeError(f"no outcome within {seconds} s: " + json.dumps(self.events()[-3:]))

    def events(self):
        """Every event, over the API: a process for each look would take its share of the two cores from the boards."""
        try:
            connection = LocalConnection(f"{self.work}/d.sock")
            connection.request("GET", "/v1/journal/events?after=0&limit=1000")
            return json.loads(connection.getresponse().read())
        except OSError:
            return []

    @staticmethod
    def summary(slot, outcome, events):
        verdict = json.loads(outcome["payload"])
        mine = [e for e in events if e.get("slot") == slot]
        times = {e["kind"]: e["monotonicNanoseconds"] for e in mine}
        verdict["rate"] = None
        if "transfer-finished" in times:
            length = json.loads([e for e in mine if e["kind"] == "transfer-finished"][-1]["payload"])["lengthBytes"]
            start = [e for e in mine if e["kind"] == "transfer-started"][0]["monotonicNanoseconds"]
            verdict["seconds"] = (times["transfer-finished"] - start) / 1e9
            verdict["rate"] = length / 1024 / verdict["seconds"]
        return verdict

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
