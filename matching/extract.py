"""Extraction: image to template, the whole pipeline on one screen.

Every stage is a pure function of the stages before it; `Stages` keeps all their outputs, so looking at
them (`vantay show`) costs nothing when nobody looks.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from matching import singular
from matching.errors import BadImage
from matching.image import LEAST_PPI, MOST_PIXELS, MOST_PPI
from matching.kernels import (
    cells,
    detect,
    flat,
    flow,
    gabor,
    gradient,
    mask,
    normalise,
    period,
    place,
    skeleton,
    thin,
)
from matching.parameters import EXTRACTION, Contact, Extraction, Fine, Flow, Gabor, Period, Segment
from matching.template import MAXIMUM_MINUTIAE, MINUTIA, REFERENCE_PPI, RidgeEvidence, Template

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """What each stage of extraction gave; images (h, w), cells (h/8, w/8) of 8 x 8 px, all at 500 ppi.

    Where the ridges are fine, as a child's, all of it is `scale` times as large.
    """

    image: NDArray[np.uint8]  # (h, w) grey levels, sides grown to multiples of 8
    flat: Bools  # (h/4, w/4) constant areas
    normalised: Floats  # (h, w) ridges positive, local deviation about 1
    spread: Floats  # cells: local deviation of grey levels
    contact: Bools  # cells: first guess of the foreground
    flow: Floats  # (2, cells) doubled-angle vector of the ridges, length = coherence
    period: Floats  # cells: px from ridge to ridge
    enhanced: Floats  # (h, w) after the first contextual filter
    flow_again: Floats  # (2, cells) of the enhanced image
    enhanced_again: Floats  # (h, w) after the second contextual filter
    clarity: Floats  # cells: share of the normalised image that the filter keeps, 0..about 1
    foreground: Bools  # cells
    ridges: Bools  # (h, w) binary
    skeleton: NDArray[np.uint8]  # (h, w) one-pixel ridges
    pruned: NDArray[np.uint8]  # (h, w) without spurs and islands
    found: Floats  # (n, 4) x, y, angle, type
    kept: Floats  # (m, 4) without false minutiae, exactly placed
    singular: NDArray[np.void]  # (k,) cores and deltas
    scale: float  # px here of a px at 500 ppi, 1 or more


def extract(pixels: NDArray[np.uint8], ppi: float = 500.0) -> Template:
    """Return the template of a grey image (h, w) uint8, dark ridges, ppi in 250..1000.

    Raises BadImage for anything else. What holds no ridges gives a template without minutiae.
    """
    return template_of(run_stages(pixels, ppi), pixels.shape, ppi)


def run_stages(pixels: NDArray[np.uint8], ppi: float = 500.0, p: Extraction = EXTRACTION) -> Stages:
    """Run the pipeline and keep what each stage gave; where the ridges are fine, once more, enlarged."""
    check(pixels, ppi)
    stages = run_once(at_500_ppi(pixels, ppi), 1.0, p)
    scale = scale_for(stages.period[stages.foreground], p.fine)
    if scale == 1 or min(stages.foreground.shape) < p.fine.least:
        return stages
    return run_once(at_500_ppi(pixels, ppi / scale), scale, p)


def run_once(pixels: NDArray[np.uint8], scale: float, p: Extraction) -> Stages:
    """Run the pipeline on an image of so many times 500 ppi."""
    image = whole_cells(pixels)
    constant = flat.flat_tiles(*flat.tile_range(image), p.flat.reach, p.flat.tolerance)
    normalised, deviation = normalise.normalise(image, constant, p.normalise)
    spread = np.sqrt(cells.cell_energy(deviation))
    contact = find_contact(spread, p.contact)
    first_flow = estimate_flow(normalised, contact, p.flow)
    ridge_period = estimate_period(normalised, flow.angles(first_flow), contact, p.period)
    enhanced = enhance(normalised, first_flow, ridge_period, contact, p.gabor)
    second_flow = estimate_flow(enhanced, contact, p.flow_again)
    enhanced_again = enhance(enhanced, second_flow, ridge_period, contact, p.gabor)
    clarity = measure_clarity(enhanced, normalised, p.segment)
    foreground = segment(clarity, spread, contact, p.segment)
    ridges = binarise(enhanced_again, foreground)
    thinned = thin.thin(ridges)
    pruned = skeleton.without_spurs(thinned, p.skeleton.spur)
    found = detect.find_minutiae(pruned, second_flow, foreground, p.detect)
    sound = detect.without_neighbours(found, p.detect)
    kept = place.exact_places(sound, enhanced_again, p.place)
    points = singular.find_singular(second_flow, foreground, p.singular)
    return Stages(
        image, constant, normalised, spread, contact, first_flow, ridge_period, enhanced, second_flow,
        enhanced_again, clarity, foreground, ridges, thinned, pruned, found, kept, points, scale,
    )  # fmt: skip


def check(pixels: NDArray[np.uint8], ppi: float) -> None:
    """Raise BadImage when this is not a grey image at a resolution that ridges can be seen at."""
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise BadImage(f"an image is (h, w) of 8-bit grey levels, not {pixels.shape} of {pixels.dtype}")
    if not LEAST_PPI <= ppi <= MOST_PPI:
        raise BadImage(f"a resolution of {ppi:g} ppi is outside {LEAST_PPI:g} to {MOST_PPI:g}")
    if pixels.size * (REFERENCE_PPI / ppi) ** 2 > MOST_PIXELS:
        size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels at {ppi:g} ppi"
        raise BadImage(f"an image of {size} is larger than any sensor")


def at_500_ppi(pixels: NDArray[np.uint8], ppi: float) -> NDArray[np.uint8]:
    """Resample (h, w) uint8 to 500 ppi, averaging where that makes it smaller."""
    if ppi == REFERENCE_PPI:
        return pixels
    from PIL import Image  # only here: most images need no resampling, and importing it takes time

    height, width = (max(1, round(side * REFERENCE_PPI / ppi)) for side in pixels.shape)
    resampled = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resampled)


def scale_for(periods: Floats, p: Fine) -> float:
    """Return how much larger an image with ridges of these periods (px) is best seen."""
    usual = quantile(periods, 0.5)
    return min(p.most, p.wanted / usual) if 0 < usual < p.below else 1.0


def whole_cells(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy, and repeat the last row and column until both sides are multiples of a cell."""
    height, width = pixels.shape
    pixels = np.ascontiguousarray(pixels)  # another layout would be another compilation of every kernel
    return np.pad(pixels, ((0, -height % cells.CELL), (0, -width % cells.CELL)), mode="edge")


