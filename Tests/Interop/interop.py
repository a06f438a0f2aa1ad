"""`make test-interop`: our daemon reflashes real Zephyr and MCUboot firmware on emulated boards, beside smpclient.

    interop.py [--ours] [PATTERN]

A line per board (ours, smpclient, KiB/s) and at the end `interop: N boards, N reflashed`. Exit status 0 only if every board was
reflashed. `--ours` leaves smpclient out."""
import shutil
import subprocess
import sys
import tempfile

from boards import boards
from daemon import Daemon, make_release


def ours(board, work, image):
    """The daemon, from the unit that answers to its outcome."""
    make_release(image, work)
    link = board.start()
    daemon = Daemon(work, [link], board.activation, board.framing, board.recovery_framing)
    try:
        return daemon.sessions(1, 150)["S01"]
    finally:
        daemon.stop()
        board.stop()


def theirs(board, image):
    """smpclient's KiB/s over the same kind of link."""
    from peers import smpclient_seconds
    data = open(image, "rb").read()
    link = board.start()
    try:
        seconds = smpclient_seconds(link.replace("tcp://", "socket://"), data, board.recovery_framing if board.recovery else board.framing)
    finally:
        board.stop()
    return len(data) / 1024 / seconds if seconds else None


def main():
    arguments = [a for a in sys.argv[1:] if a != "--ours"]
    chosen = boards(arguments[0] if arguments else "")
    reflashed = 0
    for board in chosen:
        work = tempfile.mkdtemp(prefix="interop-")
        try:
            image = board.new_image(work)
            verdict = ours(board, work, image)
            is_good = verdict["outcome"] == "reflashed" and verdict["proof"] == "bootloader-validated"
            reflashed += is_good
            rate = theirs(board, image) if "--ours" not in sys.argv else None
            print(f"{board.name:50} {verdict['outcome']:12} ours {verdict['rate'] or 0:5.1f} KiB/s"
                  + (f"  smpclient {rate:5.1f} KiB/s  ratio {verdict['rate'] / rate:4.1f}" if rate and verdict["rate"] else "")
                  + ("" if is_good else f"  {verdict.get('reason')}: {verdict.get('detail')}"), flush=True)
        except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
            print(f"{board.name:50} {problem}", flush=True)
        finally:
            board.stop()
            shutil.rmtree(work, ignore_errors=True)
    for board in boards(arguments[0] if arguments else "", mcuboot=False):
        print(f"{board.name:50} not counted: it has no bootloader, so nothing can be activated", flush=True)
    print(f"interop: {len(chosen)} boards, {reflashed} reflashed")
    return 0 if chosen and reflashed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
