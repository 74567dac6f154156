"""Scanners that are plugged in or pulled out of this machine, as they come and go.

Where udev runs it tells, after its rules have given the device to us; elsewhere /sys is looked at. A USB/IP
scanner is no device of this machine: nothing is told of it, it is looked for by time. The only module that
imports pyudev.
"""

import contextlib
import select
from pathlib import Path
from typing import Any

import pyudev

from drivers import registry
from drivers.where import LocalUsb, parse_where

SYSFS = Path("/sys/bus/usb/devices")
UDEV = Path("/run/udev/control")  # there while systemd-udevd (or eudev) runs
ACTIONS = ("add", "remove", "bind", "change")  # the last: its node was given to us
MOST_EVENTS = 10_000  # taken at once
BUFFER_BYTES = 1 << 20  # of events that nobody has read yet


class Plugs:
    """What happens at the ports that `where` means. For one thread; `fileno` may be waited for."""

    def __init__(self, where: str, sysfs: Path = SYSFS, udev: Path = UDEV) -> None:
        self._sysfs = sysfs
        try:
            place = parse_where(where)
        except ValueError:  # whoever opens it says so
            place = None
        self._local = isinstance(place, LocalUsb)
        self._port = place.port if isinstance(place, LocalUsb) else None
        self._monitor = _monitor() if self._local and udev.exists() else None
        self._seen = self._looked()

    @property
    def told(self) -> bool:
        """Whether udev tells, so that looking is only the second line."""
        return self._monitor is not None

    def fileno(self) -> int:
        """For select(), where udev tells."""
        assert self._monitor is not None, "udev tells"
        return int(self._monitor.fileno())

    def changed(self) -> bool:
        """Whether a scanner came or went since this was last asked; takes all that was told."""
        told = False
        for _ in range(MOST_EVENTS):
            if self._monitor is None or not select.select([self._monitor], [], [], 0)[0]:
                break
            try:
                told |= self._of_scanner(self._monitor.poll(0))
            except OSError:  # more came than were kept: a scanner may be among what is lost; its error stays
                told, self._monitor = True, _monitor()
        before, self._seen = self._seen, self._looked()
        return told or before != self._seen

    @property
    def scanner_here(self) -> bool:
        """Whether the kernel knows a supported scanner at these ports now."""
        return bool(self._seen)

    def _of_scanner(self, device: Any) -> bool:
        """Whether udev speaks of a scanner at one of our ports; its PRODUCT is "1162/2200/2206"."""
        if device is None or device.action not in ACTIONS or self._port not in (None, device.sys_name):
            return False
        return _supported(*str(device.get("PRODUCT", "")).split("/")[:2])

    def _looked(self) -> frozenset[tuple[str, str]]:
        """The supported scanners at our ports: port and device number, which is another after each plug."""
        found = set()
        for device in self._sysfs.glob("*-*") if self._local else ():
            with contextlib.suppress(OSError):  # no device, or gone while it is read
                ids = [(device / name).read_text() for name in ("idVendor", "idProduct")]
                if self._port in (None, device.name) and _supported(*ids):
                    found.add((device.name, (device / "devnum").read_text().strip()))
        return frozenset(found)


def _supported(*ids: str) -> bool:
    """Whether a driver claims vendor and product, hexadecimal."""
    try:
        vendor, product = (int(text, 16) for text in ids)
    except ValueError:
        return False
    return registry.driver_for(vendor, product) is not None


def _monitor() -> Any | None:
    """Listen to udev; None where that cannot be, and looking has to do."""
    try:
        monitor = pyudev.Monitor.from_netlink(pyudev.Context(), "udev")
        monitor.filter_by("usb", "usb_device")
        with contextlib.suppress(OSError):  # without the right to a larger one the usual one has to do
            monitor.set_receive_buffer_size(BUFFER_BYTES)
        monitor.start()
    except (ImportError, OSError):
        return None
    return monitor
