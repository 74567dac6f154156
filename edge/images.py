"""What the image commands share: reading an image, or saying why not; writing a file whole."""

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO

from edge.errors import BadCommand
from matching.errors import BadImage
from matching.image import LEAST_PPI, MOST_PPI, GreyImage, read_image

SQLITE = b"SQLite format 3\0"  # how a database begins
FORMATS = "a PNG, TIFF or BMP image of one finger, dark ridges"


def add_images(parser: ArgumentParser) -> None:
    """Add IMAGE… and --dpi."""
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help=FORMATS)
    add_dpi(parser)


def add_dpi(parser: ArgumentParser) -> None:
    """Add --dpi."""
    parser.add_argument(
        "--dpi",
        type=float,
        metavar="N",
        help="the image's resolution, 250 to 1000; without it the file's own, or 500",
    )


def check_dpi(dpi: float | None) -> None:
    """Refuse a resolution that no image may have, before any image is read; BadCommand says the limits."""
    if dpi is not None and not LEAST_PPI <= dpi <= MOST_PPI:
        raise BadCommand(f"a resolution of {dpi:g} dpi is outside {LEAST_PPI:g} to {MOST_PPI:g}")


def load(path: Path, dpi: float | None = None) -> GreyImage:
    """Read an image file; BadCommand says what is wrong with it."""
    try:
        return read_image(path, dpi)
    except BadImage as error:
        raise BadCommand(str(error)) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; BadCommand when it cannot be written."""
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write and seek in; it is there, whole, when the block has ended without an error.

    BadCommand when it cannot be written.
    """
    temporary = None
    try:
        if path.exists() and not path.is_file():  # a terminal, a pipe, a device
            with TemporaryFile() as file, path.open("wb") as target:
                yield file
                file.seek(0)
                copyfileobj(file, target)
            return
        path = path.resolve()  # a link stays, what it points to is written
        if _is_database(path):
            raise BadCommand(f"{path}: is a database, and never written over: name another file")
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise BadCommand(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _is_database(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
