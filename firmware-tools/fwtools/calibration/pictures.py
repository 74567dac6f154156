"""Pictures of a target: just taken, or from files; kept byte for byte, so that their hashes hold."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from drivers.api import DriverSpec
from fwtools.calibration.pitch import Pixels
from fwtools.errors import ToolError

LEAST_SIDE, MOST_SIDE = 64, 2000  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of the target, as it is kept."""

    name: str
    pixels: Pixels
    content: bytes
    suffix: str


def taken_picture(name: str, pixels: Pixels) -> Picture:
    """One that was just taken: kept as PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Picture(name, pixels, file.getvalue(), ".png")


def read_picture(path: Path, spec: DriverSpec | None) -> Picture:
    """Read a picture of the target, as it came from the scanner."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            if not all(LEAST_SIDE <= side <= MOST_SIDE for side in image.size):
                raise ToolError(
                    f"{path} has {image.width} x {image.height} pixels: no picture of a fingerprint scanner"
                )
            pixels = np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is damaged, or of another kind"
        raise ToolError(f"{path} is not a readable image: {why}") from error
    if spec and pixels.shape != (spec.height, spec.width):
        raise ToolError(
            f"{path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, a {spec.model} gives {spec.width} x "
            f"{spec.height}: it must be as it came, not resampled or cut"
        )
    return Picture(str(path), pixels, content, path.suffix.lower())
