"""One to many: a probe against every enrolled finger, or against those of one position.

1. ranking   the search codes of all: how alike the surroundings of their minutiae are, without geometry
2. exact     the most alike ones, by comparison of whole templates

A gallery small enough is compared exactly throughout; so are fingers without ridge evidence (records of
others), of which the first stage knows nothing.

Most of those compared are strangers, and of a stranger comparison seldom asks for the ridges' crests, which
take longest to unpack: templates that came as bytes are compared without, and once more with them where they
could change the score. It is the same score (kernels.comparison).

In memory: the search codes, 640 bytes a finger and about 80 for its name. Whole templates are handed over
on demand when the gallery is made with `fetch`, and are kept in memory otherwise. The gallery writes no file
and holds no key: `codes` gives what a caller needs to fill a gallery again by `add_code`, in seconds.
"""

import math
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from matching import search_code, serial
from matching.calibration import Decision, decide, fmr_of_search, threshold
from matching.compare import CONSTANTS, FULL, MINUTIAE_ONLY, PreparedTemplate, prepare
from matching.compare_parameters import RANKING
from matching.errors import BadRecord
from matching.gallery_rows import NOWHERE, GalleryRows
from matching.kernels.comparison import FEWEST as FEWEST_MINUTIAE
from matching.kernels.packed import HAS_FLOW, pack
from matching.kernels.ranking import LANES, rank
from matching.kernels.scoring import score_one_to_many, score_pair
from matching.template import MINUTIA, Template

FMR = 1e-5  # of a comparison, where a search states no rate
SHARE = 0.005  # of the fingers, compared exactly after the ranking
FEWEST = 100  # fingers compared exactly after the ranking, however few there are
EXHAUSTIVE = 2000  # fingers in memory up to which all are compared exactly: some 50 ms
PROBE_MINUTIAE = 24  # of the probe that take part in the ranking; 32 and 48 alike
BATCH = 500  # whole templates in memory at a time
SPLIT = 2_000  # fingers a thread ranks at a time, at least: a millisecond
WORTH = 4  # the same of exact comparisons
PARTS = 4  # for each thread: one whose core is busy with other things does fewer of them
FLOW_ALONE = CONSTANTS._replace(ridges=CONSTANTS.ridges._replace(doubtful=math.inf))

NOTHING = Template(np.zeros(0, MINUTIA), 1, 1)

