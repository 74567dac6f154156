"""Fit what comparison learns from data: the weights of the score, and the score at each false match rate.

    python benchmarks/fit_comparison.py

reads the five FVC sets under $VANTAY_DATA (default ../shared/data), prints the error rates with each set left
out of the fit in turn, and writes matching/combination.json and matching/calibration.json.
"""

import itertools
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.image_sets import finger_of, list_images
from matching import calibration, combination, iso19794
from matching.compare import FULL, MINUTIAE_ONLY, prepare
from matching.compare_parameters import Weights
from matching.evaluation import PairLists, error_rates, pairs_of, scores_of
from matching.extract import extract
from matching.image import read_image
from matching.kernels.packed import pack
from matching.template import Template

DATA = Path(os.environ.get("VANTAY_DATA", "../shared/data")) / "fingerprints"
SETS = {
    "fvc2000/DB1_B": 500,
    "fvc2002/DB1_B": 500,
    "fvc2002/DB3_B": 500,
    "fvc2004/DB1_B": 500,
    "fvc2004/DB3_B": 512,
}
RIDGE = 1.0  # strength of the penalty on standardised weights; 0.1..10 alike
MEASURED = 0.01  # false match rate down to which the quantile alone counts
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 1e-5, 1e-6)
RESAMPLES = 400
UPPER = 0.95  # of the resamples, for the upper end of the interval


class SetScores(NamedTuple):
    """One set's pairs: places in its list of impressions, and the three terms of their scores."""

    fingers: list[str]
    pairs: PairLists
    genuine: NDArray[np.float64]  # (g, 3)
    impostor: NDArray[np.float64]  # (i, 3)


def main() -> None:
    """Fit, print, write."""
    missing = [name for name in SETS if not (DATA / name).is_dir()]
    if missing:
        sys.exit(f"fit_comparison: no {', '.join(missing)} under {DATA}: set VANTAY_DATA")
    templates = {name: extract_set(name, ppi) for name, ppi in SETS.items()}
    when = datetime.now(UTC).date().isoformat()
    weights, calibrated = {}, {}
    for kind in (FULL, MINUTIAE_ONLY):
        sets = [terms_of(name, templates[name], kind) for name in SETS]
        rates = report_left_out(kind, sets)
        fitted = fit(sets)
        weights[kind] = {
            "weights": {name: round(value, 4) for name, value in fitted._asdict().items()},
            "date": when,
            "data": list(SETS),
            "genuine": sum(len(one.genuine) for one in sets),
            "impostor": sum(len(one.impostor) for one in sets),
            "each set left out of the fit, mean (EER, FMR1000) in %": rates,
        }
        calibrated[kind] = calibrate(sets, fitted, when)
    write(combination.FILE, weights)
    write(calibration.FILE, {"kinds": calibrated})


def write(path: Path, content: object) -> None:
    """Write JSON, a list on one line."""
    text = json.dumps(content, indent=1)
    text = re.sub(r"\[([^][]*)\]", lambda row: "[" + " ".join(row[1].split()) + "]", text)
    path.write_text(text + "\n", "utf-8")
    print(f"wrote {path.name}")


def extract_set(name: str, ppi: int) -> tuple[list[str], list[Template]]:
    """Return fingers and templates of a set."""
    paths = list_images(DATA / name).paths
    images = (read_image(path, ppi) for path in paths)
    return [finger_of(path) for path in paths], [extract(image.pixels, image.ppi) for image in images]


def terms_of(name: str, extracted: tuple[list[str], list[Template]], kind: str) -> SetScores:
    """Compare every pair of a set; minutiae alone go through the record format that carries nothing else."""
    fingers, templates = extracted
    if kind == MINUTIAE_ONLY:
        templates = [iso19794.read(iso19794.write(template)) for template in templates]
    packed = pack([prepare(template) for template in templates])
    pairs = pairs_of(fingers)
    genuine, impostor = (scores_of(packed, some, lambda _: None)[:, 1:] for some in pairs)
    print(f"{kind} {name}: {len(genuine)} genuine, {len(impostor)} impostor pairs")
    return SetScores(fingers, pairs, genuine, impostor)


