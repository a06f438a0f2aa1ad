"""Debian's kernel under QEMU's emulation (TCG), with systemd's udevd and the programs under test.

The kernel is taken out of Debian's package, the first file system is made here, and the guest is asked over TCP, a script at a time."""
import glob
import lzma
import os
import re
import shutil
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = f"{ROOT}/.kernel"
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = ["qemu-system-x86_64", "busybox", "udevadm", "usbip", "cpio", "depmod", "apt-get", "apt-cache", "dpkg-deb", "ldd", "strip"]
# With all that they need. vhci_hcd: USB/IP's host controller; cdc_acm and ftdi_sio: the serial variants.
MODULES = ["virtio_pci", "virtio_net", "xhci_pci", "vhci_hcd", "cdc_acm", "ftdi_sio"]
PROGRAMS = ["reflashd", "reflashctl", "hubsim"]
VENV_PYTHON = f"{ROOT}/.venv/bin/python"
BIN = os.environ.get("REFLASH_BIN", f"{ROOT}/.build/debug")
# A machine that takes longer than this to boot the guest has all of its bounds stretched as much.
USUAL_BOOT_SECONDS = 6
BOOT_SECONDS = 180
SHELL_PORT = 7000


class StageError(Exception):
    """The stage can't be run, or the guest is gone."""


def expect_tools():
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if missing:
        raise StageError(f"missing: {', '.join(missing)}; run 'bash packaging/setup.sh'")


def kernel():
    """The folder of Debian's newest kernel, fetched once: vmlinux, and lib/modules/VERSION."""
    depends = subprocess.check_output(["apt-cache", "depends", "linux-image-amd64"], text=True)
    package = re.search(r"Depends: (linux-image-\S+)", depends).group(1)
    folder = f"{CACHE}/{package}"
    if os.path.exists(f"{folder}/vmlinux"):
        return folder
    partial = f"{CACHE}/partial-{os.getpid()}"
    os.makedirs(f"{partial}/all")
    subprocess.check_call(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], cwd=partial)
    subprocess.check_call(["dpkg-deb", "-x", *glob.glob(f"{partial}/*.deb"), f"{partial}/all"])
    version = os.listdir(f"{partial}/all/lib/modules")[0]
    image = open(f"{partial}/all/boot/vmlinuz-{version}", "rb").read()
    # The kernel as it is: to unpack itself it would take half a minute here.
    start = image.find(b"\xfd7zXZ\x00")
    if start < 0:
        raise StageError(f"{package}: expected a kernel packed by xz")
    with open(f"{partial}/vmlinux", "wb") as file:
        file.write(lzma.LZMADecompressor().decompress(image[start:]))
    os.makedirs(f"{partial}/lib/modules")
    os.rename(f"{partial}/all/lib/modules/{version}", f"{partial}/lib/modules/{version}")
    shutil.rmtree(f"{partial}/all")
    for archive in glob.glob(f"{partial}/*.deb"):
        os.unlink(archive)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(partial, folder)
    return folder


def install(path, root, to=None):
    target = root + (to or path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(os.path.realpath(path), target)
    return target


def install_program(path, root, to):
    """A program and the libraries that it loads."""
    target = install(path, root, to)
    for line in subprocess.run(["ldd", path], capture_output=True, text=True).stdout.splitlines():
        library = re.search(r"(/\S+) \(0x", line)
        if library and not os.path.exists(root + library.group(1)):
            install(library.group(1), root)
    return target


def install_modules(kernel_folder, root):
    version = os.listdir(f"{kernel_folder}/lib/modules")[0]
    subprocess.check_call(["depmod", "-b", kernel_folder, version])
    folder = f"{kernel_folder}/lib/modules/{version}"
    needs = dict(line.strip().split(":", 1) for line in open(f"{folder}/modules.dep"))
    by_name = {os.path.basename(path).split(".")[0].replace("-", "_"): path for path in needs}
    for name in MODULES:
        for path in [by_name[name], *needs[by_name[name]].split()]:
            install(f"{folder}/{path}", root, f"/lib/modules/{version}/{path}")
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        install(f"{folder}/{name}", root, f"/lib/modules/{version}/{name}")
    subprocess.check_call(["depmod", "-b", root, version])


def base_archive(work, kernel_folder):
    """The part of the first file system that all guests share: tools, modules, programs under test."""
    root = f"{work}/base"
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "sbin", "usr/sbin", "var/lib", "etc/udev/rules.d"):
        os.makedirs(f"{root}/{folder}")
    os.symlink("/run", f"{root}/var/run")
    install("/bin/busybox", root)
    os.symlink("busybox", f"{root}/bin/sh")
    install_program("/bin/udevadm", root, "/bin/udevadm")
    os.makedirs(f"{root}/lib/systemd")
    os.symlink("/bin/udevadm", f"{root}/lib/systemd/systemd-udevd")
    install_program("/usr/sbin/usbip", root, "/usr/sbin/usbip")
    for rules in glob.glob("/lib/udev/rules.d/*.rules"):
        install(rules, root)
    for program in PROGRAMS:
        subprocess.check_call(["strip", install_program(f"{BIN}/{program}", root, f"/usr/bin/{program}")])
    install_modules(kernel_folder, root)
    install(f"{HERE}/guest/init", root, "/init")
    os.chmod(f"{root}/init", 0o755)
    archive(root, f"{work}/base.cpio")
    shutil.rmtree(root)
    return f"{work}/base.cpio"


