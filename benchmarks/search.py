"""One to many: speed, memory and what the first stage of a search misses, in a gallery filled up.

    vantay-fw synthesise --subjects 60 --impressions 1 --seed 20261122 FINGERS
    python benchmarks/search.py FINGERS [fingers in the gallery, default 200000]

The first impression of every finger of the five FVC sets is enrolled, and all others are probes. The gallery
is filled up with the synthetic fingers and with fingers made of them: mirrored, bent by up to 25 px, minutiae
moved and lost. Whole templates are handed over on demand. One thread, then as many as there are cores.
Writes benchmarks/SEARCH.md; about 4 KB of memory a finger, and a quarter of an hour for 200,000.
"""

import itertools
import os
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from fit_comparison import SAME_FINGER, SETS, extract_set

from benchmarks.run import cpu_model
from edge.booth.already import enrolled_already
from edge.settings import Comparison
from matching import serial
from matching.calibration import decide, fmr_of_search
from matching.compare import compare
from matching.extract import extract
from matching.gallery import Gallery
from matching.image import read_image
from matching.template import BLOCK, RidgeEvidence, Template

OUT = Path(__file__).with_name("SEARCH.md")
HEAD = """# One to many

Written by `benchmarks/search.py` on {date}, on one of {cores} cores of: {cpu}. Each impression of the five
FVC sets but the first of a finger is searched for. Times are medians of whole searches: ranking, unpacking of
the whole templates that the ranking leaves, and their exact comparison.

"""
SOME = 40  # probes that the speed with several threads is measured on
FPIR = 0.01
LOOSE = 1e-4  # FMR at which more of what the first stage loses would show
ALREADY = Comparison().already_enrolled_fmr
BEND = 25.0  # px, the largest displacement
JITTER = 6.0  # px, sigma of a minutia's place


