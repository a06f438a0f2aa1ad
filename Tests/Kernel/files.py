"""The part of a guest's file system that differs from guest to guest: users, rules, the bench's config and its release."""
import os
import shutil
import subprocess

from guest import BIN, ROOT

PASSWD = """root:x:0:0:root:/root:/bin/sh
technician:x:1000:1000::/tmp:/bin/sh
visitor:x:1001:1001::/tmp:/bin/sh
"""
# Group reflash is the one that the rules name. The others are Debian's, which its own rules name.
GROUP = """root:x:0:
reflash:x:900:technician
technician:x:1000:
visitor:x:1001:
""" + "".join(f"{name}:x:{100 + number}:\n" for number, name in enumerate(
    ["tty", "dialout", "kmem", "input", "video", "audio", "lp", "disk", "cdrom", "tape", "sgx", "render", "kvm", "plugdev", "floppy"]))


def guest_files(folder, release, rules, config, docks):
    """`release`: the folder that `make_release` filled. `rules`: a folder of udev rules. `docks`: name → path."""
    etc = f"{folder}/etc"
    os.makedirs(f"{etc}/reflash")
    shutil.copytree(rules, f"{etc}/udev/rules.d")
    shutil.copytree(f"{release}/trust", f"{etc}/reflash/trust")
    for folder_, _, names in os.walk(f"{etc}/reflash/trust"):
        os.chmod(folder_, 0o755)
        for name in names:
            os.chmod(f"{folder_}/{name}", 0o644)
    shutil.copy(f"{release}/release.tar", f"{etc}/reflash/release.tar")
    os.chmod(f"{etc}/reflash/release.tar", 0o644)
    shutil.copy(config, f"{etc}/reflash/bench.yaml")
    for name, path in docks.items():
        shutil.copy(path, f"{etc}/reflash/{name}.yaml")
    for name, text in (("passwd", PASSWD), ("group", GROUP), ("nsswitch.conf", "passwd: files\ngroup: files\n")):
        with open(f"{etc}/{name}", "w") as file:
            file.write(text)


def make_rules(folder, config):
    """The rules of this project, and the slots' as `reflashctl config rules` makes them of the bench's config."""
    os.makedirs(folder)
    shutil.copy(f"{ROOT}/udev-rules/70-reflash.rules", folder)
    with open(f"{folder}/98-reflash-slots.rules", "w") as file:
        subprocess.check_call([f"{BIN}/reflashctl", "config", "rules", config], stdout=file)
