"""`vantay-fw replay`: capture from a recording, through the real libusb."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from PIL import Image

from fwtools.errors import ToolError
from fwtools.recording.about import Capture
from fwtools.recording.folder import Recording, read_recording
from fwtools.recording.options import add_capture_options, capture_of
from fwtools.recording.replaying import Replayed, replay

LEAST_PPI, MOST_PPI = 50, 5000


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "recording", type=Path, metavar="FOLDER", help="with device and capture.pcapng or .ioctl"
    )
    parser.add_argument("--out", type=Path, metavar="PNG", help="write the upright image there")
    parser.add_argument("--ppi", type=_ppi, help="the resolution to write into it, instead of the driver's")
    add_capture_options(parser)


def _ppi(text: str) -> float:
    try:
        ppi = float(text)
    except ValueError:
        ppi = 0.0
    if not LEAST_PPI <= ppi <= MOST_PPI:
        raise ArgumentTypeError(f"'{text}' is no resolution from {LEAST_PPI} to {MOST_PPI} pixels per inch")
    return ppi


def run(args: Namespace) -> int:
    """Replay, say what came, and compare it with what must come."""
    recording = read_recording(args.recording)
    usual = recording.about.capture if recording.about else Capture()
    replayed = replay(recording, capture_of(args, usual))
    if args.out is not None:
        _write(args.out, replayed, args.ppi or replayed.ppi)
    height, width = replayed.pixels.shape
    which = f"{replayed.model} firmware {replayed.firmware} at {replayed.location}"
    what = f"{width} x {height} pixels, {replayed.ppi:g} ppi, sha256 {replayed.sha256}"
    print(f"replay: {which}: {what}: {judged(recording, replayed)}")
    return 0


def judged(recording: Recording, replayed: Replayed) -> str:
    """Whether it is the expected picture; ToolError when it is another one."""
    expected = recording.about.picture if recording.about else None
    if expected is None:
        return "no expected picture is named"
    if expected.sha256 != replayed.sha256:
        raise ToolError(
            f"{recording.folder} gives another picture than recording.toml names: sha256 {replayed.sha256}, "
            f"not {expected.sha256}"
        )
    return "as expected"


def _write(path: Path, replayed: Replayed, ppi: float) -> None:
    try:
        Image.fromarray(replayed.pixels).save(path, "PNG", dpi=(ppi, ppi))
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror or error}") from error
