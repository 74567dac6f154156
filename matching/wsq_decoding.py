"""WSQ data to pixels, by NIST's decoder in the optional package `wsq`, in a process of its own."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from signal import Signals

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord

PROGRAM = Path(__file__).with_name("wsq_process.py")
PATIENCE = 120  # seconds: it ends itself after 30 of computing
MISSING = "the optional package 'wsq' is not installed"


def has_wsq() -> bool:
    """Whether WSQ can be decoded here."""
    return find_spec("wsq") is not None


def decode(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Return the pixels, uint8 (height, width); BadRecord where they have another size or cannot be read."""
    if not has_wsq():
        raise BadRecord(f"finger image: WSQ cannot be decoded: {MISSING}")
    try:
        done = subprocess.run(
            [sys.executable, "-P", PROGRAM, str(width), str(height)],
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadRecord(f"finger image: the wsq data is not decoded within {PATIENCE} seconds") from None
    size, _, pixels = done.stdout.partition(b"\n")
    if size and size != b"%d %d" % (width, height):
        held = size.decode("ascii", "replace").replace(" ", " x ")
        raise BadRecord(f"finger image: {width} x {height} declared, the wsq data holds {held}")
    if done.returncode or len(pixels) != width * height:
        raise BadRecord(f"finger image: the wsq data cannot be decoded: {_why(done)}")
    return np.frombuffer(pixels, np.uint8).reshape(height, width)


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"NIST's decoder ended by {Signals(-done.returncode).name}"
    said = "; ".join(done.stderr.decode("utf-8", "replace").splitlines())
    return "".join(c for c in said if c.isprintable())[:160] or "it ends early"
