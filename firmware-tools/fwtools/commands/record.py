"""`vantay-fw record`: what passes between a USB scanner and its host, through usbmon.

Needs an interpreter and this package's source only (`python3 -m fwtools.cli record …`); `--capture` needs the
drivers as well.
"""

import json
import platform
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from fwtools.errors import ToolError
from fwtools.recording.about import NAME, About, Capture, Picture
from fwtools.recording.options import add_capture_options, capture_of
from fwtools.recording.recorder import Recorded, record, until_signal, while_running
from fwtools.recording.sysfs import UsbDevice, at_port, describe, numbered
from fwtools.recording.usbmon import MOST_DATA, Usbmon

SEED = 1  # the host's number of a capture that is recorded


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--usb", metavar="BUS-PORT", help="the device by its port, as in /sys/bus/usb/devices: 1-1.2"
    )
    parser.add_argument("--bus", type=int, metavar="N", help="or by its bus and number, as lsusb shows them")
    parser.add_argument("--device", type=int, metavar="M")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="an empty or new folder: MODEL_HARDWARE_FIRMWARE",
    )
    parser.add_argument(
        "--source", default="", metavar="TEXT", help="which device this is; the system is added"
    )
    parser.add_argument(
        "--finger", default="not said", metavar="TEXT", help="what lies on the platen; never a finger"
    )
    parser.add_argument(
        "--capture", action="store_true", help="record one capture by the driver, with its picture"
    )
    add_capture_options(parser)
    parser.add_argument(
        "command", nargs="*", metavar="-- COMMAND", help="record while it runs; else until Ctrl-C"
    )


def run(args: Namespace) -> int:
    """Record, then say what there is; ToolError when the recording is not whole or the command failed."""
    device = _device(args)
    with TemporaryDirectory() as scratch, Usbmon(device.bus) as monitor, _folder(args.out) as file:
        (args.out / "device").write_text(describe(device), "utf-8")
        said = Path(scratch, "said.json")
        recorded, code = _recorded(args, monitor, device, file, said)
        picture = json.loads(said.read_text()) if args.capture and code == 0 else None
        (args.out / NAME).write_text(_about(args, device, picture).text(), "utf-8")
    _check(args.out, recorded, code)
    print(f"record: {recorded.events} events in {args.out}")
    return 0


def _device(args: Namespace) -> UsbDevice:
    if args.capture and args.command:
        raise ToolError("give --capture or a command, not both")
    if args.command and shutil.which(args.command[0]) is None:
        raise ToolError(f"there is no program {args.command[0]}")
    if args.usb is not None and args.bus is None and args.device is None:
        return at_port(args.usb)
    if args.usb is None and args.bus is not None and args.device is not None:
        return numbered(args.bus, args.device)
    raise ToolError("name the device with --usb BUS-PORT, or with --bus N --device M")


@contextmanager
def _folder(out: Path) -> Iterator[BinaryIO]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise ToolError(f"the folder {out} is not empty: name a new one, or clear it")
        with (out / "capture.pcapng").open("xb") as file:
            yield file
    except OSError as error:
        raise ToolError(f"{error.filename or out} cannot be written: {error.strerror}") from error


def _recorded(
    args: Namespace, monitor: Usbmon, device: UsbDevice, file: BinaryIO, said: Path
) -> tuple[Recorded, int]:
    """Record while the command or the capture runs, or until a signal comes; with the exit code."""
    if not args.capture and not args.command:
        with until_signal() as going:
            where = f"{monitor.name} to device {device.number}"
            print(f"record: listening on {where}; Ctrl-C ends it", file=sys.stderr, flush=True)
            return record(monitor, device, file, going), 0
    if not args.capture:
        with while_running(args.command, None) as process:
            return record(monitor, device, file, process.running), process.code()
    how = json.dumps(asdict(capture_of(args, Capture())) | {"numbers": [SEED]})
    module = [sys.executable, "-m", "fwtools.recording.capture"]
    command = [*module, f"usb:{device.folder.name}", str(said.with_suffix(".npy")), how]
    with said.open("w") as out, while_running(command, out) as process:
        return record(monitor, device, file, process.running), process.code()


def _about(args: Namespace, device: UsbDevice, said: dict[str, Any] | None) -> About:
    usb_id = f"{device.text('idVendor')}:{device.text('idProduct')}"
    system = f"{platform.system()} {platform.release()}"
    picture = None
    if said is not None:
        picture = Picture(said["width"], said["height"], said["ppi"], said["sha256"])
    return About(
        model=said["model"] if said else device.text("product"),
        usb_id=usb_id,
        firmware=said["firmware"] if said else "",
        recorded=datetime.now(UTC).date(),
        tool=_tool(),
        source=f"{args.source} on {system}" if args.source else f"on {system}",
        finger=args.finger,
        capture=capture_of(args, Capture()),
        picture=picture,
    )


def _tool() -> str:
    try:
        return f"vantay {metadata.version('vantay')}"
    except metadata.PackageNotFoundError:
        return "vantay, from source"


def _check(out: Path, recorded: Recorded, code: int) -> None:
    """Say what is wrong with a recording; it is kept all the same."""
    if code:
        raise ToolError(f"the command ended with exit code {code}; what was recorded until then is in {out}")
    if recorded.lost:
        raise ToolError(
            f"usbmon lost {recorded.lost} events: record again on a less busy machine; {out} has gaps"
        )
    if recorded.cut is not None:
        raise ToolError(
            f"a URB of {recorded.cut} bytes was cut off: usbmon holds {MOST_DATA} of one, so the driver must "
            f"read in smaller pieces; {out} does not replay"
        )
    if not recorded.events:
        raise ToolError(f"nothing passed between the device and its host; {out} is empty")
