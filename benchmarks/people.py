"""The synthetic people of `benchmarks/day.py`: made once, kept outside the repository as images.

SSSS_PP_I.png is impression I of position PP of person SSSS. Person 0 works at the booth, with sound fingers;
of the others `POOR` have a fault in all their impressions: dry, wet, lightly laid down, small or off-centre,
more or less of it. The folder is named after the seed and the text of the synthesis: a change of that makes
new people; what is there is not made again.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fwtools.synthesis
from edge.progress import Progress
from fwtools.synthesis import impression, synthesise_finger
from fwtools.synthesis.faults import FAULTS, SOUND, Fault
from fwtools.synthesis.files import png, warm

SEED = 20261126  # the first figures were simulated on these people; 20261127 was kept for judging
IMPRESSIONS = 4
POSITIONS = range(1, 11)
WORKS_HERE = 0  # a person with sound fingers, some of which are registered
POOR = 0.05  # of the fingers
LEAST = 0.3  # strength of a fault; the most is 1


class Finger(NamedTuple):
    """One finger of one person."""

    person: int  # 1 .., or WORKS_HERE
    position: int  # 1..10


def people_folder(cache: Path, seed: int = SEED) -> Path:
    """Return the folder of the people that this release's synthesis makes."""
    sources = sorted(Path(fwtools.synthesis.__file__).parent.glob("*.py"))
    text = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources))
    return cache / f"day-people-{seed}-{text.hexdigest()[:12]}"


def default_cache() -> Path:
    """Return where caches of this program lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vantay"


def make_people(folder: Path, people: int, jobs: int, seed: int = SEED) -> None:
    """Make what is not there yet of so many people."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in folder.glob("*.png")}
    fingers = [Finger(person, position) for person in range(WORKS_HERE, people + 1) for position in POSITIONS]
    lacking = [finger for finger in fingers if not names(finger) <= there]
    if not lacking:
        return
    bar = Progress(f"{folder.name}: making fingers", len(lacking))
    warm()
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for _ in pool.map(partial(make_finger, folder, seed=seed), lacking, chunksize=10):
            bar.advance(1)
    bar.end()


def make_finger(folder: Path, finger: Finger, seed: int = SEED) -> None:
    """Write the impressions of one finger; a file that is there is whole."""
    master, fault = synthesise_finger(seed, *finger), fault_of(finger, seed)
    for index in range(1, IMPRESSIONS + 1):
        path = folder / name(finger, index)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(png(impression(master, index, fault=fault)[0]))
        part.rename(path)


def fault_of(finger: Finger, seed: int = SEED) -> Fault:
    """Return what is wrong with a finger."""
    rng = np.random.default_rng([seed, *finger])
    if rng.random() >= POOR or finger.person == WORKS_HERE:
        return SOUND
    return FAULTS[str(rng.choice(list(FAULTS)))].weaker(rng.uniform(LEAST, 1))


def name(finger: Finger, index: int) -> str:
    """Return the file name of an impression (1 ..)."""
    return f"{finger.person:04}_{finger.position:02}_{index}.png"


def names(finger: Finger) -> set[str]:
    """Return the file names of a finger."""
    return {name(finger, index) for index in range(1, IMPRESSIONS + 1)}


def every(people: int) -> Iterator[tuple[Finger, int]]:
    """Yield finger and impression of so many people and of the one who works here."""
    for person in range(WORKS_HERE, people + 1):
        for position in POSITIONS:
            for index in range(1, IMPRESSIONS + 1):
                yield Finger(person, position), index
