"""imgtool's verdicts on MCUboot images: a matrix of ways to sign, and the real images of smpclient's source package.

    imgtool_verdicts.py matrix FOLDER           makes images and keys in FOLDER
    imgtool_verdicts.py real FOLDER KEYS        fetches the real images; KEYS has the published development keys

Prints JSON: [{"image", "info", "encrypted", "verdicts": {KEY: bool}}]; `info` is what dumpinfo reads."""
import glob
import io
import json
import os
import random
import sys
from contextlib import redirect_stdout

from click.testing import CliRunner
from imgtool import image as images
from imgtool.dumpinfo import _json_default_serializer, _read_imginfo
from imgtool.keys import load
from imgtool.main import imgtool
from intelhex import IntelHex

# `IMAGE_MAGIC`, little-endian.
MAGIC = b"\x3d\xb8\xf3\x96"
KEYS = ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072"]
OPTIONS = [
    [], ["--pad"], ["--pad", "--confirm"], ["--security-counter", "9"], ["--dependencies", "(1, 1.2.3+4)"], ["--public-key-format", "full"],
    ["--security-counter", "auto", "--boot-record", "app"], ["--custom-tlv", "0x00a0", "0xdeadbeef"],
]


def run(*arguments):
    result = CliRunner().invoke(imgtool, list(arguments))
    if result.exit_code != 0:
        sys.exit(f"imgtool {arguments}: {result.output}")


def judged(path, keys):
    """What imgtool says of an image with each key."""
    verdicts = {}
    for key in keys:
        try:
            with redirect_stdout(io.StringIO()):
                verdicts[key] = images.Image.verify(path, load(key))[0] == images.VerifyResult.OK
        except Exception:  # imgtool's own crash on a broken image is no acceptance
            verdicts[key] = False
    with redirect_stdout(io.StringIO()):
        info = _read_imginfo(path)
    flags = info["header"]["flags"]
    return {"image": path, "info": info, "encrypted": bool(flags & 0x0C), "verdicts": verdicts}


def matrix(folder):
    for name in KEYS:
        for who in ("signer", "other"):
            run("keygen", "--key", f"{folder}/{who}-{name}.pem", "--type", name)
            run("getpub", "--key", f"{folder}/{who}-{name}.pem", "--encoding", "pem", "--output", f"{folder}/{who}-{name}.pub.pem")
    public = sorted(glob.glob(f"{folder}/*.pub.pem"))
    with open(f"{folder}/payload.bin", "wb") as file:
        file.write(random.Random(4).randbytes(3000))
    ways = [(key, "0x200", options) for key in KEYS for options in OPTIONS] + [(key, "0x20", []) for key in KEYS]
    ways += [("ed25519", "0x200", ["--sha", "512"]), ("ed25519", "0x200", ["--pure"])]
    ways += [("ecdsa-p256", "0x200", ["--version", version]) for version in ("0.0.0", "255.255.65535+4294967295")]
    ways += [("ecdsa-p256", "0x200", ["--encrypt", f"{folder}/other-ecdsa-p256.pub.pem"])]
    results = []
    for number, (key, header, options) in enumerate(ways):
        path = f"{folder}/image-{number}.bin"
        version = [] if "--version" in options else ["--version", "1.2.3+4"]
        run("sign", "--key", f"{folder}/signer-{key}.pem", *version, "--header-size", header, "--pad-header", "--slot-size", "0x8000", "--align", "4",
            *options, f"{folder}/payload.bin", path)
        results.append(judged(path, public))
        broken = bytearray(open(path, "rb").read())
        broken[int(header, 16) + 100] ^= 1
        open(f"{folder}/broken-{number}.bin", "wb").write(broken)
        results.append(judged(f"{folder}/broken-{number}.bin", public))
    return results


def real(folder, keys):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Interop"))
    from boards import CACHE, PACKAGE, fixtures
    fixtures()
    found = []
    for path in sorted(glob.glob(f"{CACHE}/{PACKAGE}/**/*.*", recursive=True)):
        if path.endswith(".hex"):
            content = IntelHex(path).tobinstr()
        elif path.endswith(".bin"):
            content = open(path, "rb").read()
        else:
            continue
        if content[:4] == MAGIC:
            found.append(f"{folder}/{len(found):02}-{os.path.basename(path)}.bin")
            open(found[-1], "wb").write(content)
    return [judged(path, sorted(glob.glob(f"{keys}/*.pem"))) for path in found]


results = matrix(sys.argv[2]) if sys.argv[1] == "matrix" else real(sys.argv[2], sys.argv[3])
print(json.dumps(results, default=_json_default_serializer))
