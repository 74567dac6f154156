"""`vantay-fw redact`: a recording that may be shared: a synthetic finger and no serial number in it."""

import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fwtools.errors import ToolError
from fwtools.recording.about import NAME, About, Capture, Picture
from fwtools.recording.folder import DEVICE, Recording, read_recording
from fwtools.recording.options import add_capture_options, capture_of
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.redaction import Redacted, redact, serials_in, without_serials_text
from fwtools.recording.replaying import Replayed, replay
from fwtools.virtual.images import finger_on_platen

USUAL_SEED = 1


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "recording", type=Path, metavar="FOLDER", help="with device and capture.pcapng or .ioctl"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="an empty or new folder")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, metavar="S", help=f"of the synthetic finger ({USUAL_SEED})")
    which.add_argument(
        "--finger", type=Path, metavar="IMAGE", help="another image instead; of nobody's finger"
    )
    add_capture_options(parser)


def run(args: Namespace) -> int:
    """Replay, redact, and replay what came of it: it must give exactly the other image."""
    recording = read_recording(args.recording)
    capture = capture_of(args, recording.about.capture if recording.about else Capture())
    finger, what = _finger(args)
    before = replay(recording, capture)
    serials = [before.serial.strip(), *serials_in(recording.description)]
    try:
        redacted = redact(
            recording.tape,
            recording.driver.model,
            recording.usb_id,
            before.pixels,
            finger,
            [s for s in serials if s],
        )
    except BadRecording as error:
        raise ToolError(f"{args.recording} cannot be redacted: {error}") from error
    with _folder(args.out):
        (args.out / DEVICE).write_text(without_serials_text(recording.description, serials), "utf-8")
        (args.out / recording.file.name).write_bytes(redacted.tape)
        after = _proved(args.out, capture, redacted)
        (args.out / NAME).write_text(_about(recording, capture, after, what).text(), "utf-8")
    height, width = after.pixels.shape
    print(
        f"redact: {redacted.pictures} pictures replaced, {'the' if any(serials) else 'no'} serial number; "
        f"{args.out} replays to {what}: {width} x {height} pixels, sha256 {after.sha256}"
    )
    return 0


def _proved(out: Path, capture: Capture, redacted: Redacted) -> Replayed:
    """Replay the new recording; ToolError when it does not give the image that was put into it."""
    after = replay(read_recording(out), capture)
    if not np.array_equal(after.pixels, redacted.image):
        raise ToolError("the redacted recording gives another picture than was put into it")
    return after


def _finger(args: Namespace) -> tuple[NDArray[np.uint8], str]:
    if args.finger is not None:
        return finger_on_platen(args.finger), f"the image {args.finger.name}"
    seed = USUAL_SEED if args.seed is None else args.seed
    if not 0 <= seed < 2**63:
        raise ToolError(f"--seed is {seed}: give a number from 0 to {2**63 - 1}")
    from fwtools.synthesis import impression, synthesise_finger  # loads the kernels

    pixels, _ = impression(synthesise_finger(seed, 1, 2), 1, (300, 400))
    return pixels, f"the synthetic finger of seed {seed}"


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """A folder that is taken away again when what it should hold does not come about."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise ToolError(f"the folder {out} is not empty: name a new one, or clear it")
    except OSError as error:
        raise ToolError(f"the folder {out} cannot be made: {error.strerror}") from error
    try:
        yield
    except OSError as error:
        shutil.rmtree(out)
        raise ToolError(f"{error.filename or out} cannot be written: {error.strerror}") from error
    except BaseException:
        shutil.rmtree(out)
        raise


def _about(recording: Recording, capture: Capture, after: Replayed, what: str) -> About:
    height, width = after.pixels.shape
    picture = Picture(width, height, after.ppi, after.sha256)
    finger = f"{what}, put in by vantay-fw redact"
    if recording.about is not None:
        return replace(recording.about, finger=finger, capture=capture, picture=picture)
    usb_id = f"{recording.usb_id.vendor:04x}:{recording.usb_id.product:04x}"
    tool = f"vantay {metadata.version('vantay')}"
    today = datetime.now(UTC).date()
    return About(after.model, usb_id, after.firmware, today, tool, "not said", finger, capture, picture)
