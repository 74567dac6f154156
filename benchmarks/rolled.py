"""How well rolls of synthetic fingers are put together, what is refused, and the check against plain ones.

    python benchmarks/rolled.py [--people 10] [--seed 4711]

Of each person four fingers are rolled as they should be and once with each mishap, and laid down flat four
times; constants were tuned on seed 1. To compare, sound rolls are also blended without registration. "Like
the truth" is the comparison score with the minutiae of all that touched. Exit code 1 when more than 2 % of
sound rolls are refused, less than 98 % of those with a mishap are, or more than 2 % of sound rolls do not
match the plain impression of their finger at a false match rate of 0.1 %.
"""

import argparse
import sys
from collections import Counter
from time import perf_counter

import numpy as np

from fwtools.synthesis.finger import ROUND, flat_part, synthesise_finger
from fwtools.synthesis.impressions import impression
from fwtools.synthesis.rolled import Mishap, roll
from matching.calibration import decide
from matching.compare import compare
from matching.extract import extract
from matching.rolled import compose
from matching.rolled_parameters import JOINING
from matching.template import Template

POSITIONS = (1, 2, 4, 10)
PLAIN = 4  # impressions of each finger
OWN, OTHER = 1e-3, 1e-5  # false match rates: with its own plain impression, with another one
AS_THEY_LIE = JOINING._replace(likeness=0.0)  # no match is believed: nothing is moved


def main() -> int:
    """Make and judge the rolls, print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--seed", type=int, default=4711)
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    likes: list[tuple[float, float, float]] = []
    seconds: list[float] = []
    for subject in range(1, args.people + 1):
        rolls: dict[int, Template] = {}
        plain: dict[int, list[Template]] = {}
        for position in POSITIONS:
            finger = synthesise_finger(args.seed, subject, position, ROUND)
            plain[position] = [extract(impression(flat_part(finger), n + 1)[0]) for n in range(PLAIN)]
            for mishap in Mishap:
                made = roll(finger, 1, mishap)
                start = perf_counter()
                found = compose(made.frames)
                seconds.append(perf_counter() - start)
                counts[mishap] += 1
                counts[f"{mishap} refused"] += bool(found.issues)
                if bool(found.issues) == (mishap is Mishap.NONE):
                    print(f"person {subject} position {position} {mishap}: {list(found.issues)}", flush=True)
                if mishap is Mishap.NONE:
                    rolls[position] = extract(found.pixels)
                    single = max(compare(extract(one), made.template).value for one in made.frames[3:-3:3])
                    lying = extract(compose(made.frames, joining=AS_THEY_LIE).pixels)
                    whole = compare(rolls[position], made.template).value
                    likes.append((whole, compare(lying, made.template).value, single))
        counts.update(controls(rolls, plain))
    return report(counts, likes, seconds)


def controls(rolls: dict[int, Template], plain: dict[int, list[Template]]) -> Counter[str]:
    """Compare each roll with each plain impression of its own finger and of the others of the same person."""
    counts: Counter[str] = Counter()
    for position, rolled in rolls.items():
        for other, samples in plain.items():
            for sample in samples:
                score = compare(rolled, sample)
                kind = "own" if other == position else "others"
                counts[kind] += 1
                counts[f"{kind} match"] += decide(
                    score.value, OWN if kind == "own" else OTHER, score.kind
                ).match
    return counts


def report(counts: Counter[str], likes: list[tuple[float, float, float]], seconds: list[float]) -> int:
    """Print the figures; return the exit code."""
    refused = counts[f"{Mishap.NONE} refused"] / counts[Mishap.NONE]
    caught = {m: counts[f"{m} refused"] / counts[m] for m in Mishap if m is not Mishap.NONE}
    missed = 1 - counts["own match"] / counts["own"]
    whole, lying, single = np.median(np.array(likes), axis=0)
    print("caught: " + ", ".join(f"{m} {100 * share:.1f} %" for m, share in caught.items()))
    print(
        f"like the truth, median score: whole {whole:.0f}, as they lie {lying:.0f}, best picture {single:.0f}"
    )
    print(
        f"rolled: rolls={counts[Mishap.NONE]} refused={100 * refused:.1f}% "
        f"mishaps={sum(counts[m] for m in caught)} caught={100 * np.mean(list(caught.values())):.1f}% "
        f"own_missed={100 * missed:.1f}% of {counts['own']} "
        f"others_matched={counts['others match']} of {counts['others']} ms={1000 * np.median(seconds):.0f}"
    )
    return int(refused > 0.02 or min(caught.values()) < 0.98 or missed > 0.02)


if __name__ == "__main__":
    sys.exit(main())
