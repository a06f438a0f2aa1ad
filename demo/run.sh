#!/usr/bin/env bash
# `make demo`: why this folder exists. A releaser makes and signs a release of real firmware for 4G and 2G/3G units, a supervisor approves
# it, and 16 simulated 4G units and 8 simulated 2G/3G units are reflashed with it, through the real libudev and libusb and over ttys; the
# script plays the technician and checks every outcome.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(swift build --show-bin-path)
export PATH="$bin:$PATH"
work=.demo

rm -rf "$work"
echo "demo: a throw-away authority: roots, a releaser, a supervisor, a manufacturer"
bash packaging/trial-authority.sh "$work"

echo "demo: two ARM firmwares (u-boot from Debian) become MCUboot images, and those GBCS OTA images"
.venv/bin/imgtool keygen --key "$work/mcuboot.pem" --type ecdsa-p256
openssl ec -in "$work/mcuboot.pem" -pubout -out "$work/trust/keys/mcuboot.pem" 2>/dev/null

echo "manufacturer,model,hardwareVersion,firmwareVersion,manufacturerImageHash,status" > "$work/cpl.csv"
# make_image NAME FIRMWARE IMAGE-TYPE: the version 0002012F in MCUboot's notation is major 00, minor 02, revision 012F.
make_image() {
    .venv/bin/imgtool sign --key "$work/mcuboot.pem" --version 0.2.303 --header-size 0x20 --pad-header --align 4 \
        --slot-size 0x200000 "$2" "$work/$1.signed.bin"
    reflashctl image wrap "$work/$1.signed.bin" "$work/$1.zigbee" --manufacturer-code AB01 --image-type "$3" \
        --file-version 0002012F --hardware 0100-01FF --header-string "Demo $1" --key "$work/manufacturer.pem"
    local hash
    hash=$(reflashctl image inspect "$work/$1.zigbee" --json | sed -n 's/.*"manufacturerImageHash" : "\([0-9a-f]*\)".*/\1/p')
    echo "AB01,010A030B,0101,0002012F,$hash,Current" >> "$work/cpl.csv"
}
make_image 4g /usr/lib/u-boot/qemu_arm/u-boot.bin 0001
# The other variant's modem takes less.
head -c 300000 /usr/lib/u-boot/qemu_arm64/u-boot.bin > "$work/small.bin"
make_image 2g3g "$work/small.bin" 0002

echo "demo: the releaser makes one release of both, and signs it"
cat > "$work/release.yaml" <<'END'
release: demo-release
notAfter: 2099-01-01T00:00:00Z
variants:
  4G:
    {version: 0002012F, manufacturer: AB01, model: 010A030B, hardware: 0100-01FF, securityCounter: 1,
     components: {application: {image: 4g.zigbee}}}
  2G/3G:
    {version: 0002012F, manufacturer: AB01, model: 010A030B, hardware: 0100-01FF, securityCounter: 1,
     components: {application: {image: 2g3g.zigbee}}}
END
reflashctl release make "$work/release.yaml" "$work/release.tar"
reflashctl release sign "$work/release.tar" --key "$work/releaser.pem" --certificate "$work/releaser.crt"
reflashctl release verify "$work/release.tar" --roots "$work/trust/roots" --image-keys "$work/trust/keys" --products-list "$work/cpl.csv"

sed 's#\.\./\.demo/##' bench-configs/demo.yaml > "$work/bench.yaml"
exec hubsim run --dock bench-configs/demo-dock.yaml -- python3 demo/technician.py "$work"
