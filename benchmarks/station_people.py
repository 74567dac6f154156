"""The people of `benchmarks/station.py`: synthetic ones, and a crowd made of their fingers.

Written by the gallery's own store code, since 20,000 records over the wire are a working day of searches. The
folder is kept in the cache: `keys/` as `vantay keys gallery` makes them, `data/gallery.db`.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

from benchmarks.crowd import Stored, others, stored
from benchmarks.people import POSITIONS, Finger, name
from edge.gallery.keeper import GalleryStore, Keeper
from edge.gallery.question import Finger as Asked
from edge.gallery.question import Head, Question
from edge.keys import make_gallery_keys, read_gallery_keys
from edge.progress import Progress
from matching import serial
from matching.image import read_image
from matching.quality import examine
from matching.template import Template

FMR = 1e-6  # as a booth asks: Comparison.station_fmr
BATCH, TOGETHER = 500, 50  # fingers made by a process at a time; people kept in one transaction
BOOTHS = 20
ENROLLED, SHOWN = 1, 3  # impressions


def template_of(folder: Path, finger: Finger, impression: int) -> Template:
    """Return what a booth's matcher makes of one impression."""
    image = read_image(folder / name(finger, impression))
    return examine(image.pixels, image.ppi)[0]


def enrolment_of(person: int) -> str:
    """Return the id under which a person is held."""
    return f"{person:016x}"


def subject_of(person: int) -> str:
    """Return whose it is, as long as a booth's keyed hash."""
    return f"{person:032x}"


def asked(
    kind: str, number: int, person: int, booth: str, fingers: dict[int, bytes], before: int
) -> Question:
    """Return a question of a booth, by number, with templates by position."""
    head = Head.model_validate(
        {
            "kind": kind,
            "enrolment": enrolment_of(person),
            "subject": subject_of(person),
            "fmr": FMR,
            "before": before,
            "fingers": [Asked(position=p, length=len(data)) for p, data in fingers.items()],
        }
    )
    return Question(booth, f"{number:016x}", head, tuple(fingers.values()))


def hold(station: Path, folder: Path, people: int, crowd: int, jobs: int) -> None:
    """Fill a station's gallery up to so many people; those that it holds stay."""
    if not (station / "keys").exists():
        make_gallery_keys(station / "keys")
    (station / "data").mkdir(parents=True, exist_ok=True)
    store = GalleryStore(station / "data" / "gallery.db")
    keeper = Keeper(store, read_gallery_keys(station / "keys").vault)
    bar, there = Progress(f"station: {crowd} people", crowd), len(keeper.whose)
    bar.advance(there)
    if there < crowd:
        grown = [template_of(folder, Finger(n, p), ENROLLED) for n in range(1, people + 1) for p in POSITIONS]
        fingers = _fingers(grown, there * len(POSITIONS), crowd * len(POSITIONS), jobs)
        for start in range(there + 1, crowd + 1, TOGETHER):
            group = range(start, min(start + TOGETHER, crowd + 1))
            with store.transaction():
                for person in group:
                    codes, templates = zip(*islice(fingers, len(POSITIONS)), strict=True)
                    hand = dict(zip(POSITIONS, templates, strict=True))
                    keeper.add(asked("add", person, person, f"b-{person % BOOTHS}", hand, 0), list(codes))
            bar.advance(len(group))
    bar.end()
    store.close()


def _fingers(grown: list[Template], first: int, last: int, jobs: int) -> Iterator[Stored]:
    """Yield fingers by number: the grown ones, then others made of them."""
    yield from map(stored, grown[first:])
    start = max(first, len(grown))
    orders = list(zip(range(start, last), cycle(grown), strict=False))
    batches = [orders[at : at + BATCH] for at in range(0, len(orders), BATCH)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for made in pool.map(others, batches):
            yield from made


def probes(folder: Path, people: int) -> dict[Finger, bytes]:
    """Return what so many people show when they come again, as a booth sends it."""
    fingers = [Finger(person, position) for person in range(1, people + 1) for position in POSITIONS]
    return {finger: serial.to_bytes(template_of(folder, finger, SHOWN)) for finger in fingers}
