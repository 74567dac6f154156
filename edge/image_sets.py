"""A folder of FINGER_IMPRESSION images as a set of prepared templates."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.errors import BadCommand
from edge.progress import Progress
from matching import iso19794
from matching.compare import PreparedTemplate, prepare
from matching.errors import BadImage, BadRecord
from matching.extract import extract
from matching.image import GreyImage, read_image
from matching.template import MINUTIA, Template

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
KEPT_IMAGES = 80  # at most, evenly taken, for the pass for speed
EMPTY = Template(np.zeros(0, MINUTIA), 1, 1)


class Listed(NamedTuple):
    """The images of a folder, in the order of their names."""

    folder: Path
    paths: list[Path]
    misnamed: list[Path]  # images that belong to no finger


class ReadSet(NamedTuple):
    """What was extracted."""

    templates: list[PreparedTemplate]  # one a path; empty where the image could not be read
    kept: list[GreyImage]  # some of the images, for measuring speed
    unread: list[str]  # what was wrong with those that could not be read


def finger_of(path: Path) -> str:
    """Return the finger's name: everything before the last underscore; empty where there is none."""
    return path.stem.rpartition("_")[0]


def short_name(folder: Path) -> str:
    """Return the last two parts of a folder's path, which is what sets are known by."""
    return "/".join(folder.resolve().parts[-2:])


def list_images(folder: Path) -> Listed:
    """Return the images of a set; BadCommand where the folder makes no set."""
    if not folder.is_dir():
        raise BadCommand(f"{folder}: there is no such folder")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    paths = [path for path in found if finger_of(path)]
    if not paths:
        raise BadCommand(f"{folder}: no images named FINGER_IMPRESSION.png, .tif or .bmp in this folder")
    fingers = {finger_of(path) for path in paths}
    if len(fingers) == 1:
        raise BadCommand(f"{folder}: all images are of finger {fingers.pop()}: impostor pairs need a second")
    if len(fingers) == len(paths):
        raise BadCommand(f"{folder}: every finger has one impression: genuine pairs need a second")
    return Listed(folder, paths, [path for path in found if not finger_of(path)])


def read_set(listed: Listed, dpi: float | None, iso: bool = False, jobs: int = 1) -> ReadSet:
    """Extract every image, in `jobs` threads; `iso` keeps what an ISO/IEC 19794-2 record carries.

    An image that cannot be read is told, and takes part as an empty template.
    """
    bar = Progress(f"{listed.folder}: extracting", len(listed.paths))
    read = ReadSet([], [], [])
    stride = -(-len(listed.paths) // KEPT_IMAGES)
    with ThreadPoolExecutor(jobs) as threads:
        done = threads.map(partial(_read_one, dpi=dpi, iso=iso), listed.paths)
        for index, (prepared, image, complaint) in enumerate(done):
            if complaint is not None:
                read.unread.append(complaint)
                bar.say(f"vantay: {complaint}")
            elif image is not None and index % stride == 0:
                read.kept.append(image)
            read.templates.append(prepared)
            bar.advance(1)
    bar.end()
    return read


def _read_one(
    path: Path, dpi: float | None, iso: bool
) -> tuple[PreparedTemplate, GreyImage | None, str | None]:
    try:
        image = read_image(path, dpi)
        return prepare(template_of(image, iso)), image, None
    except BadImage as error:
        return prepare(EMPTY), None, str(error)
    except BadRecord as error:
        return prepare(EMPTY), None, f"{path}: {error}"


def template_of(image: GreyImage, iso: bool) -> Template:
    """Extract an image, and send the template through an ISO/IEC 19794-2 record and back where asked to."""
    template = extract(image.pixels, image.ppi)
    return iso19794.read(iso19794.write(template)) if iso else template
