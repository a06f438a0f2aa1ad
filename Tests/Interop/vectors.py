"""Bytes made by others for our codecs to agree with, one JSON object a line: SMP messages by PyPI's smp, frames by its packet
module and by smpclient's COBS, CBOR by cbor2. The seed is the first argument."""
import json
import random
import sys

import cbor2
from smp import error, header, image_management as img, os_management as osm, packet
from smpclient.transport.serial import Cobs

rng = random.Random(int(sys.argv[1]))


def text(limit=20):
    return "".join(rng.choice("abcXYZ 0189-_é€😀") for _ in range(rng.randint(0, limit)))


def data(limit=400):
    return rng.randbytes(rng.choice([0, 1, 23, 24, 255, 256, rng.randint(0, limit)]))


def maybe(value):
    return value if rng.random() < 0.6 else None


def number():
    return rng.choice([0, 1, 23, 24, 255, 256, 65535, 65536, rng.getrandbits(31)])


def flag():
    return rng.random() < 0.5


def state():
    return img.ImageState(slot=rng.randint(0, 1), version=f"{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(0, 65535)}",
                          image=maybe(rng.randint(0, 1)), hash=maybe(rng.randbytes(32)), bootable=maybe(flag()), pending=maybe(flag()),
                          confirmed=maybe(flag()), active=maybe(flag()), permanent=maybe(flag()))


def upload():
    first = dict(image=rng.randint(0, 3), len=number(), sha=rng.randbytes(32), upgrade=flag()) if rng.random() < 0.3 else {}
    return dict(off=0 if first else number(), data=data(), **first)


MAKERS = {
    "echo": (osm.EchoWriteRequest, lambda: dict(d=text(200))),
    "echo response": (osm.EchoWriteResponse, lambda: dict(r=text(200))),
    "reset": (osm.ResetWriteRequest, lambda: dict(force=maybe(1), boot_mode=maybe(rng.randint(0, 255)))),
    "reset response": (osm.ResetWriteResponse, dict),
    "parameters": (osm.MCUMgrParametersReadRequest, dict),
    "parameters response": (osm.MCUMgrParametersReadResponse, lambda: dict(buf_size=number() + 1, buf_count=rng.randint(1, 40))),
    "info": (osm.OSApplicationInfoReadRequest, lambda: dict(format=maybe(rng.choice("snrvbmpioa")))),
    "info response": (osm.OSApplicationInfoReadResponse, lambda: dict(output=text(100))),
    "bootloader info": (osm.BootloaderInformationReadRequest, lambda: dict(query=maybe("mode"))),
    "bootloader info response": (osm.BootloaderInformationReadResponse, lambda: dict(bootloader=text())),
    "state read": (img.ImageStatesReadRequest, dict),
    "state response": (img.ImageStatesReadResponse, lambda: dict(images=[state() for _ in range(rng.randint(0, 4))],
                                                                 splitStatus=maybe(rng.randint(0, 3)))),
    "state write": (img.ImageStatesWriteRequest, lambda: dict(hash=maybe(rng.randbytes(32)), confirm=flag())),
    "state write response": (img.ImageStatesWriteResponse, lambda: dict(images=[state()])),
    "upload": (img.ImageUploadWriteRequest, upload),
    "upload response": (img.ImageUploadWriteResponse, lambda: dict(off=number(), match=maybe(flag()))),
    "erase": (img.ImageEraseRequest, lambda: dict(slot=maybe(rng.randint(0, 3)))),
    "erase response": (img.ImageEraseResponse, dict),
    "error v1": (img.ImageManagementErrorV1, lambda: dict(rc=rng.randint(1, 11))),
    "error v2": (img.ImageManagementErrorV2, lambda: dict(err=error.Err[img.IMG_MGMT_ERR](group=1, rc=rng.randint(1, 30)))),
    "os error v2": (osm.OSManagementErrorV2, lambda: dict(err=error.Err[osm.OS_MGMT_RET_RC](group=0, rc=rng.randint(1, 5)))),
}


def message(kind):
    make, fields = MAKERS[kind]
    given = {key: value for key, value in fields().items() if value is not None}
    if "error" in kind:
        # That library's errors are of a group, and of no command of their own.
        body = cbor2.dumps(plain(given), canonical=True)
        return bytes(header.Header(op=header.OP.WRITE_RSP, version=header.Version(1 if "v2" in kind else 0), flags=header.Flag(0),
                                   length=len(body), group_id=make._GROUP_ID, sequence=rng.randint(0, 255),
                                   command_id=header.CommandId.ImageManagement.UPLOAD)) + body
    return bytes(make(sequence=rng.randint(0, 255), version=header.Version(rng.randint(0, 1)), **given))


