"""What the feedback says of synthetic fingers whose force, moisture and place are known, and how fast.

    python -m benchmarks.presentations [--seed N]

Force and moisture are in the synthesiser's units: usual fingers are within 1. A fault is 1.4 to 2 of one
of them while the other is within 0.4, or 6 mm off the centre; sound fingers are drawn as usual, and those
count that have both within 0.7. One frame tells too light from dry and too heavy from wet in part only:
`pair` counts either word, `word` the right one; the booth changes the word after two seconds.
Exits 1 beyond the limits.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.api import Frame
from drivers.presentation import Advice, lies_badly
from fwtools.synthesis import synthesise_finger
from fwtools.synthesis.faults import Fault
from fwtools.synthesis.impressions import draw_condition, impression
from fwtools.synthesis.ink import Condition
from fwtools.synthesis.parameters import PRESENTATION
from fwtools.synthesis.people import stream

PEOPLE, POSITIONS = 24, (1, 2, 4, 8)
FAULTY, USUAL, SOUND, FAR = (1.4, 2.0), 0.4, 0.7, 6 / 25.4 * 500
PAIRS = {
    "too-light": {Advice.TOO_LIGHT, Advice.DRY},
    "dry": {Advice.TOO_LIGHT, Advice.DRY},
    "too-heavy": {Advice.TOO_HEAVY, Advice.WET},
    "wet": {Advice.TOO_HEAVY, Advice.WET},
    "off-centre": {Advice.OFF_CENTRE},
}
LEAST_PAIR, LEAST_WORD, LEAST_SILENT, MOST_MS = 0.75, 0.60, 0.90, 5.0


class Seen(NamedTuple):
    """One impression: what is wrong with it, what was said, and how long that took."""

    kind: str
    said: Advice | None
    ms: float


def main() -> int:
    """Print a line for each kind of fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=54)
    seen = look(parser.parse_args().seed)
    good = [_told(kind, [one.said for one in seen if one.kind == kind]) for kind in PAIRS]
    sound = [one.said for one in seen if one.kind == "sound"]
    silent, ms = sound.count(None) / len(sound), float(np.median([one.ms for one in seen]))
    print(f"sound n={len(sound)} silent={silent:.3f}")
    print(f"impressions={len(seen)} ms_per_frame={ms:.2f}")
    return 0 if all(good) and silent >= LEAST_SILENT and ms < MOST_MS else 1


def _told(kind: str, said: list[Advice | None]) -> bool:
    pair = sum(word in PAIRS[kind] for word in said) / len(said)
    word = said.count(Advice(kind)) / len(said)
    print(f"{kind} n={len(said)} pair={pair:.2f} word={word:.2f} nothing={said.count(None) / len(said):.2f}")
    return pair >= LEAST_PAIR and word >= LEAST_WORD


def look(seed: int) -> list[Seen]:
    """Return what is said of every impression of this seed's people."""
    seen = []
    for kind, pixels in impressions(seed):
        began = time.perf_counter()
        said = lies_badly(Frame(pixels, 500.0, 500.0))
        seen.append(Seen(kind, said, 1000 * (time.perf_counter() - began)))
    return seen


def impressions(seed: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield what is wrong with each impression, and the impression (400, 300)."""
    rng = np.random.default_rng(seed)
    for subject in range(1, PEOPLE + 1):
        for position in POSITIONS:
            finger = synthesise_finger(seed, subject, position)
            for index, kind in enumerate((*PAIRS, *["sound"] * 3), 1):
                own = stream(seed, subject, position, index)
                own.normal(0, PRESENTATION.haste)  # drawn before the condition
                usual = draw_condition(own, finger.person)
                if kind == "sound" and max(abs(usual.force), abs(usual.moisture)) > SOUND:
                    continue
                yield kind, impression(finger, index, fault=_fault(kind, usual, rng))[0]


def _fault(kind: str, usual: Condition, rng: np.random.Generator) -> Fault:
    """What makes the usual condition the kind's."""
    much, little, turn = rng.uniform(*FAULTY), rng.uniform(-USUAL, USUAL), rng.uniform(0, 2 * np.pi)
    if kind == "sound":
        return Fault()
    if kind == "off-centre":
        return Fault(shift=(FAR * np.cos(turn), FAR * np.sin(turn)))
    force, moisture = {
        "too-light": (-much, little),
        "too-heavy": (much, little),
        "dry": (little, -much),
        "wet": (little, much),
    }[kind]
    return Fault(force=force - usual.force, moisture=moisture - usual.moisture)


if __name__ == "__main__":
    sys.exit(main())