Result = TypeVar("Result")
Fetch: TypeAlias = Callable[[list[tuple[str, int]]], list[bytes]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One finger of the gallery that a search found."""

    key: str
    position: int
    score: float
    decision: Decision


class Gallery:
    """Fingers, each under a key and a position; a finger added again is replaced.

    `fetch` returns the bytes of templates (matching.serial) for keys and positions, in that order, empty for
    one that is gone: then none is kept here.
    Searches run on as many threads as `threads` says, by default one for each core this process may use.
    Not for use by two threads at once.
    """

    def __init__(self, fetch: Fetch | None = None, threads: int | None = None) -> None:
        self._fetch = fetch
        self._threads = threads if threads is not None else len(os.sched_getaffinity(0))
        self._rows = GalleryRows()
        self._kept: dict[int, PreparedTemplate] = {}  # by row
        self.unreadable: dict[tuple[str, int], str] = {}  # fingers whose template was not one, and why

    def __len__(self) -> int:
        """Return the number of fingers."""
        return len(self._rows)

    def add(self, key: str, position: int, template: Template | PreparedTemplate) -> None:
        """Keep a finger; BadRecord where the template cannot be compared, ValueError for no position."""
        if not 0 <= position < NOWHERE:
            raise ValueError(f"a finger of position {position}: positions are 0 to {NOWHERE - 1}")
        prepared, qualities = _ready(template)
        row = self._rows.put(key, position, search_code.encode(prepared, qualities))
        if self._fetch is None:
            self._kept[row] = prepared

    def add_code(self, key: str, position: int, code: bytes) -> None:
        """Keep a finger by its search code; BadRecord where that is altered or of another version.

        Only with `fetch`: ValueError otherwise, for there would be nothing to compare.
        """
        if self._fetch is None:
            raise ValueError("a gallery without fetch needs whole templates: use add")
        if not 0 <= position < NOWHERE:
            raise ValueError(f"a finger of position {position}: positions are 0 to {NOWHERE - 1}")
        self._rows.put(key, position, search_code.from_bytes(code))

    def codes(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield key, position and search code of every finger, for `add_code`."""
        for key, position, row in self._rows:
            yield key, position, search_code.to_bytes(self._rows.code(row))

    def fingers_of(self, key: str) -> int:
        """Return how many fingers of a key are kept."""
        return len(self._rows.among((key,), None))

    def remove(self, key: str) -> int:
        """Forget every finger of a key and return how many there were."""
        gone = self._rows.drop(key)
        for row in gone:
            self._kept.pop(row, None)
        return len(gone)

    def search(
        self,
        probe: Template | PreparedTemplate,
        position: int | None = None,
        fmr: float | None = None,
        *,
        fpir: float | None = None,
        limit: int | None = None,
        exactly: int | None = None,
        among: Collection[str] | None = None,
    ) -> list[Candidate]:
        """Return the fingers of one position, or of all, that match, best first, at most `limit`.

        The threshold is that of a false match rate `fmr` a comparison (default 1e-5), or of a false positive
        identification rate `fpir` a search: how many searches for someone not enrolled find anybody, were the
        comparisons of a search independent; the FMR this takes is soon far beyond what was measured
        (matching.calibration). Equal scores are in the order of keys and positions. ValueError for a rate
        outside (0, 1), both rates, or a limit below 1. Of those ranked the most alike are compared exactly:
        one in two hundred, at least 100, but at most `exactly`, and those as alike as the last of them. A
        probe of fewer than three minutiae finds nobody; one without ridge evidence is compared with all. With
        `among` only these keys are looked at.
        """
        for name, number in (("limit", limit), ("exactly", exactly)):
            if number is not None and number < 1:
                raise ValueError(f"{name} is {number}: it is at least 1")
        rows = self._rows.of(position) if among is None else self._rows.among(among, position)
        rate = _rate(fmr, fpir, max(len(rows), 1))
        limits = {kind: threshold(rate, kind) for kind in (FULL, MINUTIAE_ONLY)}
        first, qualities = _ready(probe)
        if first.minutiae.shape[1] < FEWEST_MINUTIAE:
            return []
        found = []
        rows = self._shortlist(first, qualities, rows, exactly)
        for start in range(0, len(rows), BATCH):
            for row, score, kind in self._compare(first, rows[start : start + BATCH]):
                if score >= limits[kind] and score > 0:
                    of = int(self._rows.positions[row])
                    found.append(Candidate(self._rows.keys[row], of, score, decide(score, rate, kind)))
        found.sort(key=lambda candidate: (-candidate.score, candidate.key, candidate.position))
        return found[:limit]

    def _shortlist(
        self,
        probe: PreparedTemplate,
        qualities: NDArray[np.uint8],
        rows: NDArray[np.int64],
        exactly: int | None,
    ) -> NDArray[np.int64]:
        """Return the rows worth an exact comparison: the most alike, ties included."""
        most = FEWEST if self._fetch is not None else EXHAUSTIVE
        if len(rows) <= most or not probe.has_flow:
            return rows
        with_flow = self._rows.has_flow[rows]
        ranked, unranked = rows[with_flow], rows[~with_flow]
        keep = max(FEWEST, int(SHARE * len(ranked)))
        keep = min(keep, exactly) if exactly else keep
        if len(ranked) <= keep:
            return rows
        likeness = self._rank(search_code.encode(probe, qualities, PROBE_MINUTIAE), ranked)
        least = np.partition(likeness, -keep)[-keep]
        return np.concatenate([ranked[likeness >= max(least, np.float32(1e-6))], unranked])

    def _rank(self, code: search_code.SearchCode, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the likeness of each of (k,) rising rows, by several threads where there are many."""
        probe, of = search_code.words_of(code), rows // LANES
        first = np.diff(of, prepend=-1) != 0
        blocks = of[first]
        likeness = np.zeros((len(blocks), LANES), np.float32)

        def work(start: int, end: int) -> None:
            rank(probe, self._rows.blocks, blocks[start:end], RANKING, likeness[start:end])

        self._spread(work, len(blocks), SPLIT // LANES)
        of_rows: NDArray[np.float32] = likeness[np.cumsum(first) - 1, rows % LANES]
        return of_rows

    def _compare(self, probe: PreparedTemplate, rows: NDArray[np.int64]) -> Iterator[tuple[int, float, str]]:
        """Yield row, score and kind of exact comparison; `fetch` is called by this thread alone."""
        rows, whole = self._whole(rows)

        def work(start: int, end: int) -> list[tuple[int, float, str]]:
            return self._scored(probe, rows[start:end], whole[start:end])

        for part in self._spread(work, len(rows), WORTH):
            yield from part

    def _scored(
        self, probe: PreparedTemplate, rows: NDArray[np.int64], whole: list[PreparedTemplate | bytes]
    ) -> list[tuple[int, float, str]]:
        """Return row, score and kind of exact comparison."""
        packed = pack([self._unpacked(*one, flow_only=True) for one in zip(rows, whole, strict=True)])
        constants = FLOW_ALONE if self._fetch is not None else CONSTANTS
        scores, merits = score_one_to_many(probe, packed, constants)
        full = probe.has_flow & (packed.heads[:, HAS_FLOW] != 0)
        if self._fetch is not None:
            for place in np.flatnonzero(full & (merits >= CONSTANTS.ridges.doubtful)):
                again = self._unpacked(rows[place], whole[place], flow_only=False)
                scores[place], _ = score_pair(probe, again, CONSTANTS)
        kinds = np.where(full, FULL, MINUTIAE_ONLY)
        return list(zip(rows.tolist(), scores.tolist(), kinds.tolist(), strict=True))

    def _spread(self, work: Callable[[int, int], Result], count: int, least: int) -> list[Result]:
        """Return what the work gives for parts of so many, at least `least` a part, by several threads."""
        parts = min(PARTS * self._threads, count // least)
        if self._threads == 1 or parts <= 1:
            return [work(0, count)]
        edges = np.linspace(0, count, parts + 1).astype(int).tolist()
        with ThreadPoolExecutor(min(self._threads, parts)) as pool:
            return list(pool.map(work, edges[:-1], edges[1:]))

    def _unpacked(self, row: int, whole: PreparedTemplate | bytes, *, flow_only: bool) -> PreparedTemplate:
        """Return a template ready for comparison; one that cannot be read is empty, and in `unreadable`."""
        if not isinstance(whole, bytes):
            return whole
        try:
            return prepare(serial.from_bytes(whole, flow_only=flow_only))
        except BadRecord as error:
            self.unreadable[self._rows.keys[row], int(self._rows.positions[row])] = str(error)
            return prepare(NOTHING)

    def _whole(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[PreparedTemplate | bytes]]:
        """Return the rows of which there is a template, and the templates."""
        if self._fetch is None:
            return rows, [self._kept[int(row)] for row in rows]
        wanted = [(self._rows.keys[row], int(self._rows.positions[row])) for row in rows]
        data = [bytes(one) for one in self._fetch(wanted)]
        if len(data) != len(wanted):
            raise ValueError(f"fetch gave {len(data)} templates for {len(wanted)} fingers")
        there = [place for place, one in enumerate(data) if one]
        return rows[there], [data[place] for place in there]


def _ready(template: Template | PreparedTemplate) -> tuple[PreparedTemplate, NDArray[np.uint8]]:
    """Return the prepared template and the qualities of its minutiae, 0 where they are not known any more."""
    if isinstance(template, Template):
        return prepare(template), search_code.qualities_of(template)
    return template, np.zeros(template.minutiae.shape[1], np.uint8)


def _rate(fmr: float | None, fpir: float | None, fingers: int) -> float:
    if fpir is None:
        return FMR if fmr is None else fmr
    if fmr is not None:
        raise ValueError("a search takes fmr or fpir, not both")
    return fmr_of_search(fpir, fingers)