def find_contact(spread: Floats, p: Contact) -> Bools:
    """First guess of where skin touched: cells whose grey levels vary enough."""
    varied = spread > max(p.share * quantile(spread, p.quantile), p.least)
    return mask.without_islands(mask.at_least(varied, 1, 0.5), p.island)


def quantile(values: Floats, share: float) -> float:
    """Return the value that this share of the values does not exceed; 0 of none."""
    place = int(share * (values.size - 1))
    return float(np.partition(values.ravel(), place)[place]) if values.size else 0.0


def estimate_flow(image: Floats, contact: Bools, p: Flow) -> Floats:
    """Ridge flow of each cell from the image's gradients."""
    tensor = flow.balanced(gradient.cell_tensor(image), contact, p.balance)
    fine, coarse = (
        cells.smooth(tensor, cells.gaussian(p.fine)),
        cells.smooth(tensor, cells.gaussian(p.coarse)),
    )
    return flow.blend(fine, coarse, p)


def estimate_period(image: Floats, angle: Floats, contact: Bools, p: Period) -> Floats:
    """Ridge period of each cell in pixels."""
    periods = period.candidate_periods(p.shortest, p.longest)
    spectra = period.profile_spectra(image, angle, contact, period.waves(periods), p.step, p.reach)
    local = cells.smooth(spectra, cells.gaussian(p.smooth))
    sparse = period.most_likely(local, spectra.sum(axis=(1, 2)), p.prior, periods)
    rows, columns = angle.shape
    return np.repeat(np.repeat(sparse, p.step, axis=0), p.step, axis=1)[:rows, :columns]


def enhance(image: Floats, ridge_flow: Floats, ridge_period: Floats, contact: Bools, p: Gabor) -> Floats:
    """Keep, in each cell, what looks like ridges of that flow and period."""
    return gabor.filter_cells(image, gabor.choose(flow.angles(ridge_flow), ridge_period, contact, p), bank(p))


@lru_cache(maxsize=2)
def bank(p: Gabor) -> Floats:
    """Return the filter bank, made once."""
    return gabor.make_bank(p)


def measure_clarity(enhanced: Floats, normalised: Floats, p: Segment) -> Floats:
    """Return the ratio of root mean squares that the filter kept, of each cell."""
    energy = np.stack([cells.cell_energy(enhanced), cells.cell_energy(normalised)])
    kept, total = cells.smooth(energy, cells.gaussian(p.smooth))
    clarity: Floats = np.sqrt(kept / (total + np.float32(1 / cells.CELL**2)))
    return clarity


