"""The guest's root file system, kernel and initramfs, made by mmdebstrap from the machine's own apt sources.

Kept in the cache under the hash of its recipe and of the sources. No container, no loop device, no mount.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.kernel import initramfs
from tests.kernel.initramfs import make_initramfs
from tests.kernel.programs import NoGuest, run

RECIPE = (Path(__file__), Path(initramfs.__file__))  # what decides how the files come out
PACKAGES = """
linux-image-amd64 systemd systemd-sysv udev kmod usbutils usbip libusb-1.0-0 python3 mosquitto procps
"""
SIZE = "1500M"  # of the file system; sparse
UNUSED = 30 * 86400.0  # seconds after which the files of an older recipe go
LEFT_OUT = [
    f"path-exclude={path}"
    for path in (
        "/usr/share/doc/*",
        "/usr/share/man/*",
        "/usr/share/locale/*",
        "/lib/modules/*/kernel/drivers/gpu/*",
        "/lib/modules/*/kernel/drivers/media/*",
        "/lib/modules/*/kernel/drivers/net/*",
        "/lib/modules/*/kernel/drivers/infiniband/*",
        "/lib/modules/*/kernel/sound/*",
    )
]
MASKED = ("serial-getty@ttyS0", "getty@tty1", "systemd-timesyncd", "e2scrub_reap", "e2scrub_all.timer")
FSTAB = """/dev/vda / ext4 defaults 0 0
LABEL=vantay /opt/vantay ext4 defaults 0 0
results /mnt/results 9p trans=virtio,version=9p2000.L,msize=262144,access=any 0 0
"""
UNIT = """[Unit]
Description=What the host wants to be run
RequiresMountsFor=/opt/vantay /mnt/results
After=systemd-udevd.service systemd-sysusers.service
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate

[Service]
Type=oneshot
TimeoutStartSec=infinity
WorkingDirectory=/opt/vantay
Environment=PYTHONUNBUFFERED=1
ExecStart=/bin/bash /opt/vantay/guest-program
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
"""


@dataclass(frozen=True, slots=True)
class RootFiles:
    """What a guest boots."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """The kernel's image."""
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """What the kernel starts, to find its root."""
        return self.folder / "initramfs"

    @property
    def image(self) -> Path:
        """The root file system."""
        return self.folder / "root.ext4"

    @property
    def python(self) -> str:
        """The version of its Python: "3.11"."""
        return (self.folder / "python").read_text()


def cache_folder() -> Path:
    """Return where files between two runs are kept: as the project's other caches."""
    named = os.environ.get("VANTAY_CACHE_DIR")
    return (
        Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vantay"
    )


def root_files(cache: Path, say: Callable[[str], None]) -> RootFiles:
    """Return the files of the guest, from the cache or made now; NoGuest when it cannot be."""
    if platform.machine() != "x86_64":
        raise NoGuest(f"the guest is made on x86-64 only, and this is {platform.machine()}")
    sources = apt_sources()
    recipe = sources.encode() + b"".join(path.read_bytes() for path in RECIPE)
    folder = cache / f"guest-{hashlib.sha256(recipe).hexdigest()[:12]}"
    files = RootFiles(folder)
    if folder.is_dir():
        os.utime(folder)  # it is used
    else:
        say("guest: making its root file system with mmdebstrap: one to three minutes, once")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="guest-", dir=cache) as temporary:
            _make(Path(temporary), sources)
            with contextlib.suppress(OSError):  # another run was quicker
                (Path(temporary) / "made").rename(folder)
        _remove_unused(cache)
    return files


def _remove_unused(cache: Path) -> None:
    for path in cache.glob("guest-*"):
        with contextlib.suppress(OSError):  # another run has ended meanwhile
            if time.time() - path.stat().st_mtime > UNUSED:
                shutil.rmtree(path, ignore_errors=True)


def apt_sources() -> str:
    """Return what the machine's apt has of its own release of Debian, a `deb` line for each component."""
    codename = _codename()
    line = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    listed = run("apt-get", "indextargets", "--format", line, "Created-By: Packages").splitlines()
    own = sorted({one for one in listed if one.split()[2].split("-")[0] == codename})
    if not own:
        raise NoGuest(f"apt has no sources of Debian {codename} here: apt-get update")
    return "\n".join(own) + "\n"


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip('"')
    raise NoGuest("/etc/os-release names no release: the guest is made on Debian")


def _make(folder: Path, sources: str) -> None:
    """Make kernel, initramfs and file system in `folder`/made."""
    (folder / "sources.list").write_text(sources)
    tar, made = folder / "root.tar", folder / "made"
    made.mkdir()
    hooks = [
        'mkdir -p "$1/etc/initramfs-tools" "$1/opt/vantay" "$1/mnt/results"',
        'echo update_initramfs=no > "$1/etc/initramfs-tools/update-initramfs.conf"',
    ]
    run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(PACKAGES.split())}",
        *[f"--dpkgopt={option}" for option in [*LEFT_OUT, "force-confdef", "force-confold"]],
        *[f"--essential-hook={hook}" for hook in hooks],
        _codename(),
        str(tar),
        str(folder / "sources.list"),
    )
    root = folder / "root"
    root.mkdir()
    # fakeroot: who owns what in the image is right whoever makes it
    script = 'tar -xf "$0" -C "$1" --exclude=./dev/* && "$2" "$1" && mke2fs -q -t ext4 -d "$1" "$3" "$4"'
    setup = folder / "setup"
    setup.write_text(_setup())
    setup.chmod(0o755)
    run("fakeroot", "sh", "-euc", script, str(tar), str(root), str(setup), str(made / "root.ext4"), SIZE)
    shutil.copy(next((root / "boot").glob("vmlinuz-*")), made / "vmlinuz")
    (made / "python").write_text((root / "usr/bin/python3").readlink().name.removeprefix("python"))
    make_initramfs(root, folder / "initramfs", made / "initramfs")


def _setup() -> str:
    """A shell script that finishes the unpacked root file system named by its argument."""
    wants = "etc/systemd/system/multi-user.target.wants"
    lines = ["#!/bin/sh", "set -eu", 'cd "$1"', f"mkdir -p {wants}"]
    for path, text in (("etc/fstab", FSTAB), ("etc/systemd/system/vantay-guest.service", UNIT)):
        lines += [f"cat > {path} <<'END'", text + "END"]
    lines += [
        f"ln -s ../vantay-guest.service {wants}/",
        "ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target",
    ]
    lines += [
        f"ln -sf /dev/null etc/systemd/system/{unit if '.' in unit else unit + '.service'}" for unit in MASKED
    ]
    lines += [f"rm -f {wants}/mosquitto.service", "echo vantay-guest > etc/hostname"]
    return "\n".join(lines) + "\n"
