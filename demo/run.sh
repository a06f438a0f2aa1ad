#!/usr/bin/env bash
# `make demo`: why this folder exists. 16 simulated 4G units and 8 simulated 2G/3G units are reflashed with real firmware images,
# through the real libudev and libusb and over ttys; the script plays the technician and checks every outcome.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(swift build --show-bin-path)
export PATH="$bin:$PATH"
work=.demo

rm -rf "$work"
mkdir -p "$work"

echo "demo: two ARM firmwares (u-boot from Debian) become MCUboot images, and those GBCS OTA images"
.venv/bin/imgtool keygen --key "$work/mcuboot.pem" --type ecdsa-p256
.venv/bin/imgtool keygen --key "$work/manufacturer.pem" --type ecdsa-p256

# make_release NAME FIRMWARE IMAGE-TYPE PLACEHOLDER: the version 0002012F in MCUboot's notation is major 00, minor 02, revision 012F.
make_release() {
    .venv/bin/imgtool sign --key "$work/mcuboot.pem" --version 0.2.303 --header-size 0x20 --pad-header --align 4 \
        --slot-size 0x200000 "$2" "$work/$1.signed.bin"
    reflashctl image wrap "$work/$1.signed.bin" "$work/$1.zigbee" --manufacturer-code AB01 --image-type "$3" \
        --file-version 0002012F --hardware 0100-01FF --header-string "Demo $1" --key "$work/manufacturer.pem"
    local hash
    hash=$(reflashctl image inspect "$work/$1.zigbee" --json | sed -n 's/.*"manufacturerImageHash" : "\([0-9a-f]*\)".*/\1/p')
    sed -i "s/^\( *manufacturerImageHash:\) \"$4*\"/\1 $hash/" "$work/bench.yaml"
}
sed 's#\.\./\.demo/##' bench-configs/demo.yaml > "$work/bench.yaml"
make_release release /usr/lib/u-boot/qemu_arm/u-boot.bin 0001 0
# The other variant's modem takes less.
head -c 300000 /usr/lib/u-boot/qemu_arm64/u-boot.bin > "$work/small.bin"
make_release release-2g3g "$work/small.bin" 0002 1
reflashctl image inspect "$work/release.zigbee"

exec hubsim run --dock bench-configs/demo-dock.yaml -- python3 demo/technician.py "$work"
