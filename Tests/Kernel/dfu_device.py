"""A DFU device that others wrote: the device class of PyPI's usbip, with memory behind it, lent over TCP until this is ended.

    dfu_device.py PORT FILE        FILE gets what was downloaded, when the download is complete"""
import sys
import threading

import usbip
from usbip.classes.device.dfu import DFU
from usbip.transport import USBIP

CHF_ID = "00DB123456789801"
SIZE = 1 << 20


class Memory:
    """One target of the DFU class: bytes, and a file that shows them."""
    name = "application"

    def __init__(self, path):
        self.path, self.content = path, bytearray()

    @property
    def length(self):
        return len(self.content)

    def begin_download(self):
        self.content = bytearray()

    def write(self, offset, data):
        if offset + len(data) > SIZE:
            raise IndexError
        self.content[offset:offset + len(data)] = data

    def read(self, offset, size):
        return bytes(self.content[offset:offset + size])

    def finish_download(self):
        with open(self.path, "wb") as file:
            file.write(self.content)


def main(port, path):
    device = usbip.USBDevice(vid=0x1209, pid=0x0001, manufacturer="usbip", product="DFU device", serial=CHF_ID)
    # Model and hardware version, at indices 4 and 5, where the profile looks for them.
    for text in ("010A030B", "0101"):
        device.add_string(text)
    device.add(DFU([Memory(path)], transfer_size=2048, winusb=False))
    with device.plug(via=USBIP("127.0.0.1", port)):
        print("lent", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
