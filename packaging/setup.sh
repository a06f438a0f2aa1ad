#!/usr/bin/env bash
# Installs what `make demo` and `make test` need beside the Swift toolchain: Debian packages, and Python tools in .venv.
# Does nothing where all of it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    # libraries that we build on
    libusb-1.0-0-dev libudev-dev libfuse3-dev libsqlite3-dev zlib1g-dev pkg-config
    # the simulated dock, and other people's tools that judge it
    fuse3 dfu-util usbutils curl openssl
    # firmware for the demo, and imgtool's Python
    u-boot-qemu python3-venv
    # boards that run real SMP servers
    qemu-system-arm
    # a real kernel with real udev, and what lies in its first file system
    qemu-system-x86 udev usbip busybox-static cpio kmod binutils
    # a browser that prints return notes, and readers of what is printed
    chromium zbar-tools poppler-utils
    # for .ci/run
    shellcheck
)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: installing Debian packages: ${missing[*]}"
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

tools=(
    # MCUboot's own signer
    imgtool==2.4.0
    # other people's SMP clients and codecs, our judges
    smp==4.2.0 smpclient==7.3.0 smpmgr==0.19.1 mcumgr-toolkit==0.20.0 cbor2==6.3.0
    # a USB/IP client, and a DFU device, of another project
    usbip==0.7.0
    # the judge of EPCIS documents, with its checks of uri and date-time
    jsonschema==4.26.0 rfc3987==1.3.8 rfc3339-validator==0.1.4
)
if [ "$(cat .venv/installed 2>/dev/null)" != "${tools[*]}" ]; then
    echo "setup: installing Python tools into .venv: ${tools[*]}"
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check "${tools[@]}"
    echo "${tools[*]}" > .venv/installed
fi

# Debian's udev makes /dev/fuse open to all; a machine without udev may not.
if [ "$(id -u)" -eq 0 ] && [ -e /dev/fuse ] && [ "$(stat -c %a /dev/fuse)" != 666 ]; then
    echo "setup: opening /dev/fuse to all users, as Debian's udev does"
    chmod 0666 /dev/fuse
fi
