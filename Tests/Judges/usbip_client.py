"""PyPI's usbip as the client of `hubsim export`: lists the units, borrows one again and again, begins a DFU download in it, and asks another
for an SMP echo over its CDC-ACM endpoints.

    usbip_client.py PORT DFU-BUSID SMP-BUSID"""
import sys

import usbip
from smp import packet
from smp.os_management import EchoWriteRequest, EchoWriteResponse
from usbip import protocol
from usbip.host import list_devices
from usbip.transport import USBIP

BLOCK = bytes(range(256)) * 16
DNLOAD, GETSTATUS, DNLOAD_IDLE = 1, 3, 5
SET_LINE_CODING, SET_CONTROL_LINE_STATE = 0x20, 0x22


def download(transport, busid):
    with usbip.open(busid=busid, transport=transport) as unit:
        sent = unit.control(0x21, DNLOAD, 0, 0, BLOCK)
        for _ in range(10_000):
            status = unit.control(0xA1, GETSTATUS, 0, 0, 6)
            if status[4] == DNLOAD_IDLE:
                return sent
        raise SystemExit(f"the block was not programmed: {status.hex()}")


def borrow(transport, busid):
    """A client that leaves as soon as it has the unit gives it back, each time: the next has it at once."""
    for _ in range(200):
        connection = transport.connect()
        try:
            protocol.client_import(connection, busid.encode())
        finally:
            connection.close()


def echo(transport, busid):
    with usbip.open(busid=busid, transport=transport) as unit:
        unit.control(0x21, SET_LINE_CODING, 0, 0, (1_000_000).to_bytes(4, "little") + bytes([0, 0, 8]))
        unit.control(0x21, SET_CONTROL_LINE_STATE, 3, 0, b"")
        for part in packet.encode(EchoWriteRequest(d="hello").BYTES, line_length=128):
            unit.bulk_out(0x01, part)
        decoder = packet.decode()
        next(decoder)
        received = b""
        while True:
            received += unit.bulk_in(0x81, 512)
            *lines, received = received.split(b"\n")
            for line in lines:
                if b"\x06\x09" in line or b"\x04\x14" in line:
                    try:
                        decoder.send(line + b"\n")
                    except StopIteration as done:
                        return EchoWriteResponse.loads(done.value).r


def main(port, dfu, smp):
    transport = USBIP("127.0.0.1", port)
    for device in list_devices(transport):
        print(device["busid"], f"{device['idVendor']:04x}:{device['idProduct']:04x}", device["interfaces"])
    borrow(transport, dfu)
    print("borrowed and given back")
    print("downloaded", download(transport, dfu))
    print("echo", echo(transport, smp))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
