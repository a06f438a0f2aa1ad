"""What serial units cost the host: CPU time of one reflashd against as many smpmgr processes that reflash the same units, at the same
time, on the same dock; and reflashd's threads.

    smp_cpu.py [UNITS]              16 unless told otherwise"""
import os
import resource
import subprocess
import sys
import threading

from common import GBCS_VERSION, inside_dock, say, signed_image, work_folder
from boards import VENV
from daemon import Daemon, make_release

BAUD = 115_200


def children():
    """CPU seconds of all children that have ended."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


class Threads:
    """The most threads that a process has had."""

    def __init__(self, pid):
        self.most, self.path = 0, f"/proc/{pid}/task"
        self.ended = threading.Event()
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def watch(self):
        while not self.ended.wait(0.2):
            self.most = max(self.most, len(os.listdir(self.path)))

    def stop(self):
        self.ended.set()
        self.watcher.join()
        return self.most


def ours(work, first, count):
    make_release(f"{work}/new.bin", work, GBCS_VERSION)
    before = children()
    daemon = Daemon(work, [f"/dev/ttyACM{first + i}" for i in range(count)], baud=BAUD)
    threads = Threads(daemon.process.pid)
    try:
        verdicts = daemon.sessions(count, 300)
    finally:
        most = threads.stop()
        daemon.stop()
        os.unlink(f"{work}/journal.sqlite")
    if any(verdict["outcome"] != "reflashed" for verdict in verdicts.values()):
        sys.exit(f"ours: {verdicts}")
    return children() - before, most


def theirs(work, first, count):
    before = children()
    clients = [subprocess.Popen([f"{VENV}/smpmgr", "--port", f"/dev/ttyACM{first + i}", "--timeout", "10", "upgrade", f"{work}/new.bin"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(count)]
    failed = sum(client.wait() != 0 for client in clients)
    if failed:
        sys.exit(f"smpmgr failed for {failed} of {count}")
    return children() - before


def inside(work, count):
    """Runs where the units are: one for a look at the threads, `count` for us, `count` for them."""
    _, alone = ours(work, 0, 1)
    mine, threads = ours(work, 1, count)
    other = theirs(work, 1 + count, count)
    print(f"{count} units: reflashd {mine:.2f} s of CPU (the whole session, readback and records too), {count} smpmgr {other:.2f} s "
          f"(upload, mark, reset): 1/{other / mine:.1f}")
    say(f"smp-cpu-{count}", mine, other, "s")
    print(f"threads of reflashd: {alone} with 1 unit, {threads} with {count}")


def main(count):
    with work_folder() as work:
        signed_image(work, 100_000)
        serial = f"{{baud: {BAUD}, bufferSize: 1024, bufferCount: 4}}"
        print(inside_dock(work, [serial] * (1 + 2 * count), __file__, count), end="", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
