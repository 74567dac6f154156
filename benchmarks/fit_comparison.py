"""Fit what comparison learns from data: the weights of the score, and the score at each false match rate.

    vantay-fw synthesise --subjects 60 --impressions 1 --seed 20261122 FINGERS
    python benchmarks/fit_comparison.py FINGERS

reads the five FVC sets under $VANTAY_DATA (default ../shared/data), prints the error rates with each set left
out of the fit in turn, and writes matching/combination.json and matching/calibration.json.

The false match rates are of two populations of impostor pairs, real fingers and synthetic ones, and of the
two scores at a rate the higher one is taken: the synthetic ones are more, and, being whole and well laid down
every time, score higher than real ones do.
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
PENALTY = Weights(1.0, 1.0, 1.0, 30.0)  # on standardised weights; 0.1..10 alike for the first three
# the last: few pairs are looked at for their ridges; 1..1000 tried, 30 errs least on the set left out
SAME_FINGER = {("fvc2002/DB3_B 108", "fvc2004/DB3_B 102")}  # found by their scores, looked at: one finger
MEASURED = 0.001  # false match rate down to which the quantile alone counts; 0.01 with a far heavier tail
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
MEASURED_PAIRS = 10  # at or above a score, for its rate to count as measured
RESAMPLES = 400
UPPER = 0.95  # of the resamples, for the upper end of the interval


class Population(NamedTuple):
    """Impostor pairs that are alike in kind."""

    name: str
    fingers: int
    pairs: NDArray[np.int64]  # (k, 2) fingers
    terms: NDArray[np.float64]  # (k, 4)


class SetScores(NamedTuple):
    """One set's pairs: places in its list of impressions, and the four terms of their scores."""

    fingers: list[str]
    pairs: PairLists
    genuine: NDArray[np.float64]  # (g, 4)
    impostor: NDArray[np.float64]  # (i, 4)


def main() -> None:
    """Fit, print, write."""
    missing = [name for name in SETS if not (DATA / name).is_dir()]
    if missing:
        sys.exit(f"fit_comparison: no {', '.join(missing)} under {DATA}: set VANTAY_DATA")
    if len(sys.argv) != 2 or not (paths := sorted(Path(sys.argv[1]).glob("*.png"))):
        sys.exit("fit_comparison: name a folder of synthetic fingers: vantay-fw synthesise makes them")
    templates = {name: extract_set(name, ppi) for name, ppi in SETS.items()}
    synthetic = [path.name for path in paths], [_extracted(path, 500) for path in paths]
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
        populations = [impostors("real", templates, kind), impostors("synthetic", {"": synthetic}, kind)]
        calibrated[kind] = calibrate(populations, fitted, when)
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
    return [finger_of(path) for path in paths], [_extracted(path, ppi) for path in paths]


def _extracted(path: Path, ppi: int) -> Template:
    image = read_image(path, ppi)
    return extract(image.pixels, image.ppi)


def impostors(name: str, sets: dict[str, tuple[list[str], list[Template]]], kind: str) -> Population:
    """Compare all impressions of any two fingers of several sets, those across sets included."""
    fingers = [f"{of} {finger}" for of, (names, _) in sets.items() for finger in names]
    templates = [template for _, those in sets.values() for template in those]
    if kind == MINUTIAE_ONLY:
        templates = [iso19794.read(iso19794.write(template)) for template in templates]
    pairs = pairs_of(fingers).impostor
    different = [(fingers[one], fingers[other]) not in SAME_FINGER for one, other in pairs]
    pairs = pairs[different]
    terms = scores_of(pack([prepare(template) for template in templates]), pairs, lambda _: None)[:, 1:]
    names, finger = np.unique(fingers, return_inverse=True)
    print(f"{kind} {name}: {len(pairs)} impostor pairs of {len(names)} fingers")
    return Population(name, len(names), finger[pairs], terms)


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
    spread[spread == 0] = 1  # without ridge evidence its term is always 0, and its weight
    design = np.column_stack([(terms - terms.mean(axis=0)) / spread, np.ones(len(terms))])
    penalty = np.diag([*PENALTY, 0.0])
    solution = np.zeros(5)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ solution, -50, 50)))
        slope = design.T @ (chance - genuine) + penalty @ solution
        curvature = (design * np.maximum(chance * (1 - chance), 1e-12)[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, slope)
        solution -= step
        if np.abs(step).max() < 1e-10:
            break
    return Weights(*(float(value) for value in solution[:4] / spread))


def score(terms: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Return (k,) scores of (k, 4) terms."""
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


def calibrate(populations: list[Population], weights: Weights, when: str) -> dict[str, object]:
    """Return the points of one kind with their provenance: of the populations, the higher score."""
    best, highest, described = [], [], []
    for one in populations:
        estimate, upper = bounded_curve(one, weights)
        best.append(estimate)
        highest.append(upper)
        at = dict(zip(RATES, estimate, strict=True))
        described.append(
            {
                "name": one.name,
                "fingers": one.fingers,
                "impostor pairs": len(one.pairs),
                "scores at 0.01, 0.001, 0.0001": [round(float(at[rate]), 4) for rate in (0.01, 1e-3, 1e-4)],
            }
        )
    points = [
        [rate, round(float(a), 4), round(float(b), 4)]
        for rate, a, b in zip(RATES, np.max(best, axis=0), np.max(highest, axis=0), strict=True)
    ]
    rising = [row for row, after in itertools.pairwise(points) if row[2] < after[2]] + points[-1:]
    return {
        "date": when,
        "data": [*SETS, "vantay-fw synthesise --subjects 60 --impressions 1 --seed 20261122"],
        "populations": described,
        "left out, one finger in two sets": [list(pair) for pair in sorted(SAME_FINGER)],
        "columns": [
            "false match rate",
            "score",
            f"upper end: {UPPER:g} of {RESAMPLES} resamplings of fingers",
        ],
        "extrapolated below": MEASURED_PAIRS / max(len(one.pairs) for one in populations),
        "tail": f"exponential, fitted to the highest {MEASURED:g} of the scores of each population",
        "points": rising,
    }


def bounded_curve(
    population: Population, weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores at `RATES`, and the upper ends of their intervals from resampled fingers."""
    scores = score(population.terms, weights)
    order = np.argsort(-scores, kind="stable")
    falling, pairs = scores[order], population.pairs[order]
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(RESAMPLES):
        drawn = generator.integers(0, population.fingers, population.fingers)
        times = np.bincount(drawn, minlength=population.fingers).astype(np.float64)
        draws.append(curve(falling, times[pairs].prod(axis=1)))
    best = curve(falling, np.ones(len(falling)))
    return best, np.maximum.accumulate(np.maximum(best, np.quantile(draws, UPPER, axis=0)))


def curve(falling: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score at each of `RATES` from weighted scores, the highest first.

    The quantile down to `MEASURED`; beyond, the higher of quantile and exponential tail while there are
    `MEASURED_PAIRS` pairs above, then the tail.
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
        elif rate * weights.sum() >= MEASURED_PAIRS:
            points.append(max(quantile, tail))
        else:
            points.append(tail)
    return np.array(points)


if __name__ == "__main__":
    main()
