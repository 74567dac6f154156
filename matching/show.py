"""Pictures of the stages of extraction, for people who would rather look."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from matching import singular
from matching.extract import Stages, at_500_ppi
from matching.image import GreyImage
from matching.kernels import detect
from matching.kernels.cells import CELL
from matching.parameters import EXTRACTION
from matching.template import CORE, PATTERNS, TYPE_OTHER, Template

WIDTH = 480  # px that a panel is scaled up to, by a whole factor
COLUMNS = 4
CAPTION = 22  # px
RED, GREEN, BLUE, YELLOW = (220, 40, 40), (0, 140, 60), (40, 90, 220), (240, 200, 0)
COLOURS = {detect.ENDING: RED, detect.BIFURCATION: BLUE, TYPE_OTHER: GREEN}


def contact_sheet(stages: Stages, title: str) -> Image.Image:
    """Return one picture of captioned panels, a panel a stage."""
    panels = [(caption, draw(stages)) for caption, draw in PANELS.items()]
    scale = max(1, WIDTH // stages.image.shape[1])
    width, height = stages.image.shape[1] * scale, stages.image.shape[0] * scale
    rows = math.ceil(len(panels) / COLUMNS)
    sheet = Image.new(
        "RGB", (COLUMNS * (width + 8) + 8, rows * (height + CAPTION + 8) + CAPTION + 8), "white"
    )
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    pattern = singular.classify(stages.singular, stages.flow_again, stages.foreground, EXTRACTION.singular)
    about = f"{title}: {len(stages.kept)} minutiae, pattern: {PATTERNS[pattern]}"
    if stages.scale > 1:
        about += f", enlarged {stages.scale:.2f} times"
    pen.text((8, 4), about, "black", font)
    for number, (caption, panel) in enumerate(panels):
        left = 8 + (number % COLUMNS) * (width + 8)
        top = 8 + CAPTION + (number // COLUMNS) * (height + CAPTION + 8)
        pen.text((left, top), f"{number + 1}. {caption}", "black", font)
        sheet.paste(panel.resize((width, height), Image.Resampling.NEAREST), (left, top + CAPTION))
    return sheet


def stage_pictures(stages: Stages) -> dict[str, Image.Image]:
    """Return the picture of each stage by name, numbered as on the contact sheet."""
    pictures = {}
    for number, (caption, draw) in enumerate(PANELS.items(), 1):
        name = caption.partition(" (")[0].partition(";")[0].replace(" ", "_")
        pictures[f"{number:02}_{name}"] = draw(stages)
    return pictures


def grey(image: NDArray[np.float32], low: float, high: float) -> Image.Image:
    """Return an image of values low (black) to high (white)."""
    return Image.fromarray(np.clip((image - low) * (255 / (high - low)), 0, 255).astype(np.uint8)).convert(
        "RGB"
    )


def tint(picture: Image.Image, where: NDArray[np.bool_], colour: tuple[int, int, int]) -> Image.Image:
    """Colour the places of a mask that is coarser than the picture by a whole factor."""
    factor = picture.height // where.shape[0]
    mask = Image.fromarray(np.repeat(np.repeat(where, factor, axis=0), factor, axis=1).astype(np.uint8) * 90)
    return (
        Image.composite(Image.new("RGB", picture.size, colour), picture, mask.convert("L"))
        if where.any()
        else picture
    )


def draw_flow(picture: Image.Image, flow: NDArray[np.float32], where: NDArray[np.bool_]) -> Image.Image:
    """Draw a line along the ridges in every cell, the longer the more coherent."""
    pen = ImageDraw.Draw(picture)
    for row, column in np.argwhere(where):
        straight, diagonal = flow[:, row, column]
        angle, length = 0.5 * math.atan2(diagonal, straight), 3.8 * math.hypot(straight, diagonal)
        x, y = column * CELL + CELL / 2, row * CELL + CELL / 2
        right, down = length * math.cos(angle), -length * math.sin(angle)
        pen.line((x - right, y - down, x + right, y + down), GREEN)
    return picture


def draw_minutiae(picture: Image.Image, minutiae: NDArray[np.float32], scale: int = 1) -> Image.Image:
    """Draw circles (red: ending, blue: bifurcation) with a stroke in the minutia's direction."""
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for x, y, angle, kind in minutiae.tolist():
        colour = COLOURS[int(kind)]
        x, y = (x + 0.5) * scale, (y + 0.5) * scale
        pen.ellipse((x - 3 * scale, y - 3 * scale, x + 3 * scale, y + 3 * scale), outline=colour, width=scale)
        tip = (x + 10 * scale * math.cos(angle), y - 10 * scale * math.sin(angle))
        pen.line((x, y, *tip), colour, width=scale)
    return picture


