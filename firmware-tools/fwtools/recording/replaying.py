"""Replays a recording: the driver, in a process of its own, through the real libusb under umockdev."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from fwtools.errors import ToolError
from fwtools.recording.about import Capture
from fwtools.recording.chosen import numbers_of
from fwtools.recording.folder import DEVICE, Recording, traffic_of

SECONDS = 120  # a strict tape that does not fit ends by the driver's own time-outs, all shorter


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What the driver gave."""

    pixels: NDArray[np.uint8]
    model: str
    serial: str
    firmware: str
    location: str
    ppi: float
    sha256: str


def replay(recording: Recording, capture: Capture) -> Replayed:
    """Capture from a recording; ToolError when umockdev is missing or the recording does not fit."""
    numbers = numbers_of(recording.driver.model, recording.tape.transfers)
    with TemporaryDirectory() as scratch:
        out = Path(scratch, "image.npy")
        how = json.dumps(asdict(capture) | {"numbers": numbers})
        said = json.loads(
            run_under_umockdev(recording, "fwtools.recording.capture", "usb", str(out), how).splitlines()[0]
        )
        return Replayed(
            np.load(out),
            *(said[name] for name in ("model", "serial", "firmware", "location", "ppi", "sha256")),
        )


def run_under_umockdev(recording: Recording, *program: str) -> str:
    """Run a module's program against a recording; return what it printed."""
    umockdev = shutil.which("umockdev-run")
    if umockdev is None:
        raise ToolError("umockdev-run is not here: apt-get install umockdev")
    with TemporaryDirectory() as scratch:
        return _run(recording, umockdev, _laid_out(recording, Path(scratch)), program)


def _laid_out(recording: Recording, scratch: Path) -> Path:
    """Return the file with the traffic as umockdev reads it."""
    if recording.file.exists():
        return recording.file
    file = scratch / recording.file.name
    file.write_bytes(traffic_of(recording.folder))
    return file


def _run(recording: Recording, umockdev: str, file: Path, program: tuple[str, ...]) -> str:
    if recording.node is None:
        tape = ["-p", f"/sys{recording.path}={file}"]
    else:
        tape = ["-i", f"{recording.node}={file}"]
    command = [umockdev, "-d", str(recording.folder / DEVICE), *tape, "--", sys.executable, "-m", *program]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        said, complaint = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise ToolError(f"{recording.folder} did not replay within {SECONDS} s") from None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        raise ToolError(
            f"{recording.folder} does not replay: {last[0]}; a recording is a strict tape, which the driver "
            "must follow step by step, set up as it was recorded (--settle, --occupied, --until)"
        )
    return said
