"""A guest with Debian's kernel, systemd and udev, under QEMU's emulation; never KVM.

It mounts a disk made by tests.kernel.project as /opt/vantay and the host's folder of results as /mnt/results,
runs /opt/vantay/guest-program by bash as root, and powers off. What it writes to its own disks is forgotten.
"""

import contextlib
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from tests.kernel.programs import NoGuest
from tests.kernel.project import make_disk, make_project
from tests.kernel.rootfs import RootFiles, cache_folder, root_files

MEMORY_MIB = 2048
PROGRAM = "guest-program"  # of the project's disk: what is run
STATUS = "status"  # of the results' folder: how it ended
_WRAP = "set -u\n(\n{script}\n)\necho $? > /mnt/results/{status}\nsync\n"


def run_in_guest(
    script: str,
    results: Path,
    seconds: float,
    show: Callable[[str], None],
    add: Callable[[Path], None] = lambda _: None,
) -> int | None:
    """Boot a guest, run a script of bash in it; its exit code, or None when it did not come to its end.

    `results` is the folder that the guest writes into, `seconds` the most it may take, `show` gets every
    line of its console, `add` may put more into what becomes /opt/vantay. NoGuest when it cannot be run here.
    """
    files, ours = root_files(cache_folder(), show), f"3.{sys.version_info.minor}"
    if files.python != ours:
        raise NoGuest(
            f"the guest's Python is {files.python}, ours {ours}: make clean setup PYTHON=/usr/bin/python3"
        )
    with tempfile.TemporaryDirectory(prefix="guest-run-", dir=cache_folder()) as temporary:
        project, disk = Path(temporary, "project"), Path(temporary, "project.ext4")
        make_project(project)
        add(project)
        (project / PROGRAM).write_text(_WRAP.format(script=script, status=STATUS))
        make_disk(project, disk)
        show("guest: booting Debian's kernel, emulated")
        with Guest(files, disk, results) as guest:
            for line in guest.lines(seconds):
                show(line)
    with contextlib.suppress(OSError, ValueError):
        return int((results / STATUS).read_text())
    return None


class Guest:
    """One guest; leaving the block ends it."""

    def __init__(self, files: RootFiles, disk: Path, results: Path) -> None:
        self._command = _command(files, disk, results)
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except FileNotFoundError as error:
            raise NoGuest("qemu-system-x86_64 is not installed: apt-get install qemu-system-x86") from error
        threading.Thread(target=self._read, name="guest's console", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.decode(errors="replace").rstrip())
        self._lines.put(None)

    def lines(self, seconds: float) -> Iterator[str]:
        """Yield the lines of its console until it has powered off; NoGuest when it takes longer."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise NoGuest(f"the guest did not end within {seconds:.0f} seconds") from None
            if line is None:
                return
            yield line


def _command(files: RootFiles, disk: Path, results: Path) -> list[str]:
    drives = [f"file={path},format=raw,if=virtio,snapshot=on" for path in (files.image, disk)]
    share = f"local,path={results},mount_tag=results,security_model=none"
    return [
        "qemu-system-x86_64",
        *("-accel", "tcg", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MIB)),
        *("-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"),
        *("-kernel", str(files.kernel), "-initrd", str(files.initramfs)),
        *("-append", "console=ttyS0 quiet panic=-1 mitigations=off systemd.show_status=no"),
        *(word for drive in drives for word in ("-drive", drive)),
        *("-virtfs", share, "-device", "virtio-rng-pci"),
    ]
