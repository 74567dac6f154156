"""Fit the weights of the quality to what comparison makes of the images; needs nbis-py.

    python benchmarks/fit_quality.py CACHE

takes what benchmarks/discard.py compares (the five FVC sets and the synthetic mixed set; CACHE as there),
fits with each set left out in turn, prints what discarding by those weights does to the left-out set, and
then the weights of all sets, to be written into matching/parameters.py.

The target of an image is its mean genuine score, ours and bozorth3's, each cut off at a few thresholds
because quality is about what is near being missed. The weights are pulled to one common weight, and every
part counts.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.discard import FVC, MIXED, Set, put_together, read_sets
from benchmarks.discarding import FORMS, RATE, SHARES, curve
from matching.evaluation import Thresholds
from matching.parameters import QUALITY
from matching.quality import shortfall

Floats = NDArray[np.float64]
ENOUGH = {"ours": 3.0, "NBIS": 2.0}  # thresholds at which a score is cut off
COMMON = 0.15  # weight that all are pulled to; 0.1, 0.15
PULL = 30.0  # images that the pull is worth, in the unit of the fit; 5, 30
LEAST = 0.03  # weight that every part has
MIXED_WORTH = 2.0  # sets that the synthetic one counts for


def main() -> None:
    """Fit, print."""
    if len(sys.argv) != 2:
        sys.exit("fit_quality: name the folder of the cache: python benchmarks/fit_quality.py CACHE")
    sets, left_out = read_sets(Path(sys.argv[1]), (*FVC, MIXED))
    if left_out:
        sys.exit(f"fit_quality: {left_out[0]}")
    targets = [
        target(one, [other for other in sets if (other.name == MIXED) == (one.name == MIXED)]) for one in sets
    ]
    parts = [
        np.array([[shortfall(row, ramp) for ramp in QUALITY.ramps] for row in one.parts]) for one in sets
    ]
    unseen = []
    for index, one in enumerate(sets):
        others = [place for place in range(len(sets)) if place != index]
        weights = fit(
            [parts[n] for n in others], [targets[n] for n in others], [sets[n].name for n in others]
        )
        unseen.append(parts[index] @ weights)
        print(f"{one.name} left out: {left_out_curves(one, unseen[-1])}")
    real = [place for place, one in enumerate(sets) if one.name != MIXED]
    pooled = put_together("the real sets pooled", [sets[place] for place in real])
    together = np.concatenate([unseen[place] for place in real])
    print(f"{pooled.name}, each left out in turn: {left_out_curves(pooled, together)}")
    weights = fit(parts, targets, [one.name for one in sets])
    median = np.median(np.concatenate([parts[place] for place in real]) @ weights)
    for ramp, weight in zip(QUALITY.ramps, weights, strict=True):
        print(f"{ramp.part}: {weight:.2f}")
    print(f"steepness for a median of 50: {np.log(0.5) / median:.2f}")


def target(one: Set, alike: list[Set]) -> Floats:
    """Return (n,) the sum over the engines of each image's mean genuine score in thresholds, cut off."""
    total = np.zeros(len(one.ours))
    for engine, enough in ENOUGH.items():
        genuine, impostor = (np.concatenate([other.scores[engine][k] for other in alike]) for k in (0, 1))
        most = enough * Thresholds(genuine, impostor).at(RATE)
        share = np.minimum(one.scores[engine][0], most) / most
        ends = one.pairs.genuine.ravel()
        total += np.bincount(ends, np.repeat(share, 2), len(total)) / np.bincount(ends, minlength=len(total))
    return total


def fit(parts: list[Floats], targets: list[Floats], names: list[str]) -> Floats:
    """Return weights by least squares, pulled to `COMMON`, none below `LEAST`."""
    worth = np.concatenate(
        [
            np.full(len(one), 80 * (MIXED_WORTH if name == MIXED else 1.0) / len(one))
            for one, name in zip(targets, names, strict=True)
        ]
    )
    design, wanted = np.concatenate(parts), np.concatenate(targets)
    design = (design - np.average(design, 0, worth)) * np.sqrt(worth)[:, None]
    wanted = (wanted - np.average(wanted, weights=worth)) * np.sqrt(worth)
    curvature = design.T @ design + PULL * np.eye(design.shape[1])
    slope = design.T @ wanted + PULL * COMMON
    weights = np.full(design.shape[1], COMMON)
    for _ in range(2000):  # one weight after the other, which ends where all together are best
        for place in range(len(weights)):
            step = (slope[place] - curvature[place] @ weights) / curvature[place, place]
            weights[place] = max(LEAST, weights[place] + step)
    return weights


def left_out_curves(one: Set, quality: Floats) -> str:
    """Return FNMR with nothing, 10 and 20 % discarded, of each engine and form, beside NFIQ 2's."""
    words = []
    for engine in ENOUGH:
        compared, known = one.compared(engine)
        for form in FORMS:
            ours, theirs = (curve(compared, by, form, known) for by in (quality, one.nfiq2))
            shown = [
                f"{100 * ours[n]:.1f} ({100 * theirs[n]:.1f})" for n in map(SHARES.index, (0.0, 0.1, 0.2))
            ]
            words.append(f"{engine}, {form} {', '.join(shown)}")
    return "; ".join(words)


if __name__ == "__main__":
    main()