def segment(clarity: Floats, spread: Floats, contact: Bools, p: Segment) -> Bools:
    """Foreground: clear cells of enough contrast, whole by majorities, without outgrowths and islands."""
    contrast = cells.smooth(spread[np.newaxis], cells.gaussian(p.smooth))[0]
    enough = p.share * quantile(contrast[contact], p.quantile) + 1e-6
    clear = contact & (clarity * np.minimum(contrast / np.float32(enough), np.float32(1)) > p.ratio)
    whole = mask.at_least(mask.at_least(clear, 1, 0.5), 2, 0.45)
    eroded = mask.at_least(whole, p.opening, 1.0)
    return mask.without_islands(mask.at_least(eroded, p.opening, 1e-9), p.island)


def binarise(enhanced: Floats, foreground: Bools) -> Bools:
    """Ridges are where the enhanced image is positive; the outermost pixels are free."""
    inside = np.repeat(np.repeat(foreground, cells.CELL, axis=0), cells.CELL, axis=1)
    ridges = (enhanced > 0) & inside
    ridges[[0, -1], :] = False
    ridges[:, [0, -1]] = False
    return ridges


def template_of(stages: Stages, shape: tuple[int, ...], ppi: float, quality: int = 0) -> Template:
    """Make the template of an image of this shape (h, w) and resolution from its stages."""
    found = stages.kept
    rows, columns = (
        (found[:, detect.Y] // cells.CELL).astype(int),
        (found[:, detect.X] // cells.CELL).astype(int),
    )
    clear = stages.clarity[rows, columns] * np.hypot(*stages.flow_again[:, rows, columns])
    minutiae = np.zeros(len(found), MINUTIA)
    minutiae["x"], minutiae["y"] = found[:, detect.X] / stages.scale, found[:, detect.Y] / stages.scale
    minutiae["angle"] = np.mod(found[:, detect.ANGLE], np.float32(2 * np.pi))
    minutiae["type"] = found[:, detect.TYPE]
    minutiae["quality"] = np.clip(np.rint(100 * clear), 1, 100)
    best = np.sort(np.argsort(-clear, kind="stable")[:MAXIMUM_MINUTIAE])
    height, width = (max(1, round(side * REFERENCE_PPI / ppi)) for side in shape)
    points = stages.singular.copy()
    points["x"] /= stages.scale
    points["y"] /= stages.scale
    return Template(
        minutiae[best], width, height, ridge_evidence(stages), 0, quality, points,
        singular.classify(stages.singular, stages.flow_again, stages.foreground, EXTRACTION.singular),
    )  # fmt: skip


def ridge_evidence(stages: Stages) -> RidgeEvidence:
    """Quantise flow and period to a byte a cell of 500 ppi, ridges to nine bits."""
    turned = np.rint(flow.angles(stages.flow_again) * np.float32(256 / np.pi)).astype(np.int32) % 256
    orientation = (turned * stages.foreground).astype(np.uint8)
    spacing = np.clip(np.rint(stages.period * 16 / stages.scale), 0, 255) * stages.foreground
    period, foreground, ridges = spacing.astype(np.uint8), stages.foreground, stages.enhanced_again
    if stages.scale > 1:
        rows, columns = (int(side / stages.scale) for side in foreground.shape)
        ridges = shrunk(ridges, cells.CELL * columns, cells.CELL * rows, stages.scale)
        within = np.ix_(*(
            np.minimum(((np.arange(count) + 0.5) * stages.scale).astype(int), side - 1)
            for count, side in zip((rows, columns), foreground.shape, strict=True)
        ))  # fmt: skip
        orientation, period, foreground = orientation[within], period[within], foreground[within]
    return RidgeEvidence(orientation, period, foreground, crest_points(ridges, foreground))


def shrunk(image: Floats, width: int, height: int, scale: float) -> Floats:
    """Resample an image to another size, so many times smaller; what is left over at two sides goes."""
    from PIL import Image  # as above

    box = (0, 0, width * scale, height * scale)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, box))


def crest_points(enhanced: Floats, foreground: Bools) -> Bools:
    """Return (3 rows, 3 columns): where the enhanced image is positive on average, three points a cell."""
    down, right = (
        (cells.CELL * np.arange(count)[:, np.newaxis] + np.array([0, 3, 5])).ravel()
        for count in foreground.shape
    )
    sums = np.add.reduceat(np.add.reduceat(enhanced, down, axis=0), right, axis=1)
    return (sums > 0) & np.repeat(np.repeat(foreground, 3, axis=0), 3, axis=1)
