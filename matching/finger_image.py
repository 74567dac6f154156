"""FingerImage: one image of an ISO/IEC 19794-4 record, still compressed; to its pixels and back."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from matching.decoding import decoding
from matching.errors import BadRecord
from matching.wsq_decoding import decode

RAW, PACKED, WSQ, JPEG, JPEG2000, JPEG2000_LOSSLESS, PNG = (
    "raw",
    "packed",
    "wsq",
    "jpeg",
    "jpeg2000",
    "jpeg2000-lossless",
    "png",
)
WRITTEN = (RAW, PNG, JPEG2000_LOSSLESS)
PILLOW = {JPEG: "JPEG", JPEG2000: "JPEG2000", JPEG2000_LOSSLESS: "JPEG2000", PNG: "PNG"}
MOST_PIXELS = 4096 * 4096  # a palm at 500 ppi has 2500 x 2500
PPI_PER_PPCM = 2.54


@dataclass(frozen=True, slots=True)
class FingerImage:
    """One image of a record, of 8-bit grey levels unless `depth` says otherwise."""

    data: bytes  # as `compression` says
    width: int  # pixels
    height: int  # pixels
    ppi: float
    compression: str = RAW
    position: int = 0  # 0..10 as minutiae, 13 right four, 14 left four, 15 both thumbs
    impression: int = 0  # 0 live plain, 1 live rolled, 2 and 3 non-live, 7 latent, 8 swipe
    quality: int | None = None  # 0..100
    device: int = 0  # the vendor's own number
    depth: int = 8  # bits of a pixel


def compress(pixels: NDArray[np.uint8], form: str, ppi: float | None = None) -> bytes:
    """Return a (height, width) uint8 array as image data of a form of `WRITTEN`, all without loss.

    With `ppi` the data of a PNG say their resolution, as a file of its own should.
    """
    if form == RAW:
        return pixels.tobytes()
    if form not in WRITTEN:
        raise BadRecord(f"finger image: {form} is not written here, only {', '.join(WRITTEN)}")
    buffer = io.BytesIO()
    options = {"dpi": (ppi, ppi)} if ppi else {}
    # JPEG 2000 is without loss unless told otherwise
    Image.fromarray(pixels).save(buffer, PILLOW[form], **options)
    return buffer.getvalue()


def pixels_of(image: FingerImage) -> NDArray[np.uint8]:
    """Return the pixels, uint8 (height, width); BadRecord where they are not as declared or cannot be read.

    The declared size is compared with that of the data before anything is decoded.
    """
    size = (image.width, image.height)
    if image.width * image.height > MOST_PIXELS:
        raise BadRecord(f"finger image: {size[0]} x {size[1]} pixels, at most {MOST_PIXELS} are decoded")
    if image.depth != 8:
        raise BadRecord(f"finger image: {image.depth} bits a pixel, only 8 are decoded here")
    if image.compression in (RAW, PACKED):  # of eight bits, packed is the same
        return np.frombuffer(image.data, np.uint8, image.width * image.height).reshape(size[::-1])
    if image.compression == WSQ:
        return decode(image.data, image.width, image.height)
    try:
        with (
            decoding("error"),
            Image.open(io.BytesIO(image.data), formats=(PILLOW[image.compression],)) as opened,
        ):
            if opened.size != size:
                raise BadRecord(
                    f"finger image: {size[0]} x {size[1]} declared, the {image.compression} data holds "
                    f"{opened.size[0]} x {opened.size[1]}"
                )
            return np.asarray(opened.convert("L"), np.uint8)
    except BadRecord:
        raise
    except UnidentifiedImageError:
        raise BadRecord(f"finger image: the {image.compression} data cannot be decoded: it is none") from None
    except Exception as error:  # decoders raise whatever they like about hostile data
        raise BadRecord(f"finger image: the {image.compression} data cannot be decoded: {error}") from error


def check_raw(image: FingerImage, offset: int, standard: str) -> None:
    """Refuse an image without area, or uncompressed data of another length than its size and depth give."""
    if not image.width or not image.height:
        raise BadRecord(f"{standard}: image {image.width} x {image.height} before offset {offset} is empty")
    if image.compression == PACKED:
        wanted = (image.width * image.depth + 7) // 8 * image.height
    else:
        wanted = image.width * image.height * ((image.depth + 7) // 8)
    if image.compression in (RAW, PACKED) and len(image.data) != wanted:
        raise BadRecord(
            f"{standard}: image data at offset {offset} has {len(image.data)} bytes, "
            f"{image.width} x {image.height} pixels of {image.depth} bits need {wanted}"
        )


def check_codes(
    image: FingerImage, positions: frozenset[int], impressions: frozenset[int], standard: str
) -> None:
    """Refuse to write a position or an impression type that the edition does not define."""
    if image.position not in positions:
        raise BadRecord(f"{standard}: position {image.position} is not defined")
    if image.impression not in impressions:
        raise BadRecord(f"{standard}: impression type {image.impression} is not defined")


def check_fields(image: FingerImage, standard: str) -> None:
    """Refuse to write what the fields of both editions cannot hold, or no reader takes."""
    for field, value, least, most in (
        ("quality", image.quality or 0, 0, 100),
        ("device", image.device, 0, 0xFFFF),
        ("resolution", image.ppi, 1, 0xFFFF),
        ("width", image.width, 1, 0xFFFF),
        ("height", image.height, 1, 0xFFFF),
        ("depth", image.depth, 1, 16),
    ):
        if not least <= value <= most:
            raise BadRecord(f"{standard}: {field} {value} is not {least} to {most}")


def ppi_of(units: int, rate: int, offset: int, standard: str) -> float:
    """Return pixels per inch of a rate in scale units 1 (inch) or 2 (centimetre); 197 px/cm means 500."""
    if units not in (1, 2):
        raise BadRecord(f"{standard}: scale units {units} are neither 1 nor 2, before offset {offset}")
    if not rate:
        raise BadRecord(f"{standard}: image resolution at offset {offset} is zero")
    return float(rate) if units == 1 else (500.0 if rate in (196, 197) else rate * PPI_PER_PPCM)
