"""A recording is a folder: `device`, `capture.pcapng`, `.pcapng.xz` or `.ioctl`, and `recording.toml`."""

import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from drivers.api import DriverSpec, UsbId
from drivers.registry import driver_for
from fwtools.errors import ToolError
from fwtools.recording.about import About, read_about
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.tape import IoctlTape, PcapngTape, Tape

DEVICE, PCAPNG, IOCTL = "device", "capture.pcapng", "capture.ioctl"
PACKED = f"{PCAPNG}.xz"
MOST_BYTES = 64 << 20  # of one file: a picture of the biggest scanner takes 0.7 MB


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that was found, its parts read."""

    folder: Path
    description: str
    path: str  # of the device, "/devices/…"
    node: str | None  # "/dev/bus/usb/001/003", for a tree of ioctls
    driver: DriverSpec
    usb_id: UsbId
    tape: Tape
    about: About | None

    @property
    def file(self) -> Path:
        """The file that holds the traffic."""
        return self.folder / (PCAPNG if self.node is None else IOCTL)


def read_recording(folder: Path) -> Recording:
    """Read a folder; ToolError when it is no recording of a scanner that there is a driver for."""
    try:
        return _read(folder)
    except BadRecording as error:
        raise ToolError(f"{folder} is no recording: {error}") from error


def _read(folder: Path) -> Recording:
    if not folder.is_dir():
        raise BadRecording("there is no such folder")
    description = _bytes(folder / DEVICE).decode("utf-8", "replace")
    first = description.split("\n\n", 1)[0].splitlines()
    path = first[0].removeprefix("P: ") if first else ""
    if not path.startswith("/devices/"):
        raise BadRecording(f"its file '{DEVICE}' does not begin with the device's path (P: /devices/…)")
    driver, usb_id = _driver(first)
    if (folder / PCAPNG).exists() or (folder / PACKED).exists():
        tape: Tape = PcapngTape(traffic_of(folder))
        return Recording(folder, description, path, None, driver, usb_id, tape, read_about(folder))
    data = _bytes(folder / IOCTL)
    node = re.match(rb"@DEV (/dev/\S+)", data)
    if node is None:
        raise BadRecording(f"{IOCTL} does not begin with the device's node (@DEV /dev/…)")
    return Recording(
        folder, description, path, node[1].decode(), driver, usb_id, IoctlTape(data), read_about(folder)
    )


def _driver(lines: list[str]) -> tuple[DriverSpec, UsbId]:
    found = {}
    for name in ("idVendor", "idProduct"):
        match = re.search(rf"^A: {name}=([0-9a-f]{{4}})(?:\\n)?$", "\n".join(lines), re.MULTILINE)
        if match is None:
            raise BadRecording(f"its file '{DEVICE}' has no {name}")
        found[name] = int(match[1], 16)
    driver = driver_for(found["idVendor"], found["idProduct"])
    if driver is None:
        raise BadRecording(f"no driver here knows {found['idVendor']:04x}:{found['idProduct']:04x}")
    return driver, UsbId(found["idVendor"], found["idProduct"])


def traffic_of(folder: Path) -> bytes:
    """Return a recording's pcapng file, unpacked where it is compressed; BadRecording when it is damaged."""
    if (folder / PCAPNG).exists():
        return _bytes(folder / PCAPNG)
    packed, unpacker = _bytes(folder / PACKED), lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        data = unpacker.decompress(packed, MOST_BYTES)
    except lzma.LZMAError as error:
        raise BadRecording(f"{PACKED} cannot be unpacked: {error}") from error
    if not unpacker.eof:
        raise BadRecording(f"{PACKED} is cut off, or longer than {MOST_BYTES >> 20} MiB")
    return data


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadRecording(f"{path.name} is longer than {MOST_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise BadRecording(f"{path.name}: {error.strerror}") from error