def plain(value):
    """What pydantic models hold, as plain values."""
    return {key: (item.model_dump() if hasattr(item, "model_dump") else item) for key, item in value.items()}


def value(depth=0):
    kind = rng.choice(["int", "negative", "bytes", "text", "bool", "null"] + (["array", "map"] if depth < 4 else []))
    if kind == "int":
        return rng.choice([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1, rng.getrandbits(rng.randint(1, 64))])
    if kind == "negative":
        return -1 - rng.choice([0, 23, 24, 255, 256, 65535, 65536, 2**32, rng.getrandbits(rng.randint(1, 63))])
    if kind == "bytes":
        return data(600)
    if kind == "text":
        return text(60)
    if kind == "bool":
        return flag()
    if kind == "null":
        return None
    if kind == "array":
        return [value(depth + 1) for _ in range(rng.choice([0, 1, 3, 25]) if depth == 0 else rng.randint(0, 4))]
    return {text(8): value(depth + 1) for _ in range(rng.choice([0, 1, 3, 30]) if depth == 0 else rng.randint(0, 4))}


def shown(item):
    """A value as text, for a comparison that does not go through the bytes."""
    if item is None or isinstance(item, bool):
        return {None: "null", True: "true", False: "false"}[item]
    if isinstance(item, int):
        return str(item)
    if isinstance(item, bytes):
        return "h" + item.hex()
    if isinstance(item, str):
        return "t" + item.encode().hex()
    if isinstance(item, list):
        return "[" + ",".join(map(shown, item)) + "]"
    return "{" + ",".join(sorted(shown(key) + ":" + shown(entry) for key, entry in item.items())) + "}"


def loose(item):
    """The same value in another of CBOR's forms: indefinite lengths, longer heads."""
    def head(major, count):
        if rng.random() < 0.5:
            return bytes([major << 5 | 27]) + count.to_bytes(8, "big")
        return cbor2.dumps(count)[:1].translate(bytes((b & 31) | major << 5 for b in range(256))) + cbor2.dumps(count)[1:]
    if isinstance(item, (bytes, str)):
        raw, major = (item, 2) if isinstance(item, bytes) else (item.encode(), 3)
        if rng.random() < 0.5:
            cut = rng.randint(0, len(raw)) if major == 2 else 0
            return bytes([major << 5 | 31]) + head(major, cut) + raw[:cut] + head(major, len(raw) - cut) + raw[cut:] + b"\xff"
        return head(major, len(raw)) + raw
    if isinstance(item, list):
        inner = b"".join(loose(i) for i in item)
        return b"\x9f" + inner + b"\xff" if rng.random() < 0.5 else head(4, len(item)) + inner
    if isinstance(item, dict):
        inner = b"".join(loose(k) + loose(v) for k, v in item.items())
        return b"\xbf" + inner + b"\xff" if rng.random() < 0.5 else head(5, len(item)) + inner
    return cbor2.dumps(item)


def put(kind, **fields):
    print(json.dumps({"kind": kind, **fields}))


for kind in MAKERS:
    for _ in range(30):
        put("message", name=kind, bytes=message(kind).hex())
for _ in range(200):
    body = data(3000)
    for line in (8, 20, 64, 128, 512):
        put("console", line=line - 1, bytes=body.hex(), wire=b"".join(packet.encode(body, line)).hex())
    put("cobs", bytes=(body or b"x").hex(), wire=b"".join(Cobs().encode(body or b"x")).hex())
for _ in range(10000):
    item = value()
    put("cbor", bytes=cbor2.dumps(item, canonical=True).hex(), shown=shown(item))
for _ in range(1000):
    item = value()
    other = loose(item)
    assert cbor2.loads(other) == item
    put("loose", bytes=other.hex(), canonical=cbor2.dumps(item, canonical=True).hex())
for item in [1.5, cbor2.undefined, cbor2.CBORTag(1, 0), {1: 2}, {b"k": 1}, [cbor2.CBORSimpleValue(99)], {"a": float("nan")}]:
    put("refused", bytes=cbor2.dumps(item).hex())
for _ in range(500):
    whole = cbor2.dumps(value(), canonical=True)
    if len(whole) > 1:
        put("refused", bytes=whole[:rng.randint(0, len(whole) - 1)].hex())
    put("refused", bytes=(whole + b"\x00").hex())