def archive(folder, path):
    names = subprocess.check_output(["find", ".", "-print0"], cwd=folder)
    with open(path, "wb") as file:
        subprocess.run(["cpio", "--null", "--create", "--format=newc", "--owner=0:0", "--quiet"], input=names, stdout=file, cwd=folder,
                       check=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guest:
    """One virtual machine. `files`: a folder that lies over the shared part; `ftdi`: the TCP port of a serial line that hangs on a
    USB-serial adapter behind a USB hub."""

    def __init__(self, work, kernel_folder, base, files, ftdi=None):
        self.work = work
        self.port = free_port()
        archive(files, f"{work}/files.cpio")
        with open(f"{work}/initrd", "wb") as out:
            for part in (base, f"{work}/files.cpio"):
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, out)
                out.write(bytes(-out.tell() % 512))
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1536", "-nodefaults", "-no-reboot", "-display", "none",
            "-kernel", f"{kernel_folder}/vmlinux", "-initrd", f"{work}/initrd",
            "-append", "console=ttyS0 net.ifnames=0 panic=-1 loglevel=6 random.trust_cpu=on",
            "-serial", f"file:{work}/console.log", "-serial", f"file:{work}/udev.log",
            "-netdev", f"user,id=net,restrict=off,hostfwd=tcp:127.0.0.1:{self.port}-:{SHELL_PORT}", "-device", "virtio-net-pci,netdev=net,addr=3",
            "-device", "qemu-xhci,id=xhci,addr=4", "-device", "usb-hub,bus=xhci.0,port=1"]
        if ftdi:
            command += ["-chardev", f"socket,id=ftdi,host=127.0.0.1,port={ftdi}",
                        "-device", "usb-serial,bus=xhci.0,port=1.2,chardev=ftdi,always-plugged=on"]
        self.log = open(f"{work}/qemu.log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pace = 1
        began = time.monotonic()
        try:
            self.await_boot()
            self.pace = max(1, (time.monotonic() - began) / USUAL_BOOT_SECONDS)
        except BaseException:
            self.stop()
            raise

    def await_boot(self):
        deadline = time.monotonic() + BOOT_SECONDS
        while "GUEST READY" not in self.console():
            self.expect_alive()
            if time.monotonic() > deadline:
                raise StageError(f"the guest was not up after {BOOT_SECONDS} s")
            time.sleep(0.1)
        # Its shell listens a moment later.
        while not self.answers():
            self.expect_alive()
            if time.monotonic() > deadline:
                raise StageError(f"the guest's shell did not answer within {BOOT_SECONDS} s")
            time.sleep(0.1)

    def stretched(self, seconds):
        """What takes so many seconds on a machine that boots as usual."""
        return round(seconds * self.pace)

    def deadline(self, seconds):
        return time.monotonic() + self.stretched(seconds)

    def answers(self):
        try:
            return self.run("echo yes", timeout=5).strip() == "yes"
        except StageError:
            return False

    def console(self):
        try:
            return open(f"{self.work}/console.log", errors="replace").read()
        except FileNotFoundError:
            return ""

    def udev_log(self):
        return open(f"{self.work}/udev.log", errors="replace").read()

    def expect_alive(self):
        if self.process.poll() is not None:
            panic = re.search(r"Kernel panic.*", self.console())
            said = open(f"{self.work}/qemu.log", errors="replace").read().strip()
            raise StageError(f"the guest ended: {panic.group(0) if panic else said or 'no reason is known'}")

    def run(self, script, timeout=60, check=True):
        """Runs a script in the guest, as root; returns what it printed. `timeout`: seconds on a machine that boots as usual.
        Throws where its status is not 0, unless that is to be expected (`check=False`), and where the guest ends or is silent."""
        deadline = self.deadline(timeout)
        output = b""
        with self.connect(timeout) as connection:
            connection.sendall(f"{{ {script}\n}} 2>&1 </dev/null; status=$?; echo; echo \"STATUS $status\"; exit\n".encode())
            while True:
                self.expect_alive()
                connection.settimeout(1)
                try:
                    part = connection.recv(65536)
                except TimeoutError:
                    if time.monotonic() > deadline:
                        raise StageError(f"no end of a script after {self.stretched(timeout)} s: {script.strip().splitlines()[0]} … {output.decode()[-500:]}")
                    continue
                except ConnectionError:
                    part = b""
                if not part:
                    break
                output += part
        found = re.search(rb"\n?STATUS (\d+)\n$", output)
        if not found:
            self.expect_alive_after_all()
            raise StageError(f"the guest's shell ended early: {output.decode(errors='replace')[-500:]}")
        text = output[:found.start()].decode(errors="replace")
        if check and found.group(1) != b"0":
            raise StageError(f"status {found.group(1).decode()} of: {script.strip().splitlines()[0]}\n{text.strip()}")
        return text

    def connect(self, timeout):
        try:
            return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        except OSError as error:
            self.expect_alive_after_all()
            raise StageError(f"the guest can't be asked: {error}")

    def expect_alive_after_all(self):
        """With QEMU its port is gone, a moment before the process is."""
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            pass
        self.expect_alive()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        for name in ("initrd", "files.cpio"):
            if os.path.exists(f"{self.work}/{name}"):
                os.unlink(f"{self.work}/{name}")
