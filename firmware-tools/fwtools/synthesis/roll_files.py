"""Rolls as files: SSSS_PP_I.tif, one page a picture; truth/SSSS_PP_I.png and .fmr, what they make."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fwtools.errors import ToolError
from fwtools.synthesis.files import PPI, png
from fwtools.synthesis.finger import ROUND, Finger, flat_part, synthesise_finger
from fwtools.synthesis.rolled import roll
from matching import iso19794

TRUTH = "truth"
LIVE_ROLLED = 1  # impression type, ISO/IEC 19794-2:2005 table 5


def write_rolls(
    folder: Path, masters: "RoundMasters", subject: int, impressions: int,
    missing: frozenset[int] = frozenset(),
) -> list[Path]:  # fmt: skip
    """Write the rolls of a subject's fingers; return the files. ToolError where one cannot be written."""
    paths = []
    for position in sorted(set(range(1, 11)) - missing):
        for index in range(1, impressions + 1):
            made = roll(masters(position), index)
            path = folder / f"{subject:04}_{position:02}_{index}.tif"
            truth = folder / TRUTH / path.name
            try:
                truth.parent.mkdir(exist_ok=True)
                path.write_bytes(pages(made.frames))
                truth.with_suffix(".png").write_bytes(png(made.truth))
                record = iso19794.write(made.template, impressions=[LIVE_ROLLED])
                truth.with_suffix(".fmr").write_bytes(record)
            except OSError as error:
                raise ToolError(f"{path} cannot be written: {error.strerror}") from error
            paths.append(path)
    return paths


class RoundMasters:
    """A subject's fingers from nail to nail, each grown once."""

    def __init__(self, seed: int, subject: int) -> None:
        self._grown = lru_cache(maxsize=None)(lambda p: synthesise_finger(seed, subject, p, ROUND))

    def __call__(self, position: int) -> Finger:
        """Return the finger of a position 1..10."""
        return self._grown(position)

    def flat(self, position: int) -> Finger:
        """Return what of it lies on the glass when it is not rolled."""
        return flat_part(self._grown(position))


def pages(frames: NDArray[np.uint8]) -> bytes:
    """Return pictures (n, h, w) uint8 as the pages of one TIFF of 500 ppi."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    data = io.BytesIO()
    first.save(
        data, "TIFF", save_all=True, append_images=others, compression="tiff_adobe_deflate", dpi=(PPI, PPI)
    )
    return data.getvalue()
