"""Ten fingers against everyone enrolled: how long a booth's gallery of so many people takes on all cores.

The crowd is made of the fingers of the synthetic people: mirrored, bent, minutiae moved and lost, as in
benchmarks/search.py. The matcher has search codes; whole templates come out of memory as bytes, as the daemon
hands them over.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain, cycle
from multiprocessing import get_context

import numpy as np

from benchmarks.judging import Impressions
from benchmarks.people import POSITIONS, Finger
from benchmarks.search import changed
from edge.booth.already import enrolled_already
from edge.progress import Progress
from edge.settings import Comparison
from matching import search_code, serial
from matching.compare import prepare
from matching.gallery import Gallery
from matching.template import Template

BATCH = 500  # fingers made by a process at a time
LIMITS = Comparison()
Key = tuple[str, int]  # whose finger, and which
Stored = tuple[bytes, bytes]  # search code and whole template


def filled(impressions: Impressions, people: int, crowd: int, jobs: int) -> Gallery:
    """Return a gallery of the people, as grown, and others made of them, so many together."""
    whole: dict[Key, bytes] = {}
    gallery = Gallery(lambda wanted: [whole[one] for one in wanted])
    sources = {
        (str(n), p): impressions[Finger(n, p), 1].template for n in range(1, people + 1) for p in POSITIONS
    }
    lacking = [(str(n), p) for n in range(people + 1, crowd + 1) for p in POSITIONS]
    orders = [(seed, one) for seed, one in zip(range(len(lacking)), cycle(sources.values()), strict=False)]
    batches = [orders[start : start + BATCH] for start in range(0, len(orders), BATCH)]
    bar = Progress(f"dedup: making {crowd} people", len(lacking))
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        made = chain(map(stored, sources.values()), chain.from_iterable(pool.map(others, batches)))
        for count, ((key, position), (code, template)) in enumerate(
            zip([*sources, *lacking], made, strict=True)
        ):
            whole[key, position] = template
            gallery.add_code(key, position, code)
            bar.advance(int(count >= len(sources)))
    bar.end()
    return gallery


def stored(template: Template) -> Stored:
    """Return what the vault keeps of a finger."""
    code = search_code.encode(prepare(template), search_code.qualities_of(template))
    return search_code.to_bytes(code), serial.to_bytes(template)


def others(orders: Sequence[tuple[int, Template]]) -> list[Stored]:
    """Return what the vault keeps of fingers made of others, with those's ridges, to take as many bytes."""
    made = []
    for seed, source in orders:
        template = changed(source, np.random.default_rng(seed))
        assert template.ridges is not None
        assert source.ridges is not None
        ridges = replace(template.ridges, crests=source.ridges.crests)
        made.append(stored(replace(template, ridges=ridges)))
    return made


def search_times(
    gallery: Gallery, impressions: Impressions, persons: Sequence[int]
) -> tuple[list[float], int]:
    """Return the seconds that ten fingers of each person take, and how many persons were told."""
    times, told = [], 0
    for person in persons:
        hits: Counter[str] = Counter()
        began = time.perf_counter()
        for before, position in enumerate(POSITIONS):
            template = impressions[Finger(person, position), 3].template
            fmr = LIMITS.already_enrolled_fmr
            found = enrolled_already(gallery, template, position, before, fmr, tuple(hits))
            hits.update({one.key for one in found})
        times.append(time.perf_counter() - began)
        told += hits[str(person)] >= LIMITS.already_enrolled_fingers
    return times, told
