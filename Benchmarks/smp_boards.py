"""Uploads to real Zephyr and MCUboot servers on emulated boards: reflashd, smpclient and mcumgr-toolkit in one run, over TCP and over a
pty. mcumgr-toolkit opens a tty only, so it has no column for TCP.

    smp_boards.py [RUNS]            3 unless told otherwise; the median is printed"""
import statistics
import sys

import common
from boards import boards
from daemon import Daemon, make_release
from peers import smpclient_seconds, toolkit_seconds

# The boards that the design measured, by their place in the manifest's names.
CHOSEN = "cortex_m0|mps2"


def ours(board, work, pty):
    link = board.start(pty)
    daemon = Daemon(work, [link], board.activation, board.framing, board.recovery_framing)
    try:
        return daemon.sessions(1, 200)["S01"]["rate"]
    finally:
        daemon.stop()
        board.stop()
        common.os.unlink(f"{work}/journal.sqlite")


def theirs(client, board, data, pty):
    link = board.start(pty).replace("tcp://", "socket://")
    try:
        seconds = client(link, data, board.framing)
    finally:
        board.stop()
    return len(data) / 1024 / seconds if seconds else None


def median(measure, runs):
    values = [value for value in (measure() for _ in range(runs)) if value]
    return statistics.median(values) if values else None


def main(runs):
    print(f"{'board':46} {'link':4}    ours  smpclient  mcumgr-toolkit   (KiB/s, median of {runs})")
    for board in [board for board in boards(CHOSEN) if not board.recovery and board.framing == "console"]:
        with common.work_folder() as work:
            image = board.new_image(work)
            data = open(image, "rb").read()
            make_release(image, work)
            for pty in (False, True):
                mine = median(lambda: ours(board, work, pty), runs)
                smpclient = median(lambda: theirs(smpclient_seconds, board, data, pty), runs)
                toolkit = median(lambda: theirs(toolkit_seconds, board, data, pty), runs) if pty else None
                ratios = ", ".join(f"{mine / rate:.2f} × {name}" for name, rate in [("smpclient", smpclient), ("mcumgr-toolkit", toolkit)] if rate)
                print(f"{board.name:46} {'pty' if pty else 'TCP':4} {common.rate(mine)} {common.rate(smpclient)}  {common.rate(toolkit)}   {ratios}", flush=True)
                for name, rate in [("smpclient", smpclient), ("mcumgr-toolkit", toolkit)]:
                    if rate:
                        common.say(f"smp-{board.name.replace(' ', '-')}-{'pty' if pty else 'tcp'}-{name}", mine, rate, "KiB/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
