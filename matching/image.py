"""Reading an image file into grey pixels and their resolution."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.decoding import decoding
from matching.errors import BadImage
from matching.template import REFERENCE_PPI

LEAST_PPI, MOST_PPI = 250.0, 1000.0  # inclusive; what extraction is made for
LEAST_SIDE = 32  # px: 1.6 mm at 500 ppi, less than three ridges
MOST_PIXELS = 25_000_000  # 127 x 127 mm at 1000 ppi, more than a four-finger sensor has
FORMATS = ("PNG", "TIFF", "BMP")
MAGIC = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"BM")  # how such files begin


class GreyImage(NamedTuple):
    """What a file holds."""

    pixels: NDArray[np.uint8]  # (h, w), 0 black
    ppi: float  # pixels per inch


def read_image(path: Path, dpi: float | None = None) -> GreyImage:
    """Read a PNG, TIFF or BMP file of 8 or 16 bits, grey or colour.

    The resolution is dpi when given, else the file's own when it is the same both ways and within 250
    to 1000, else 500. Raises BadImage, one sentence that names the file.
    """
    from PIL import Image, UnidentifiedImageError  # only here: importing it takes time

    if dpi is not None and not LEAST_PPI <= dpi <= MOST_PPI:
        raise BadImage(f"a resolution of {dpi:g} dpi is outside {LEAST_PPI:g} to {MOST_PPI:g}")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise BadImage(f"{path}: this is a pipe or a device, not an image file")
    try:
        with decoding("ignore"), Image.open(path, formats=FORMATS) as image:
            check_size(
                image.width, image.height, str(path)
            )  # pillow's warnings of huge images are not needed
            return GreyImage(_grey(image, path), dpi or _own_ppi(image.info.get("dpi")))
    except BadImage:
        raise
    except FileNotFoundError:
        raise BadImage(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise BadImage(f"{path}: this is a folder, not an image") from None
    except PermissionError:
        raise BadImage(f"{path}: reading this file is not permitted") from None
    except UnidentifiedImageError:
        raise BadImage(f"{path}: the file is {_kind_of(path)}") from None
    except Image.DecompressionBombError:
        raise BadImage(f"{path}: the image has more than {MOST_PIXELS:,} pixels") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and others
        raise BadImage(f"{path}: the image is truncated or damaged ({error})") from None


def check_size(width: int, height: int, name: str) -> None:
    """Raise BadImage when an image is too small to hold a finger or too large to be one."""
    if width < LEAST_SIDE or height < LEAST_SIDE:
        raise BadImage(
            f"{name}: {width} x {height} pixels are too few for a finger (at least {LEAST_SIDE} each way)"
        )
    if width * height > MOST_PIXELS:
        raise BadImage(f"{name}: the image has more than {MOST_PIXELS:,} pixels ({width} x {height})")


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        begin = file.read(8)
    if not begin:
        return "empty"
    return "truncated or damaged" if begin.startswith(MAGIC) else "not a PNG, TIFF or BMP image"


def _grey(image, path: Path) -> NDArray[np.uint8]:  # type: ignore[no-untyped-def]
    if image.mode.startswith("I;16"):
        return (np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise BadImage(f"{path}: pixels of more than 16 bits are not grey levels")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        from PIL import Image

        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("L"))


def _own_ppi(stated: object) -> float:
    if not isinstance(stated, tuple) or len(stated) != 2:
        return REFERENCE_PPI
    across, down = (round(float(value)) for value in stated)  # 19,685 per metre is meant as 500 per inch
    return float(across) if across == down and LEAST_PPI <= across <= MOST_PPI else REFERENCE_PPI
