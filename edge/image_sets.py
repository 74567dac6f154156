"""A folder of FINGER_IMPRESSION images as a set of prepared templates."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.errors import BadCommand
from edge.progress import Progress
from matching.compare import PreparedTemplate, prepare
from matching.errors import BadImage
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


def read_set(listed: Listed, dpi: float | None) -> ReadSet:
    """Extract every image; one that cannot be read is told, and takes part as an empty template."""
    bar = Progress(f"{listed.folder}: extracting", len(listed.paths))
    read = ReadSet([], [], [])
    stride = -(-len(listed.paths) // KEPT_IMAGES)
    for index, path in enumerate(listed.paths):
        template = EMPTY
        try:
            image = read_image(path, dpi)
            template = extract(image.pixels, image.ppi)
            if index % stride == 0:
                read.kept.append(image)
        except BadImage as error:
            read.unread.append(str(error))
            bar.say(f"vantay: {error}")
        read.templates.append(prepare(template))
        bar.advance(1)
    bar.end()
    return read
