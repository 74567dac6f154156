"""A device's description: of a folder laid out as /sys, and of a device that umockdev shows."""

import subprocess
import sys
from pathlib import Path

import pytest

from fwtools.errors import ToolError
from fwtools.recording.about import Capture
from fwtools.recording.folder import read_recording
from fwtools.recording.replaying import replay
from fwtools.recording.sysfs import at_port, describe, numbered
from tests.fwtools.recording.parts import RECORDINGS

DESCRIPTORS = bytes.fromhex("12010002")


def sysfs(root: Path) -> Path:
    """A root hub and one device at port 1-1.2, as Linux shows them."""
    hub = root / "devices/platform/vhci_hcd.0/usb1"
    device = hub / "1-1/1-1.2"
    subsystem = root / "bus/usb"
    (subsystem / "devices").mkdir(parents=True)
    for folder, number, name in ((hub, 1, "usb1"), (device, 7, "1-1.2")):
        folder.mkdir(parents=True)
        (folder / "subsystem").symlink_to(subsystem)
        (folder / "uevent").write_text(f"MAJOR=189\nDEVNAME=bus/usb/001/{number:03}\nDEVTYPE=usb_device\n")
        (folder / "busnum").write_text("1\n")
        (folder / "devnum").write_text(f"{number}\n")
        (folder / "dev").write_text(f"189:{number - 1}\n")
        (folder / "descriptors").write_bytes(DESCRIPTORS)
        (subsystem / "devices" / name).symlink_to(folder)
    (device / "idVendor").write_text("298d\n")
    (device / "idProduct").write_text("1010\n")
    (device / "product").write_bytes('A "reader" ®\\\n'.encode())
    (subsystem / "devices" / "1-1.2:1.0").symlink_to(device)  # an interface: no device
    return root


def test_a_device_is_described_with_its_parents(tmp_path: Path) -> None:
    udev = tmp_path / "udev"
    udev.mkdir()
    (udev / "c189:6").write_text("S:x\nE:ID_MODEL=reader\nG:seat\n")
    root = sysfs(tmp_path / "sys")
    text = describe(at_port("1-1.2", root), root, udev)
    device, hub = (part.splitlines() for part in text.split("\n\n"))
    assert device == [
        "P: /devices/platform/vhci_hcd.0/usb1/1-1/1-1.2",
        "N: bus/usb/001/007=12010002",
        "E: MAJOR=189",
        "E: DEVNAME=/dev/bus/usb/001/007",
        "E: DEVTYPE=usb_device",
        "E: ID_MODEL=reader",
        "E: SUBSYSTEM=usb",
        "A: busnum=1\\n",
        "A: dev=189:6\\n",
        "A: devnum=7\\n",
        "A: idProduct=1010\\n",
        "A: idVendor=298d\\n",
        'A: product=A \\"reader\\" \\302\\256\\\\\\n',
        "H: descriptors=12010002",
    ]
    assert hub[0] == "P: /devices/platform/vhci_hcd.0/usb1"


def test_a_device_is_found_by_its_number(tmp_path: Path) -> None:
    root = sysfs(tmp_path / "sys")
    assert numbered(1, 7, root) == at_port("1-1.2", root)


def test_a_device_that_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    root = sysfs(tmp_path / "sys")
    for port in ("1-2", "../../devices", "1-1.2:1.0"):
        with pytest.raises(ToolError, match=r"no USB device is at port .*: there are 1-1\.2 \(298d:1010\)"):
            at_port(port, root)
    with pytest.raises(ToolError, match="number 8 on bus 1"):
        numbered(1, 8, root)
    with pytest.raises(ToolError, match="this kernel has no USB"):
        numbered(1, 1, tmp_path)


@pytest.mark.usefixtures("umockdev")
@pytest.mark.parametrize("name", ["NB-1010-U_298d-1010_0.01"])
def test_our_description_of_a_described_device_replays_as_the_first_one(tmp_path: Path, name: str) -> None:
    first = RECORDINGS / name
    program = "from fwtools.recording.sysfs import *; print(describe(at_port('1-1')), end='')"
    command = ["umockdev-run", "-d", str(first / "device"), "--", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    (tmp_path / "device").write_text(done.stdout)
    (tmp_path / "capture.pcapng").write_bytes((first / "capture.pcapng").read_bytes())
    about = read_recording(first).about
    assert about is not None
    assert about.picture is not None
    assert replay(read_recording(tmp_path), Capture()).sha256 == about.picture.sha256