def main() -> None:
    """Fill, measure, print."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    folder, size = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    whole: dict[str, bytes] = {}
    enrolled, probes = [], []
    for name, ppi in SETS.items():
        seen = set()
        for finger, template in zip(*extract_set(name, ppi), strict=True):
            (probes if finger in seen else enrolled).append((f"{name} {finger}", template))
            seen.add(finger)
    images = (read_image(path, 500) for path in sorted(folder.glob("*.png")))
    fill = [extract(image.pixels, image.ppi) for image in images]
    first = Gallery(fetch=lambda wanted: [whole[key] for key, _ in wanted])
    for key, template in itertools.chain(enrolled, made_up(fill, size - len(enrolled))):
        whole[key] = serial.to_bytes(template)
        first.add(key, 0, template)
    lengths = np.array([len(data) for data in whole.values()])
    lines = [
        f"{len(first)} fingers: {len(enrolled)} of FVC, {len(fill)} synthetic, the rest made of those.",
        f"Whole templates take {lengths.mean():.0f} bytes, the longest {lengths.max()}.",
    ]
    gallery = rebuilt(first, whole, lines)
    del first
    measure(gallery, dict(enrolled), probes, lines)
    codes = list(gallery.codes())
    del gallery
    threads(cores, codes, whole, probes[:: len(probes) // SOME], lines)
    people(codes, whole, probes, lines)
    page = HEAD.format(date=datetime.now(UTC).date().isoformat(), cores=len(cores), cpu=cpu_model())
    OUT.write_text(page + "".join(f"- {line}\n" for line in lines), "utf-8")


def say(lines: list[str], line: str) -> None:
    """Print a result and keep it for the page."""
    print(line, flush=True)
    lines.append(line)


def rebuilt(first: Gallery, whole: dict[str, bytes], lines: list[str]) -> Gallery:
    """Fill a second gallery from the codes of the first; tell time and memory."""
    stored = list(first.codes())
    start = time.perf_counter()
    gallery = Gallery(fetch=lambda wanted: [whole[key] for key, _ in wanted], threads=1)
    for key, position, code in stored:
        gallery.add_code(key, position, code)
    seconds = time.perf_counter() - start
    say(
        lines,
        f"Filled again from search codes in {seconds:.1f} s ({seconds / len(stored) * 2e5:.1f} for 200,000).",
    )
    tracemalloc.start()
    again = Gallery(fetch=lambda wanted: [whole[key] for key, _ in wanted])
    for number, (_, position, code) in enumerate(stored):
        again.add_code(f"subject {number // 10:09d}", position + number % 10 + 1, code)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    say(lines, f"Memory of the search stage, ten fingers a key: {used / len(stored):.0f} bytes a finger.")
    return gallery


def measure(
    gallery: Gallery, enrolled: dict[str, Template], probes: list[tuple[str, Template]], lines: list[str]
) -> None:
    """Search for every probe; tell what is missed, and missed by exhaustive comparison, and the speed."""
    count, times, answers = len(probes), [], []
    gallery.search(probes[0][1], fmr=LOOSE)
    for key, template in probes:
        start = time.perf_counter()
        found = gallery.search(template, fmr=LOOSE)
        times.append(time.perf_counter() - start)
        answers.append((key, found, compare(template, enrolled[key])))
    say(lines, f"One thread: {speed(gallery, times)}.")
    for name, fmr in ((f"FPIR {FPIR}", fmr_of_search(FPIR, len(gallery))), (f"FMR {LOOSE:g}", LOOSE)):
        missed, missed_exactly, others = 0, 0, 0
        for key, found, score in answers:
            keys = {one.key for one in found if decide(one.score, fmr).match}
            missed += key not in keys
            others += any(one not in same_as(key) for one in keys)
            missed_exactly += not decide(score.value, fmr, score.kind).match
        say(
            lines,
            f"{count} searches, threshold of {name} (FMR {fmr:.1e}): FNIR {100 * missed / count:.2f} %, "
            f"of exhaustive comparison {100 * missed_exactly / count:.2f} %; somebody else in {others}.",
        )


def speed(gallery: Gallery, times: list[float]) -> str:
    """Return comparisons a second and the time of a search, by the median search."""
    middle = float(np.median(times))
    return f"{len(gallery) / middle:,.0f} comparisons/s, {middle * 1e3:.0f} ms a search"


def threads(
    cores: set[int],
    codes: list[tuple[str, int, bytes]],
    whole: dict[str, bytes],
    probes: list[tuple[str, Template]],
    lines: list[str],
) -> None:
    """Tell how the speed grows with threads, up to one a core."""
    os.sched_setaffinity(0, cores)
    for count in range(1, len(cores) + 1):
        gallery = Gallery(fetch=lambda wanted: [whole[key] for key, _ in wanted], threads=count)
        for key, position, code in codes:
            gallery.add_code(key, position, code)
        times = []
        for _, template in probes:
            start = time.perf_counter()
            gallery.search(template, fmr=LOOSE)
            times.append(time.perf_counter() - start)
        say(lines, f"Threads {count}, free to move between cores: {speed(gallery, times)}.")


def people(
    codes: list[tuple[str, int, bytes]],
    whole: dict[str, bytes],
    probes: list[tuple[str, Template]],
    lines: list[str],
) -> None:
    """Tell how long a booth looks for ten fingers among a tenth as many people, and whom it finds."""
    of_finger = {key: number for number, (key, _, _) in enumerate(codes)}
    gallery = Gallery(fetch=lambda wanted: [whole[codes[int(key) * 10 + at - 1][0]] for key, at in wanted])
    for number, (_, _, code) in enumerate(codes):
        gallery.add_code(str(number // 10), number % 10 + 1, code)
    persons: dict[tuple[int, int], dict[int, Template]] = {}
    for turn, (key, template) in enumerate(probes):
        person, finger = divmod(of_finger[key], 10)
        persons.setdefault((person, turn % 7), {})[finger + 1] = template
    for swapped in (0, 5):
        times, missed, others = [], 0, 0
        for (person, _), fingers in persons.items():
            assert len(fingers) == 10
            hits: Counter[str] = Counter()
            start = time.perf_counter()
            for before, (position, template) in enumerate(sorted(fingers.items())):
                at = (position - 1 + swapped) % 10 + 1
                found = enrolled_already(gallery, template, at, before, ALREADY, tuple(hits))
                hits.update({one.key for one in found})
            times.append(time.perf_counter() - start)
            told = {key for key, count in hits.items() if count >= 2}
            missed, others = missed + (str(person) not in told), others + len(told - {str(person)})
        hands = "hands swapped" if swapped else "as enrolled"
        say(
            lines,
            f"{len(persons)} times ten fingers of someone enrolled among {len(codes) // 10} people, {hands}: "
            f"{np.median(times):.2f} s (at most {max(times):.2f}); {missed} missed, {others} others told.",
        )


def same_as(key: str) -> set[str]:
    """Return the keys of a finger: two, where it is known to be in two sets."""
    return {key}.union(*(pair for pair in SAME_FINGER if key in pair))


def made_up(fingers: list[Template], count: int) -> Iterator[tuple[str, Template]]:
    """Yield so many fingers: those given, then others made of them in turn."""
    for number in range(count):
        template = fingers[number % len(fingers)]
        if number >= len(fingers):
            template = changed(template, np.random.default_rng(number))
        yield f"filler {number}", template


def changed(template: Template, generator: np.random.Generator) -> Template:
    """Return a finger that is another one: mirrored or not, bent, its minutiae moved and lost."""
    side = max(template.width, template.height)
    wave = generator.uniform(0.5, 1.5, (2, 2)) * 2 * np.pi / side
    phase, mirrored = generator.uniform(0, 2 * np.pi, 2), generator.random() < 0.5
    minutiae = template.minutiae[generator.random(len(template.minutiae)) < 0.7].copy()
    for axis, field in enumerate(("x", "y")):
        bend = BEND * np.sin(wave[axis, 0] * minutiae["x"] + wave[axis, 1] * minutiae["y"] + phase[axis])
        minutiae[field] = np.clip(minutiae[field] + bend + generator.normal(0, JITTER, len(bend)), 0, side)
    slope = BEND * wave[1, 0] * np.cos(wave[1, 0] * minutiae["x"] + wave[1, 1] * minutiae["y"] + phase[1])
    minutiae["angle"] = (minutiae["angle"] - np.arctan(slope)) % (2 * np.pi)
    assert template.ridges is not None
    orientation, valid = template.ridges.orientation, template.ridges.valid
    rows, columns = np.mgrid[: valid.shape[0], : valid.shape[1]] * BLOCK
    back = [BEND * np.sin(wave[axis, 0] * columns + wave[axis, 1] * rows + phase[axis]) for axis in range(2)]
    column = np.clip((columns - back[0]) // BLOCK, 0, valid.shape[1] - 1).astype(int)
    row = np.clip((rows - back[1]) // BLOCK, 0, valid.shape[0] - 1).astype(int)
    slope = BEND * wave[1, 0] * np.cos(wave[1, 0] * columns + wave[1, 1] * rows + phase[1])
    turned = orientation[row, column] - np.arctan(slope) / np.pi * 256
    period = template.ridges.period[row, column]
    ridges = RidgeEvidence(np.rint(turned).astype(np.int64).astype(np.uint8), period, valid[row, column])
    if mirrored:
        minutiae["x"] = template.width - 1 - minutiae["x"]
        minutiae["angle"] = (np.pi - minutiae["angle"]) % (2 * np.pi)
        ridges = RidgeEvidence(
            (-ridges.orientation[:, ::-1].astype(int)).astype(np.uint8),
            ridges.period[:, ::-1].copy(),
            ridges.valid[:, ::-1].copy(),
        )
    return Template(minutiae, template.width, template.height, ridges, 0, template.quality)


if __name__ == "__main__":
    main()
