"""A folder of finger images, and each of them laid on a platen of 300 x 400 pixels at 500 ppi."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fwtools.errors import ToolError

WIDTH, HEIGHT, PPI = 300, 400, 500
SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
LEAST_PPI, MOST_PPI = 250, 1000  # a file that claims another resolution is not believed
MOST_PAGES = 200  # of a file that is a roll: 120 MB
LIGHT_PERCENTILE = 95  # of an image's grey levels: its light background, also under a finger that fills it


def list_images(folder: Path) -> list[Path]:
    """The images of a folder in file-name order; each is decoded once, so that a bad one is named now."""
    if not folder.is_dir():
        raise ToolError(f"there is no folder {folder}: name the folder of finger images with --scans")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ToolError(f"the folder {folder} holds no image: put {', '.join(SUFFIXES)} files there")
    for path in paths:
        _decode(path)
    return paths


def finger_on_platen(path: Path, platen_size: tuple[int, int] = (HEIGHT, WIDTH)) -> NDArray[np.uint8]:
    """One image at 500 ppi, centred on the platen: (height, width) uint8, dark ridges on light ground."""
    grey, ppi = _decode(path)
    if round(ppi) != PPI:
        scale = PPI / ppi
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(grey)
    light = np.percentile(pixels, LIGHT_PERCENTILE)
    dark = np.clip(light - pixels, 0, None)
    source_y, target_y = _overlap(dark.sum(1), platen_size[0])
    source_x, target_x = _overlap(dark.sum(0), platen_size[1])
    platen = np.full(platen_size, round(light), np.uint8)
    platen[target_y, target_x] = pixels[source_y, source_x]
    return platen


def pictures_of_roll(path: Path) -> list[NDArray[np.uint8]]:
    """The pictures of a rolling finger, (h, w) uint8: the pages of a file; none for a single picture."""
    try:
        with Image.open(path) as image:
            count = getattr(image, "n_frames", 1)
            if count == 1:
                return []
            if count > MOST_PAGES:
                raise ToolError(f"{path} has {count} pages: a roll has at most {MOST_PAGES} pictures")
            pages = []
            for number in range(count):
                image.seek(number)
                pages.append(np.asarray(image.convert("L")))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ToolError(f"{path} is not a readable image: {error}") from error
    if len({page.shape for page in pages}) > 1:
        raise ToolError(f"{path}: the pictures of a roll have different sizes")
    return pages


def _overlap(darkness: NDArray[np.float64], room: int) -> tuple[slice, slice]:
    """Along one axis: a small image goes to the middle, of a big one the darkest window is kept."""
    size = len(darkness)
    if size <= room:
        start = (room - size) // 2
        return slice(0, size), slice(start, start + size)
    total = np.concatenate(([0.0], np.cumsum(darkness)))
    windows = total[room:] - total[:-room]
    best = np.flatnonzero(windows >= windows.max() * (1 - 1e-9))
    start = int(best[len(best) // 2])
    return slice(start, start + room), slice(0, room)


def _decode(path: Path) -> tuple[Image.Image, float]:
    """Decode a file: grey image, pixels per inch (500 where the file says nothing credible)."""
    try:
        with Image.open(path) as image:
            image.load()
            ppi = float(image.info.get("dpi", (PPI, PPI))[0])
            if image.mode.startswith("I;16"):
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)), _credible(ppi)
            return image.convert("L"), _credible(ppi)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ToolError(f"{path} is not a readable image: {error}") from error


def _credible(ppi: float) -> float:
    return ppi if LEAST_PPI <= ppi <= MOST_PPI else PPI
