#!/usr/bin/env bash
# `make demo`: why this folder exists. 16 simulated 4G units are reflashed with a real firmware image, through the real
# libudev and libusb; the script plays the technician and checks every outcome.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(swift build --show-bin-path)
export PATH="$bin:$PATH"
work=.demo

rm -rf "$work"
mkdir -p "$work"

echo "demo: an ARM firmware (u-boot from Debian) becomes an MCUboot image, and that a GBCS OTA image"
# The version 0002012F in MCUboot's notation: major 00, minor 02, revision 012F.
.venv/bin/imgtool keygen --key "$work/mcuboot.pem" --type ecdsa-p256
.venv/bin/imgtool sign --key "$work/mcuboot.pem" --version 0.2.303 --header-size 0x20 --pad-header --align 4 \
    --slot-size 0x200000 /usr/lib/u-boot/qemu_arm/u-boot.bin "$work/app.signed.bin"
.venv/bin/imgtool keygen --key "$work/manufacturer.pem" --type ecdsa-p256
reflashctl image wrap "$work/app.signed.bin" "$work/release.zigbee" --manufacturer-code AB01 --image-type 0001 \
    --file-version 0002012F --hardware 0100-01FF --header-string "Demo release" --key "$work/manufacturer.pem"
reflashctl image inspect "$work/release.zigbee"

hash=$(reflashctl image inspect "$work/release.zigbee" --json | sed -n 's/.*"manufacturerImageHash" : "\([0-9a-f]*\)".*/\1/p')
sed "s/^\( *manufacturerImageHash:\).*/\1 $hash/; s#\.\./\.demo/##" bench-configs/demo.yaml > "$work/bench.yaml"

exec hubsim run --dock bench-configs/demo-dock.yaml -- python3 demo/technician.py "$work"
