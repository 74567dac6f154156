"""NBIS (mindtct, bozorth3 and NFIQ 2 through nbis-py) on the same images: its accuracy, and speed in turn."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from edge.image_sets import Listed, finger_of, list_images
from edge.measured import Evaluated
from edge.progress import Progress
from matching.compare import CONSTANTS, compare, prepare
from matching.evaluation import Pairs, Scored, Scores, pairs_of
from matching.extract import extract
from matching.image import read_image
from matching.kernels.packed import pack
from matching.kernels.scoring import score_pairs
from matching.quality import examine

EXTRACTED = 20  # images of the set that extraction is timed on
ROUNDS = 5  # of ours and the peer's in turn, for the spread of their ratio


class Row(NamedTuple):
    """One line of the comparison of speeds: medians over the rounds; a ratio is the peer's time by ours."""

    what: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    lowest: float
    highest: float


class Nbis:
    """The peer; ImportError where it is not installed."""

    def __init__(self) -> None:
        import nbis

        self._nbis = nbis

    def extractor(self, ppi: float, everything: bool) -> Any:
        """Return an extractor that only finds minutiae, or one that checks and grades the image too."""
        settings = self._nbis.NbisExtractorSettings(
            min_quality=0.0,
            get_center=everything,
            check_fingerprint=everything,
            compute_nfiq2=everything,
            ppi=ppi,
        )
        return self._nbis.new_nbis_extractor(settings)

    def evaluate(self, listed: Listed, ppi: float) -> Evaluated:
        """Extract and compare a set as `edge.measured.evaluate` does, minutiae only, all pairs."""
        extractor = self.extractor(ppi, everything=False)
        bar = Progress(f"{listed.folder}: NBIS", len(listed.paths))
        found, times = [], []
        for path in listed.paths:
            data = path.read_bytes()
            start = time.perf_counter()
            found.append(extractor.extract_minutiae(data))
            times.append((time.perf_counter() - start) * 1e3)
            bar.advance(1)
        bar.end()
        fingers = [finger_of(path) for path in listed.paths]
        pairs = pairs_of(fingers)
        (genuine, genuine_us), (impostor, impostor_us) = (_compare(found, kind) for kind in pairs)
        scored = Scored(fingers, pairs, genuine, impostor)
        empty = sum(not minutiae.get() for minutiae in found)
        return Evaluated(listed, [], empty, scored, times, (impostor_us, genuine_us))


def _compare(found: list[Any], pairs: Pairs) -> tuple[Scores, float]:
    start = time.perf_counter()
    scores = [float(found[a].compare(found[b])) for a, b in pairs.tolist()]
    return np.array(scores), (time.perf_counter() - start) / max(len(pairs), 1) * 1e6


def beside_nbis(folder: Path) -> list[Row]:
    """Time extraction and comparison of ours and NBIS's in turn, print and return the rows."""
    nbis = Nbis()
    paths = list_images(folder).paths
    images = [read_image(path, 500) for path in paths]
    files = [path.read_bytes() for path in paths]
    quick, full = nbis.extractor(500.0, everything=False), nbis.extractor(500.0, everything=True)
    some = slice(None, None, len(paths) // EXTRACTED)
    count = 1e3 / len(paths[some])
    rows = [
        timed(
            "extraction", "ms", count,
            lambda: [extract(*image) for image in images[some]],
            lambda: [quick.extract_minutiae(data) for data in files[some]],
        ),
        timed(
            "extraction and quality", "ms", count,
            lambda: [examine(*image) for image in images[some]],
            lambda: [full.extract_minutiae(data) for data in files[some]],
        ),
    ]  # fmt: skip
    ours = [prepare(extract(*image)) for image in images]
    theirs = [quick.extract_minutiae(data) for data in files]
    packed, pairs = pack(ours), pairs_of([finger_of(path) for path in paths])
    every = np.concatenate(pairs)
    for kind, chosen in (("all pairs", every), ("impostor", pairs.impostor), ("genuine", pairs.genuine)):
        rows.append(
            timed(
                f"comparison, {kind}", "us", 1e6 / len(chosen),
                partial(score_pairs, packed, chosen, CONSTANTS),
                partial(_each, theirs[0].__class__.compare, theirs, chosen.tolist()),
            )
        )  # fmt: skip
    once = timed(
        "comparison, all pairs, a call from Python each", "us", 1e6 / len(every),
        partial(_each, compare, ours, every.tolist()),
        partial(_each, theirs[0].__class__.compare, theirs, every.tolist()),
    )  # fmt: skip
    return [*rows, once]


def _each(compare_two: Callable[[Any, Any], object], templates: list[Any], pairs: list[list[int]]) -> None:
    for probe, candidate in pairs:
        compare_two(templates[probe], templates[candidate])


def timed(
    what: str, unit: str, factor: float, ours: Callable[[], object], theirs: Callable[[], object]
) -> Row:
    """Time both in turn; print and return medians and the range of their ratio."""
    ours()  # warm
    times = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    own, other = (median(column) * factor for column in zip(*times, strict=True))
    ratios = sorted(b / a for a, b in times)
    row = Row(what, unit, own, other, median(ratios), ratios[0], ratios[-1])
    print(
        f"{what}: {own:.1f} {unit}, NBIS {other:.0f} {unit}, {row.ratio:.1f} times as fast "
        f"({row.lowest:.1f} to {row.highest:.1f})",
        flush=True,
    )
    return row


def seconds(action: Callable[[], object]) -> float:
    """Return the processor time an action takes: on one core that is the clock's, less what others took."""
    start = time.process_time()
    action()
    return time.process_time() - start