def fit(sets: list[SetScores]) -> Weights:
    """Return the weights of a logistic regression with a small ridge penalty, by Newton's method."""
    terms = np.concatenate([one.genuine for one in sets] + [one.impostor for one in sets])
    genuine = np.zeros(len(terms))
    genuine[: sum(len(one.genuine) for one in sets)] = 1
    spread = terms.std(axis=0)
    design = np.column_stack([(terms - terms.mean(axis=0)) / spread, np.ones(len(terms))])
    penalty = np.diag([RIDGE] * 3 + [0.0])
    solution = np.zeros(4)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ solution, -50, 50)))
        slope = design.T @ (chance - genuine) + penalty @ solution
        curvature = (design * np.maximum(chance * (1 - chance), 1e-12)[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, slope)
        solution -= step
        if np.abs(step).max() < 1e-10:
            break
    return Weights(*(float(value) for value in solution[:3] / spread))


def score(terms: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Return (k,) scores of (k, 3) terms."""
    return np.maximum(terms @ np.array(weights), 0)


def report_left_out(kind: str, sets: list[SetScores]) -> list[float]:
    """Print and return the mean error rates where no set is scored by weights it was fitted to."""
    rows = []
    for index, (name, one) in enumerate(zip(SETS, sets, strict=True)):
        weights = fit(sets[:index] + sets[index + 1 :])
        errors = error_rates(score(one.genuine, weights), score(one.impostor, weights))
        rows.append((100 * errors.eer, 100 * errors.fmr1000))
        print(f"{kind} {name} left out: EER {rows[-1][0]:.2f} %, FMR1000 {rows[-1][1]:.2f} %")
    means = np.mean(rows, axis=0)
    print(f"{kind} mean: EER {means[0]:.2f} %, FMR1000 {means[1]:.2f} %")
    return [round(float(value), 2) for value in means]


def calibrate(sets: list[SetScores], weights: Weights, when: str) -> dict[str, object]:
    """Return the points of one kind with their provenance."""
    scores = np.concatenate([score(one.impostor, weights) for one in sets])
    order = np.argsort(-scores, kind="stable")
    generator = np.random.default_rng(0)
    draws = [curve(scores[order], resampled(sets, generator)[order]) for _ in range(RESAMPLES)]
    best = curve(scores[order], np.ones(len(scores)))
    highest = np.maximum.accumulate(np.maximum(best, np.quantile(draws, UPPER, axis=0)))
    points = [
        [rate, round(float(a), 4), round(float(b), 4)]
        for rate, a, b in zip(RATES, best, highest, strict=True)
    ]
    rising = [row for row, after in itertools.pairwise(points) if row[2] < after[2]] + points[-1:]
    return {
        "date": when,
        "data": list(SETS),
        "impostor pairs": len(scores),
        "fingers": sum(len(set(one.fingers)) for one in sets),
        "columns": [
            "false match rate",
            "score",
            f"upper end: {UPPER:g} of {RESAMPLES} resamplings of fingers",
        ],
        "extrapolated below": 1 / len(scores),
        "tail": f"exponential, fitted to the highest {MEASURED:g} of the scores",
        "points": rising,
    }


def resampled(sets: list[SetScores], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a weight a pair: how often a draw of fingers with replacement, set by set, contains both."""
    weights = []
    for one in sets:
        names, finger = np.unique(one.fingers, return_inverse=True)
        times = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
        of_impression = times[finger]
        weights.append(of_impression[one.pairs.impostor].prod(axis=1))
    return np.concatenate(weights).astype(np.float64)


def curve(falling: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score at each of `RATES` from weighted scores, the highest first.

    The quantile down to `MEASURED`; beyond, the higher of quantile and exponential tail while there are ten
    pairs above, then the tail.
    """
    share = np.cumsum(weights) / weights.sum()
    above = max(1, int(np.searchsorted(share, MEASURED)))
    start = falling[above]
    decay = float(np.average(falling[:above] - start, weights=weights[:above]))
    points = []
    for rate in RATES:
        quantile = falling[min(int(np.searchsorted(share, rate)), len(falling) - 1)]
        tail = start + decay * np.log(MEASURED / rate)
        if rate >= MEASURED:
            points.append(quantile)
        elif rate * weights.sum() >= 10:
            points.append(max(quantile, tail))
        else:
            points.append(tail)
    return np.array(points)


if __name__ == "__main__":
    main()
