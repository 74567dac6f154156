"""The gadget as the kernel has it: a tree in configfs and a mount of FunctionFS, made and taken away."""

import contextlib
import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fwtools.errors import ToolError
from fwtools.gadget.functionfs import HIGH_SPEED, Identity, Layout

CONTROLLERS = Path("/sys/class/udc")
GADGETS = Path("/sys/kernel/config/usb_gadget")
RUN = Path("/run/vantay-gadget")
PREFIX = "vantay-"  # of our trees' names; the controller's follows
CONFIGURATION = "configs/c.1"


def choose_controller(wanted: str | None, controllers: Path = CONTROLLERS) -> str:
    """Return the name of the USB device controller to use; ToolError says what is missing or to choose."""
    found = sorted(path.name for path in controllers.iterdir()) if controllers.is_dir() else []
    if not found:
        raise ToolError(
            "this machine has no USB device controller (/sys/class/udc is empty): on a Raspberry Pi Zero 2 "
            "or 4 put dtoverlay=dwc2 into /boot/firmware/config.txt and restart"
        )
    if wanted is None and len(found) > 1:
        raise ToolError(
            f"there are {len(found)} USB device controllers: choose with --udc, {' or '.join(found)}"
        )
    if wanted is not None and wanted not in found:
        raise ToolError(f"there is no USB device controller {wanted}: --udc is {' or '.join(found)}")
    return wanted or found[0]


def check_system(gadgets: Path = GADGETS) -> None:
    """ToolError where no gadget can be made."""
    if os.geteuid() != 0:
        raise ToolError("only root may make a USB gadget: run it with sudo")
    if not gadgets.is_dir():
        raise ToolError(
            f"there is no {gadgets}: modprobe libcomposite, and mount -t configfs none /sys/kernel/config "
            "if that is empty"
        )


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree and mount of one controller's gadget; `held` must be entered before anything else."""

    controller: str
    gadgets: Path = GADGETS
    run: Path = RUN
    controllers: Path = CONTROLLERS

    @property
    def name(self) -> str:
        """Of the gadget, of its function and of what is mounted."""
        return PREFIX + self.controller

    @property
    def root(self) -> Path:
        """The gadget's folder in configfs."""
        return self.gadgets / self.name

    @property
    def mount(self) -> Path:
        """Where its FunctionFS is mounted."""
        return self.run / self.controller

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who serves this controller, and leave nothing behind."""
        self.run.mkdir(mode=0o700, exist_ok=True)
        with (self.run / f"{self.controller}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ToolError(
                    f"another vantay-fw gadget serves {self.controller}: end that one first"
                ) from None
            self.remove()  # what one that was killed has left
            try:
                yield
            finally:
                self.remove()

    def make(self, identity: Identity, layout: Layout, speed: int) -> None:
        """Make the tree and mount FunctionFS."""
        try:
            self.root.mkdir()
            self._write("idVendor", hex(identity.vendor))
            self._write("idProduct", hex(identity.product))
            self._write("bcdDevice", hex(identity.release))
            names = ("bDeviceClass", "bDeviceSubClass", "bDeviceProtocol")
            for name, value in zip(names, identity.device_class, strict=True):
                self._write(name, hex(value))
            self._write("max_speed", "high-speed" if speed >= HIGH_SPEED else "full-speed")
            (self.root / CONFIGURATION).mkdir()
            self._write(f"{CONFIGURATION}/bmAttributes", hex(layout.attributes))
            self._write(f"{CONFIGURATION}/MaxPower", str(layout.milliamperes))
        except OSError as error:
            raise ToolError(
                f"the kernel does not take the gadget: {error.filename or self.root}: {error.strerror}"
            ) from error
        function = self.root / f"functions/ffs.{self.name}"
        try:
            function.mkdir()
        except OSError as error:
            raise ToolError(f"this kernel has no FunctionFS (modprobe usb_f_fs): {error.strerror}") from error
        (self.root / CONFIGURATION / function.name).symlink_to(function)
        self.mount.mkdir(exist_ok=True)
        _program("mount", "-t", "functionfs", self.name, str(self.mount))

    def plug(self) -> None:
        """Show the gadget to the host."""
        try:
            self._write("UDC", self.controller)
        except OSError as error:
            serves = (self.controllers / self.controller / "function").read_text().strip()
            raise ToolError(why_not(self.controller, error, serves)) from error

    def unplug(self) -> None:
        """Hide it from the host; it may be hidden already."""
        with contextlib.suppress(OSError):
            self._write("UDC", "\n")

    def remove(self) -> None:
        """Take everything away that is there."""
        if self.root.is_dir():
            self.unplug()
            configuration = self.root / CONFIGURATION
            for path in configuration.glob("ffs.*"):
                path.unlink()
            if configuration.is_dir():
                configuration.rmdir()
        if self.mount.is_mount():
            _program("umount", str(self.mount))
        for path in (*self.root.glob("functions/ffs.*"), self.root, self.mount):
            with contextlib.suppress(FileNotFoundError):
                path.rmdir()

    def _write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)


def why_not(controller: str, error: OSError, serves: str) -> str:
    """Why a controller did not take our gadget; `serves` is the gadget that it has already, or nothing.

    Whatever is wrong the kernel says that it is busy.
    """
    if serves:
        return f"the controller {controller} serves another gadget ({serves}): unbind that one first"
    if error.errno == errno.EBUSY:
        return f"the controller {controller} has not the endpoints that this scanner needs: try another model"
    return f"the controller {controller} does not take the gadget: {error.strerror}"


def _program(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{' '.join(command)} failed: {done.stderr.strip() or done.returncode}")
