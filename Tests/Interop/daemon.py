"""Our daemon on one line, and what its journal says."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time

from boards import GBCS_VERSION, ROOT

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
releases:
  store: releases
  trust: {{roots: trust/roots, imageKeys: trust/keys}}
  statements: by-role
  checksOff: [central-products-list]
slots:
{slots}
"""


DESCRIPTION = """
release: interop
notAfter: 2099-01-01T00:00:00Z
variants:
  2G/3G: {{version: {version}, manufacturer: AB01, model: 010A030B, hardware: 0000-FFFF, securityCounter: 1,
          components: {{application: {{image: release.zigbee}}}}}}
"""


def make_release(image, work, version=GBCS_VERSION):
    """Makes a signed release, `release.tar`, of an MCUboot image, and what a bench needs to trust it."""
    subprocess.check_call(["bash", f"{ROOT}/packaging/trial-authority.sh", work], stderr=subprocess.DEVNULL)
    with open(f"{work}/release.yaml", "w") as file:
        file.write(DESCRIPTION.format(version=version))
    for arguments in (
            ["image", "wrap", image, "release.zigbee", "--manufacturer-code", "AB01", "--image-type", "0001", "--file-version", version,
             "--hardware", "0000-FFFF", "--header-string", "interop", "--key", "manufacturer.pem"],
            ["release", "make", "release.yaml", "release.tar"],
            ["release", "sign", "release.tar", "--key", "releaser.pem", "--certificate", "releaser.crt"]):
        subprocess.check_call([f"{BIN}/reflashctl", *arguments], cwd=work, stdout=subprocess.DEVNULL)


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Daemon:
    """reflashd with the release of `make_release` approved. It is asked over the API, not with reflashctl: a process for each request
    would take its share of the two cores from the boards."""

    def __init__(self, work, links, activation="swap", framing="console", recovery=None, baud=115200):
        self.work = work
        slots = "\n".join(f"  S{index + 1:02}: {{link: '{link}', profile: board}}" for index, link in enumerate(links))
        with open(f"{work}/bench.yaml", "w") as file:
            file.write(CONFIG.format(activation=activation, framing=framing, recovery=recovery or framing, baud=baud,
                                     slots=slots))
        self.log = open(f"{work}/reflashd.log", "w")
        self.process = subprocess.Popen([f"{BIN}/reflashd", "--config", f"{work}/bench.yaml", "--log-level", "debug"], stderr=self.log)
        try:
            self.ask("POST", "/v1/releases", open(f"{work}/release.tar", "rb").read(), wait=20)
            self.ask("POST", "/v1/releases/interop/approve", json.dumps({"variant": "2G/3G"}).encode())
        except BaseException:
            self.stop()
            raise

    def ask(self, method, path, body=None, wait=0):
        """One request to the API; until `wait` seconds have passed the daemon may still be starting."""
        deadline = time.monotonic() + wait
        while True:
            try:
                connection = LocalConnection(f"{self.work}/d.sock")
                connection.request(method, path, body)
                answer = connection.getresponse()
                content = answer.read()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.02)
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content.decode()}")
        return json.loads(content)

    def sessions(self, count, seconds):
        """Waits until so many sessions have ended; returns what the journal holds of them by slot."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("reflashd ended: " + open(f"{self.work}/reflashd.log").read()[-2000:])
            events = self.events()
            # Units that were there before the approval were refused for want of it.
            ended = {event["slot"]: event for event in events
                     if event["kind"] == "outcome" and json.loads(event["payload"]).get("reason") != "no-approved-release"}
            if len(ended) >= count:
                return {slot: self.summary(slot, event, events) for slot, event in ended.items()}
            time.sleep(0.5)
        raise RuntimeError(f"no outcome within {seconds} s: " + json.dumps(self.events()[-3:]))

    def events(self):
        """Every event."""
        try:
            return self.ask("GET", "/v1/journal/events?after=0&limit=1000")
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
