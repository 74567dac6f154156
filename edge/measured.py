"""Accuracy and speed of one set of images, and of several under one threshold."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean, median
from typing import NamedTuple

import numpy as np

from edge.image_sets import Listed, finger_of, read_set
from edge.progress import Progress
from matching.bootstrap import Interval, intervals
from matching.evaluation import Scored, error_rates, microseconds, pairs_of, scores_of
from matching.extract import extract
from matching.image import GreyImage
from matching.kernels.packed import pack


@dataclass(frozen=True, slots=True)
class Measured:
    """One set's figures; the names are those of the JSON output, rates are fractions."""

    set: str
    images: int
    failures: int  # impressions that could not be read or in which no minutia was found
    genuine: int  # pairs
    impostor: int  # pairs
    eer: float
    fmr100: float
    fmr1000: float
    zerofmr: float
    extract_ms: float | None  # median
    compare_us_impostor: float | None  # mean
    compare_us_genuine: float | None  # mean
    fmr10000: float
    intervals: dict[str, Interval]  # 90 %, over fingers, of eer, fmr1000 and fmr10000


class How(NamedTuple):
    """How sets are evaluated."""

    dpi: float | None = None  # of every image, instead of the file's own
    fvc: bool = False  # impostor pairs of first impressions only
    iso: bool = False  # templates through an ISO/IEC 19794-2 record and back
    jobs: int = 1  # threads; the figures do not depend on it


class Evaluated(NamedTuple):
    """One set: what was listed, read and compared, and the times of its own pass for speed."""

    listed: Listed
    unread: list[str]  # what was wrong with images that could not be read
    failures: int  # images that gave no minutia, the unread ones included
    scored: Scored
    extraction: list[float]  # ms, of each image kept
    comparison: tuple[float | None, float | None]  # us, impostor and genuine


def evaluate(listed: Listed, how: How) -> Evaluated:
    """Extract and compare a set in `how.jobs` threads; then measure speed in one thread."""
    read = read_set(listed, how.dpi, how.iso, how.jobs)
    packed = pack(read.templates)
    fingers = [finger_of(path) for path in listed.paths]
    pairs = pairs_of(fingers, first_only=how.fvc)
    bar = Progress(f"{listed.folder}: comparing", len(pairs.genuine) + len(pairs.impostor))
    genuine, impostor = (scores_of(packed, kind, bar.advance, jobs=how.jobs)[:, 0] for kind in pairs)
    bar.end()
    scored = Scored(fingers, pairs, genuine, impostor)
    times = microseconds(packed, pairs.impostor), microseconds(packed, pairs.genuine)
    failures = sum(template.minutiae.shape[1] == 0 for template in read.templates)
    return Evaluated(listed, read.unread, failures, scored, milliseconds(read.kept), times)


def milliseconds(images: list[GreyImage]) -> list[float]:
    """Return the times of extraction, warm and single-threaded."""
    times = []
    for image in images[:1] + images:  # the first one once more, to be warm
        start = time.perf_counter()
        extract(image.pixels, image.ppi)
        times.append((time.perf_counter() - start) * 1e3)
    return times[1:]


def figures(name: str, sets: list[Evaluated]) -> Measured:
    """Return the figures of sets pooled under one threshold, or of a single one.

    Genuine and impostor pairs are those within each set. Times are the median over all images and the mean
    over the sets.
    """
    genuine = np.concatenate([one.scored.genuine for one in sets])
    impostor = np.concatenate([one.scored.impostor for one in sets])
    errors = error_rates(genuine, impostor)
    of_impostor, of_genuine = zip(*(one.comparison for one in sets), strict=True)
    return Measured(
        set=name,
        images=sum(len(one.listed.paths) for one in sets),
        failures=sum(one.failures for one in sets),
        genuine=len(genuine),
        impostor=len(impostor),
        eer=errors.eer,
        fmr100=errors.fmr100,
        fmr1000=errors.fmr1000,
        zerofmr=errors.zerofmr,
        extract_ms=_or_none(median, [value for one in sets for value in one.extraction]),
        compare_us_impostor=_or_none(mean, of_impostor),
        compare_us_genuine=_or_none(mean, of_genuine),
        fmr10000=errors.fmr10000,
        intervals=intervals([one.scored for one in sets]),
    )


def _or_none(average: Callable[[list[float]], float], values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return average(known) if known else None


def describe(measured: Measured) -> str:
    """Return a set's figures in three readable lines."""
    rates = (measured.eer, measured.fmr100, measured.fmr1000, measured.fmr10000, measured.zerofmr)
    eer, fmr100, fmr1000, fmr10000, zerofmr = (f"{100 * rate:.2f} %" for rate in rates)
    times = (measured.extract_ms, measured.compare_us_impostor, measured.compare_us_genuine)
    extraction, impostor, genuine = ("-" if one is None else f"{one:.1f}" for one in times)
    spans = [
        f"{name.upper()} {100 * low:.2f} to {100 * high:.2f} %"
        for name, (low, high) in measured.intervals.items()
    ]
    return (
        f"{measured.set}: EER {eer}, FMR100 {fmr100}, FMR1000 {fmr1000}, FMR10000 {fmr10000}, "
        f"zeroFMR {zerofmr} ({measured.genuine} genuine and {measured.impostor} impostor pairs)\n"
        f"  90 % intervals over fingers: {', '.join(spans)}\n"
        f"  {measured.images} images, {measured.failures} failures to extract, which count as score 0; "
        f"extraction {extraction} ms, comparison {impostor} us (impostor), {genuine} us (genuine)"
    )
