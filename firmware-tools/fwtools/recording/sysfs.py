"""One USB device as /sys and udev describe it, written as umockdev's device description.

Format: umockdev's README ("P:" path, "N:" node with its content, "E:" udev property, "A:" attribute, "H:" the
same in hexadecimal), the device first, then each of its parents. Only what tells the device apart is taken:
nothing of the machine's history, names or configuration.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fwtools.errors import ToolError

SYS = Path("/sys")
UDEV = Path("/run/udev/data")
_TEXTS = (
    *(
        "bConfigurationValue",
        "bDeviceClass",
        "bDeviceProtocol",
        "bDeviceSubClass",
        "bMaxPacketSize0",
        "bMaxPower",
    ),
    *("bNumConfigurations", "bNumInterfaces", "bcdDevice", "bmAttributes", "busnum", "configuration", "dev"),
    *("devnum", "devpath", "idProduct", "idVendor", "manufacturer", "maxchild", "product", "serial", "speed"),
    "version",
)
_PORT = re.compile(r"\d+-\d+(\.\d+)*|usb\d+")


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A device that is plugged in."""

    folder: Path  # in /sys/devices
    bus: int
    number: int

    def text(self, name: str) -> str:
        """Return one attribute, empty where the device has none."""
        data = _read(self.folder / name)
        return "" if data is None else data.decode("utf-8", "replace").strip()


def at_port(port: str, sys: Path = SYS) -> UsbDevice:
    """The device at a port ("1-1.2")."""
    folder = sys / "bus/usb/devices" / port
    if not _PORT.fullmatch(port) or not folder.is_dir():
        raise ToolError(f"no USB device is at port {port}: {_what_is_there(sys)}")
    return _device(folder)


def numbered(bus: int, number: int, sys: Path = SYS) -> UsbDevice:
    """The device with these numbers, as lsusb shows them."""
    for device in _all(sys):
        if (device.bus, device.number) == (bus, number):
            return device
    raise ToolError(f"no USB device has number {number} on bus {bus}: {_what_is_there(sys)}")


def _all(sys: Path) -> list[UsbDevice]:
    folder = sys / "bus/usb/devices"
    if not folder.is_dir():
        raise ToolError("this kernel has no USB: /sys/bus/usb is missing")
    return [_device(path) for path in sorted(folder.iterdir()) if _PORT.fullmatch(path.name)]


def _what_is_there(sys: Path) -> str:
    there = [
        f"{device.folder.name} ({device.text('idVendor')}:{device.text('idProduct')})"
        for device in _all(sys)
        if not device.folder.name.startswith("usb")
    ]
    return f"there are {', '.join(there)}" if there else "there is none"


def _device(folder: Path) -> UsbDevice:
    real = folder.resolve()
    try:
        return UsbDevice(real, int((real / "busnum").read_text()), int((real / "devnum").read_text()))
    except (OSError, ValueError) as error:
        raise ToolError(f"the device at {folder.name} was unplugged meanwhile") from error


def describe(device: UsbDevice, sys: Path = SYS, udev: Path = UDEV) -> str:
    """Return umockdev's description of a device and its parents."""
    parts, folder = [], device.folder
    top = (sys / "devices").resolve()
    while folder != top and top in folder.parents:
        if (folder / "uevent").is_file() and (folder / "subsystem").exists():
            parts.append(_described(folder, top, udev))
        folder = folder.parent
    return "\n".join(parts)


def _described(folder: Path, top: Path, udev: Path) -> str:
    lines = [f"P: /devices/{folder.relative_to(top)}"]
    properties = _properties(folder, udev)
    descriptors = _read(folder / "descriptors")
    node = properties.get("DEVNAME")
    if node and descriptors is not None:
        lines.append(f"N: {node.removeprefix('/dev/')}={descriptors.hex().upper()}")
    lines += [f"E: {name}={value}" for name, value in properties.items()]
    for name in _TEXTS:
        data = _read(folder / name)
        if data is not None:
            lines.append(f"A: {name}={_escaped(data)}")
    if descriptors is not None:
        lines.append(f"H: descriptors={descriptors.hex().upper()}")
    return "\n".join(lines) + "\n"


def _properties(folder: Path, udev: Path) -> dict[str, str]:
    """The kernel's and udev's properties of a device."""
    properties = dict(_pairs((_read(folder / "uevent") or b"").decode("utf-8", "replace").splitlines()))
    if "DEVNAME" in properties:
        properties["DEVNAME"] = f"/dev/{properties['DEVNAME']}"
        kept = _read(udev / f"c{(_read(folder / 'dev') or b'').decode().strip()}")
        lines = (kept or b"").decode("utf-8", "replace").splitlines()
        properties |= dict(_pairs([line[2:] for line in lines if line.startswith("E:")]))
    return properties | {"SUBSYSTEM": (folder / "subsystem").resolve().name}


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, equals, value in (line.partition("=") for line in lines) if equals]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _escaped(data: bytes) -> str:
    """As a string of C, which umockdev reads."""
    named = {0x0A: "\\n", 0x5C: "\\\\", 0x22: '\\"'}
    return "".join(named.get(byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data)
