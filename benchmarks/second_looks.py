"""What a second look is worth: two samples of a finger against one of another, or of the same finger.

    .venv/bin/python benchmarks/second_looks.py [--people 400] [--seed N] [--pairs 300000] [--cache DIR]

The decision is the booth's own (`edge/booth/second_look.py`), beside single looks at one rate. Two samples
of the same two fingers are alike, so the rate of both is counted here, not multiplied: with every pair of
the five FVC sets under $VANTAY_DATA, and with random pairs of the people of `day.py`, made in the cache.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.judging import read_impressions
from benchmarks.people import IMPRESSIONS, POSITIONS, SEED, Finger, default_cache, make_people, people_folder
from edge.booth.second_look import ASK, AT_ONCE, Looked, look
from edge.image_sets import finger_of, list_images, read_set
from matching.calibration import rate
from matching.compare import PreparedTemplate, compare, prepare

SETS = ("fvc2000/DB1_B", "fvc2002/DB1_B", "fvc2002/DB3_B", "fvc2004/DB1_B", "fvc2004/DB3_B")
SINGLE = (ASK, 1e-4, 3e-5, AT_ONCE)
ALIKE = (1e-2, 1e-3)  # shares of pairs of two fingers, the most alike ones
Triple = tuple[PreparedTemplate, PreparedTemplate, PreparedTemplate]  # taken, shown first, shown second


def _look(fmr: float, before: dict[int, float]) -> Looked[int]:
    sure, perhaps = (fmr <= AT_ONCE), (AT_ONCE < fmr <= ASK)
    return look((1,) if sure else (), {1: fmr} if perhaps else {}, before)


def real(root: Path) -> Iterator[tuple[bool, Triple]]:
    """Yield whether it is one finger, and every two images with a third of the second's finger."""
    for name in SETS:
        listed = list_images(root / "fingerprints" / name)
        fingers: dict[str, list[PreparedTemplate]] = {}
        for path, template in zip(listed.paths, read_set(listed, None).templates, strict=True):
            fingers.setdefault(finger_of(path), []).append(template)
        for taken, shown in product(fingers, repeat=2):
            for a, b in product(range(len(fingers[taken])), range(len(fingers[shown]))):
                if taken != shown or a != b:
                    others = [c for c in range(len(fingers[shown])) if c != b and (taken != shown or c != a)]
                    c = others[(a + b) % len(others)]
                    yield taken == shown, (fingers[taken][a], fingers[shown][b], fingers[shown][c])


def synthetic(folder: Path, people: int, pairs: int, seed: int) -> Iterator[tuple[bool, Triple]]:
    """Yield every finger's triple of its own, and random ones of two fingers of one person."""
    made = read_impressions(folder, people, len(os.sched_getaffinity(0)))
    ready = {key: prepare(one.template) for key, one in made.items()}
    for person, position in product(range(1, people + 1), POSITIONS):
        finger = Finger(person, position)
        yield True, (ready[finger, 1], ready[finger, 3], ready[finger, 4])
    rng = np.random.default_rng(seed)
    for _ in range(pairs):  # people dealt anew: fingers of two positions, of anybody
        one, two = (int(p) for p in rng.choice(list(POSITIONS), 2, replace=False))
        taken, shown = (Finger(int(rng.integers(1, people + 1)), p) for p in (one, two))
        b, c = rng.choice(IMPRESSIONS, 2, replace=False) + 1
        yield False, (ready[taken, int(rng.integers(1, IMPRESSIONS + 1))], ready[shown, b], ready[shown, c])


def count(what: str, triples: Iterator[tuple[bool, Triple]]) -> None:
    """Compare both samples of every triple with the one taken, and print what becomes of them."""
    scores: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for genuine, (taken, *shown) in triples:
        first, second = (compare(taken, one).value for one in shown)
        scores[genuine].append((first, second))
    told(f"{what}, one finger", np.array(scores[True]))
    told(f"{what}, two fingers", np.array(scores[False]))
    first, second = np.array(scores[False]).T
    for share in ALIKE:
        high = first >= (limit := np.quantile(first, 1 - share))
        again = float((second[high] >= limit).mean())
        print(f"{what}: of the {high.sum()} highest of two fingers ({share:g}) as high again: {again:.3f}")


def told(what: str, scores: NDArray[np.float64]) -> None:
    """Print how many of (n, 2) scores are called the same finger, by one look and by the booth's."""
    firsts, seconds = np.vectorize(rate)(scores).T
    asked = same_at_once = same_of_two = 0
    for first, second in zip(firsts, seconds, strict=True):
        looked = _look(first, {})
        asked, same_at_once = asked + bool(looked.doubtful), same_at_once + bool(looked.same)
        same_of_two += bool(looked.doubtful and _look(second, looked.doubtful).same)
    single = ", ".join(f"{(firsts <= limit).sum()} at {limit:g}" for limit in SINGLE)
    print(f"{what}: {len(scores)} pairs, called the same by one look: {single}")
    print(
        f"{what}: by the booth {(same := same_at_once + same_of_two)} ({same / len(scores):.3g}): "
        f"{same_at_once} at once, {same_of_two} of {asked} that are asked for once more",
        flush=True,
    )


def main() -> int:
    """Count on both kinds of fingers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=400, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="whose people (%(default)s)")
    parser.add_argument("--pairs", type=int, default=300_000, help="synthetic, of two fingers (%(default)s)")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="(%(default)s)")
    args = parser.parse_args()
    data = Path(os.environ.get("VANTAY_DATA", "../shared/data"))
    if not data.is_dir():
        print(f"second_looks: {data} is not there: name the folder of the FVC sets in VANTAY_DATA")
        return 2
    count("FVC", real(data))
    folder = people_folder(args.cache, args.seed)
    make_people(folder, args.people, len(os.sched_getaffinity(0)), args.seed)
    count(f"synthetic, seed {args.seed}", synthetic(folder, args.people, args.pairs, args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
