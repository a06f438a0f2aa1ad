"""Uploads of the same image by the clients that others wrote: smpclient (stop-and-wait, Python) and mcumgr-toolkit (Rust)."""
import asyncio
import time

import mcumgr_toolkit
from serial import serial_for_url
from smpclient import SMPClient
from smp.exceptions import SMPException
from smpclient.exceptions import SMPClientException
from smpclient.requests.image_management import ImageStatesRead
from smpclient.transport.serial import Cobs, SMPSerialRawTransport, SMPSerialTransport


def smpclient_seconds(node, image, framing="console", baud=115200):
    """Seconds that smpclient takes, as its users run it; None where it fails."""
    async def upload():
        if framing == "console":
            transport = SMPSerialTransport(baudrate=baud)
        else:
            transport = SMPSerialRawTransport(framing=Cobs() if framing == "cobs" else None, baudrate=baud)
        client = SMPClient(transport, node)
        if node.startswith("socket://"):
            # As smpclient's own tests reach an emulated UART: its transport, with pyserial's socket below it.
            connection = serial_for_url(node, timeout=0, write_timeout=0)
            object.__setattr__(connection, "out_waiting", 0)
            object.__setattr__(transport, "_conn", connection)
            await answering(client)
        else:
            await client.connect()
        await client._initialize()
        began = time.monotonic()
        async for _ in client.upload(image, first_timeout_s=40, subsequent_timeout_s=15):
            pass
        seconds = time.monotonic() - began
        await client.disconnect()
        return seconds
    return attempt("smpclient", lambda: asyncio.run(upload()))


async def answering(client):
    """Waits until the board has started."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            return await client.request(ImageStatesRead(), timeout_s=1)
        except (TimeoutError, SMPClientException, SMPException):
            await asyncio.sleep(0.2)


def toolkit_seconds(node, image, framing="console", baud=115200):
    """Seconds that mcumgr-toolkit takes; None where it has no such framing, or fails."""
    def upload():
        make = {"console": mcumgr_toolkit.MCUmgrClient.serial, "raw": mcumgr_toolkit.MCUmgrClient.raw_serial}[framing]
        client = make(node, baud_rate=baud, timeout_ms=15000)
        client.use_auto_frame_size()
        began = time.monotonic()
        client.image_upload(image)
        return time.monotonic() - began
    return None if framing == "cobs" else attempt("mcumgr-toolkit", upload)


def attempt(name, body):
    try:
        return body()
    except Exception as error:  # a peer's failure is a result of the measurement
        print(f"  {name} failed: {type(error).__name__}: {error}", flush=True)
        return None
