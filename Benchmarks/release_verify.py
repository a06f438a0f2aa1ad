"""How long the verification of a 4 MiB release takes: `reflashctl release verify`, beside `sha256sum` of the same bundle and
`openssl cms -verify` of its signature. Whole processes, medians.

    release_verify.py [RUNS]        21 unless told otherwise"""
import random
import statistics
import subprocess
import sys
import time

from common import say, work_folder
from daemon import BIN

DESCRIPTION = """
release: benchmark
notAfter: 2099-01-01T00:00:00Z
variants:
  4G:
    {{version: 0002012F, manufacturer: AB01, model: 010A030B, hardware: 0100-01FF, securityCounter: 1,
     components: {{application: {{image: image.zigbee}}}}}}
"""
# An image of which both signatures are checked.
PREPARE = r"""
"$AUTHORITY" .
"$IMGTOOL" sign --version 0.2.303 --header-size 0x200 --pad-header --align 4 --slot-size 0x800000 --key manufacturer.pem payload.bin signed.bin
"$REFLASHCTL" image wrap signed.bin image.zigbee --manufacturer-code AB01 --image-type 0001 --file-version 0002012F --hardware 0100-01FF --key manufacturer.pem
"$REFLASHCTL" release make description.yaml release.tar
"$REFLASHCTL" release sign release.tar --key releaser.pem --certificate releaser.crt
tar -xf release.tar
"""


def median(command, work, runs):
    times = []
    for _ in range(runs):
        began = time.monotonic()
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.monotonic() - began)
    return statistics.median(times) * 1000


def main(runs):
    from boards import ROOT, VENV
    with work_folder() as work:
        with open(f"{work}/payload.bin", "wb") as file:
            file.write(random.Random(1).randbytes(4 << 20))
        with open(f"{work}/description.yaml", "w") as file:
            file.write(DESCRIPTION.format())
        subprocess.run(["bash", "-euc", PREPARE], cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={"PATH": "/usr/bin:/bin", "IMGTOOL": f"{VENV}/imgtool", "REFLASHCTL": f"{BIN}/reflashctl",
                            "AUTHORITY": f"{ROOT}/packaging/trial-authority.sh"})
        ours = median([f"{BIN}/reflashctl", "release", "verify", "release.tar", "--roots", "trust/roots", "--image-keys", "trust/keys"], work, runs)
        sums = median(["sha256sum", "release.tar"], work, runs)
        cms = median(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.p7s", "-content", "manifest.json",
                      "-CAfile", "trust/roots/release-root.pem", "-purpose", "any", "-out", "/dev/null"], work, runs)
    print(f"release verify {ours:.1f} ms (all hashes, the release's signature and both of the image); sha256sum {sums:.1f} ms "
          f"+ openssl cms -verify {cms:.1f} ms: ratio {ours / (sums + cms):.2f}")
    say("release-verify", ours, sums + cms, "ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
