"""In the guest: each model as a gadget on dummy_hcd, which is a USB controller and its host in one."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from drivers.api import BulkIn, ControlOut
from drivers.secugen_hamster_pro_20 import FRAME_BYTES, START, STREAM_OFF, STREAM_ON, TRAILER
from drivers.usb_transport import find_devices
from drivers.where import parse_where
from fwtools.gadget.endpoints import NEXT_SECONDS
from tests.kernel.rack import MODELS, OneHand, port_of

CONTROLLER, OTHER = "dummy_udc.0", "dummy_udc.1"
TREE = Path("/sys/kernel/config/usb_gadget") / f"vantay-{CONTROLLER}"
MOUNT = Path("/run/vantay-gadget") / CONTROLLER
HOW = {"settle_frames": 0, "empty_first": False, "until": "captured", "numbers": [1]}
SECONDS = 60.0


def load_modules() -> None:
    """Have two controllers and configfs."""
    for module in ("libcomposite", "usb_f_fs"):
        subprocess.run(["modprobe", module], check=True)
    subprocess.run(["modprobe", "dummy_hcd", "num=2"], check=True)
    if not Path("/sys/kernel/config").is_mount():
        subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)


class Gadget:
    """A running `vantay-fw gadget`, plugged in."""

    def __init__(self, model: str, scans: Path) -> None:
        command = ["vantay-fw", "gadget", "--udc", CONTROLLER, "--model", model]
        self.process = subprocess.Popen(
            [*command, "--scans", str(scans), "--control", "0"], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline() or '{"control": ":0"}')
        host, port = said["control"].rsplit(":", 1)
        self.control = (host, int(port))
        self.busid, self.port = said["busid"], port_of(MODELS[model])
        self.hand = OneHand(self.control, said["busid"])

    def kill(self) -> None:
        """End it without a warning."""
        self.process.kill()
        self.process.wait(SECONDS)


@contextlib.contextmanager
def gadget(model: str, scans: Path) -> Iterator[Gadget]:
    """Have a gadget; at the end SIGTERM must end it and leave nothing, if nobody has killed it."""
    one = Gadget(model, scans)
    try:
        yield one
    finally:
        one.process.terminate()
        code = one.process.wait(SECONDS)
    if code != -signal.SIGKILL:
        assert code == 0, f"the gadget ended with {code}"
        assert not left(), f"it has left {left()}"


def left() -> list[str]:
    """What there is of a gadget."""
    serves = Path("/sys/class/udc", CONTROLLER, "function").read_text().strip()
    found = [str(TREE)] if TREE.exists() else []
    return found + ([str(MOUNT)] if MOUNT.is_mount() else []) + ([serves] if serves else [])


def capture(where: str, hand: OneHand, image: str, out: Path) -> str:
    """Capture by the steps of a recording from a scanner that nobody used; the image's hash."""
    hand.put(image)
    command = ["python", "-m", "fwtools.recording.capture", where, str(out), json.dumps(HOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, f"no capture from {where}: {done.stderr.strip()[-300:]}"
    hand.lift()
    return str(json.loads(done.stdout)["sha256"])


def begins_anew(where: str) -> bool:
    """Whether a Hamster's picture is whole after one that the host broke off, and after one it let wait."""
    transport = find_devices(parse_where(where))[0].open()
    whole = []
    try:
        for length, seconds in ((100 * 512, 0.0), (FRAME_BYTES, 2 * NEXT_SECONDS), (FRAME_BYTES, 0.0)):
            transport.perform(ControlOut(START, 1, 0))
            transport.perform(ControlOut(STREAM_ON, 0, 0))
            whole.append(transport.perform(BulkIn(0x82, length, 65_536)).endswith(TRAILER))
            time.sleep(seconds)
            transport.perform(ControlOut(STREAM_OFF, 0, 0))
    finally:
        transport.close()
    return whole == [False, True, True]


def virtual_images(scans: Path, image: str, out: Path) -> dict[str, str]:
    """The hash of the image that each model gives over USB/IP, without a kernel."""
    command = ["vantay-fw", "virtual", "--scans", str(scans), "--control", "0"]
    for model in MODELS:
        command += ["--model", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        where = json.loads(server.stdout.readline())
        host, port = where["control"].rsplit(":", 1)
        found = {}
        for one in where["scanners"]:
            hand = OneHand((host, int(port)), one["busid"])
            place = f"usbip://{where['usbip']}/{one['busid']}"
            found[one["model"]] = capture(place, hand, image, out / f"virtual-{one['model']}.npy")
            hand.close()
        server.terminate()
    return found


def refused(scans: Path, *arguments: str, before: tuple[str, ...] = ()) -> str:
    """What is said where there can be no gadget."""
    command = [*before, "vantay-fw", "gadget", "--scans", str(scans), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SECONDS, env=os.environ
    )
    assert done.returncode == 2, f"{arguments} ended with {done.returncode}: {done.stderr[-300:]}"
    return done.stderr.strip().splitlines()[-1]


def refusals(scans: Path, stranger: list[str]) -> dict[str, str]:
    """Each sentence that was said, under the one that was to be said."""
    return {
        "only root may make a USB gadget": refused(scans, before=tuple(stranger)),
        f"choose with --udc, {CONTROLLER} or {OTHER}": refused(scans),
        f"--udc is {CONTROLLER} or {OTHER}": refused(scans, "--udc", "nowhere"),
        "numbers endpoints otherwise: 0x82 as 0x81": refused(scans, "--udc", CONTROLLER, "--exact"),
    }
