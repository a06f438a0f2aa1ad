"""How much of a serial line an upload uses: a simulated unit whose line carries its baud rate and no more, uploaded to by reflashd,
smpclient and mcumgr-toolkit one after the other, each to a unit of its own.

    smp_line.py [BAUD …]            115200 and 1000000 unless told otherwise"""
import itertools
import sys

from common import GBCS_VERSION, inside_dock, rate, say, signed_image, work_folder
from daemon import Daemon, make_release
from peers import smpclient_seconds, toolkit_seconds

BUFFER, COUNTS, LINE = 1024, (2, 4), 127


def limit(baud, total, buffer=BUFFER, line=LINE):
    """KiB/s of image that a line can carry, if it is never idle: 10 bits a byte; chunks as long as the server's buffer allows.

    The buffer holds a decoded packet: length (2), header (8), CBOR, CRC (2). The CBOR of a chunk is a map of two: "off" and its
    number, "data" and its bytes. Base64 makes 4 of 3, in lines of a prefix (2), whole groups of 4 and a newline."""
    head = lambda n: 1 if n < 24 else 2 if n < 256 else 3 if n < 65536 else 5
    wire = 0
    offset = 0
    while offset < total:
        fixed = 1 + 4 + head(offset) + 5
        data = buffer - 2 - 8 - 2 - fixed
        data -= head(data)
        data = min(data, total - offset)
        packet = 2 + 8 + fixed + head(data) + data + 2
        text = (packet + 2) // 3 * 4
        wire += text + -(-text // ((line - 3) // 4 * 4)) * 3
        offset += data
    return total / 1024 / (wire * 10 / baud)


def inside(work, baud, count):
    """Runs where the units are."""
    image = f"{work}/new.bin"
    data = open(image, "rb").read()
    make_release(image, work, GBCS_VERSION)
    daemon = Daemon(work, ["/dev/ttyACM0"], baud=baud)
    try:
        verdict = daemon.sessions(1, 300)["S01"]
    finally:
        daemon.stop()
    if verdict["outcome"] != "reflashed":
        sys.exit(f"ours: {verdict}")
    kib = len(data) / 1024
    theirs = smpclient_seconds("/dev/ttyACM1", data, baud=baud)
    toolkit = toolkit_seconds("/dev/ttyACM2", data, baud=baud)
    most = limit(baud, len(data))
    print(f"{baud:9} {count:7} {rate(most)} {rate(verdict['rate'])}  {verdict['rate'] / most:8.1%}  {rate(theirs and kib / theirs):>9}  "
          f"{rate(toolkit and kib / toolkit):>14}", flush=True)
    say(f"smp-line-{baud}-{count}-limit", verdict["rate"], most, "KiB/s")
    for name, seconds in [("smpclient", theirs), ("mcumgr-toolkit", toolkit)]:
        if seconds:
            say(f"smp-line-{baud}-{count}-{name}", verdict["rate"], kib / seconds, "KiB/s")


def main(bauds):
    print(f"     baud buffers   limit    ours  of limit  smpclient  mcumgr-toolkit     (KiB/s; buffers of {BUFFER} bytes)", flush=True)
    for baud, count in itertools.product(bauds, COUNTS):
        with work_folder() as work:
            # Some seconds of line, at any speed.
            signed_image(work, min(1 << 20, baud))
            serial = f"{{baud: {baud}, bufferSize: {BUFFER}, bufferCount: {count}}}"
            print(inside_dock(work, [serial] * 3, __file__, baud, count), end="", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main([int(baud) for baud in sys.argv[1:]] or [115_200, 1_000_000])