def draw_singular(picture: Image.Image, points: NDArray[np.void], scale: int = 1) -> Image.Image:
    """Draw cores as squares with a stroke to where they open, deltas as triangles."""
    pen, size = ImageDraw.Draw(picture), 7 * scale
    for x, y, angle, kind in points.tolist():
        x, y = (x + 0.5) * scale, (y + 0.5) * scale
        if kind == CORE:
            pen.rectangle((x - size, y - size, x + size, y + size), outline=GREEN, width=2 * scale)
            tip = (x + 3 * size * math.cos(angle), y - 3 * size * math.sin(angle))
            pen.line((x, y, *tip), GREEN, width=2 * scale)
        else:
            corners = ((x, y - size), (x + size, y + size), (x - size, y + size))
            pen.polygon(corners, outline=GREEN, width=2 * scale)
    return picture


def _image(stages: Stages) -> Image.Image:
    return Image.fromarray(stages.image).convert("RGB")


def _normalised(stages: Stages) -> Image.Image:
    return tint(grey(-stages.normalised, -2.5, 2.5), stages.flat, YELLOW)


def _contact(stages: Stages) -> Image.Image:
    return draw_flow(tint(_image(stages), ~stages.contact, YELLOW), stages.flow, stages.contact)


def _period(stages: Stages) -> Image.Image:
    cells = grey(stages.period * stages.contact, 4.0, 16.0)
    return cells.resize((stages.image.shape[1], stages.image.shape[0]), Image.Resampling.NEAREST)


def _clarity(stages: Stages) -> Image.Image:
    cells = grey(stages.clarity, 0.0, 1.0)
    return tint(cells.resize((stages.image.shape[1], stages.image.shape[0])), ~stages.foreground, YELLOW)


def _skeleton(stages: Stages) -> Image.Image:
    picture = np.full((*stages.skeleton.shape, 3), 255, np.uint8)
    picture[stages.skeleton > 0] = RED
    picture[stages.pruned > 0] = 0
    return Image.fromarray(picture)


def _found(stages: Stages) -> Image.Image:
    return draw_minutiae(_skeleton(stages), stages.found)


def _flow_again(stages: Stages) -> Image.Image:
    return draw_flow(tint(_image(stages), ~stages.foreground, YELLOW), stages.flow_again, stages.foreground)


def _kept(stages: Stages) -> Image.Image:
    scale = max(1, WIDTH // stages.image.shape[1])
    picture = draw_minutiae(_image(stages), stages.kept, scale)
    return draw_singular(picture, stages.singular, scale)


PANELS: dict[str, Callable[[Stages], Image.Image]] = {
    "image at 500 ppi": _image,
    "normalised (yellow: constant)": _normalised,
    "flow; yellow: no contact": _contact,
    "ridge period (black 4 px, white 16 px)": _period,
    "enhanced": lambda stages: grey(-stages.enhanced, -1.2, 1.2),
    "flow of the enhanced image": _flow_again,
    "enhanced again": lambda stages: grey(-stages.enhanced_again, -1.2, 1.2),
    "clarity; yellow: no foreground": _clarity,
    "ridges": lambda stages: Image.fromarray(~stages.ridges).convert("RGB"),
    "skeleton (red: spurs and islands)": _skeleton,
    "minutiae found": _found,
    "minutiae; green: core (square), delta": _kept,
}


def side_by_side(impressions: Sequence[tuple[str, GreyImage | None, Template | None]]) -> Image.Image:
    """Return impressions next to each other, each with its name and its minutiae; no image, no picture."""
    panels = []
    for _, image, template in impressions:
        if image is None or template is None:
            panels.append(Image.new("RGB", (WIDTH, WIDTH), "white"))
            continue
        picture = Image.fromarray(at_500_ppi(*image)).convert("RGB")
        columns = [template.minutiae[name].astype(np.float32) for name in ("x", "y", "angle", "type")]
        panels.append(draw_minutiae(picture, np.stack(columns, 1), max(1, WIDTH // picture.width)))
    sheet = Image.new(
        "RGB",
        (sum(panel.width + 8 for panel in panels) + 8, max(panel.height for panel in panels) + CAPTION + 8),
        "white",
    )
    pen, font, left = ImageDraw.Draw(sheet), ImageFont.load_default(15), 8
    for (name, _, template), panel in zip(impressions, panels, strict=True):
        count = "" if template is None else f": {len(template.minutiae)} minutiae"
        pen.text((left, 2), f"{name}{count}", "black", font)
        sheet.paste(panel, (left, CAPTION))
        left += panel.width + 8
    return sheet
