"""Accuracy and speed on the five FVC sets, and speed beside NBIS in the same run.

    python benchmarks/run.py

One core. The exit code is 1 when a set or the peer was not there and something was left out.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import numpy as np

from edge.image_sets import list_images
from edge.measured import How, Measured, describe, evaluate, figures
from matching.compare import CONSTANTS, prepare
from matching.extract import extract
from matching.image import read_image
from matching.kernels.packed import pack
from matching.kernels.scoring import score_pairs

DATA = Path(os.environ.get("VANTAY_DATA", "../shared/data")) / "fingerprints"
SETS = {
    "fvc2000/DB1_B": 500,
    "fvc2002/DB1_B": 500,
    "fvc2002/DB3_B": 500,
    "fvc2004/DB1_B": 500,
    "fvc2004/DB3_B": 512,
}
PEER_SET = "fvc2002/DB1_B"
PEER_IMPRESSIONS = ("_1", "_2")  # twenty images: 10 genuine pairs, 180 impostor pairs
ROUNDS = 5  # of ours and the peer's in turn, for the spread of their ratio


def main() -> int:
    """Measure, print, and say what was left out."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    left_out = [f"{name}: no such folder under {DATA}" for name in SETS if not (DATA / name).is_dir()]
    measured = []
    for name, ppi in SETS.items():
        if (DATA / name).is_dir():
            evaluated = evaluate(list_images(DATA / name), How(float(ppi)))
            measured.append(figures(name, [evaluated]))
            print(describe(measured[-1]))
            left_out += evaluated.read.unread
    if measured:
        print(summary(measured))
    left_out += beside_nbis() if (DATA / PEER_SET).is_dir() else [f"NBIS: needs {PEER_SET}"]
    for line in left_out:
        print(f"bench: left out: {line}", file=sys.stderr)
    print(f"bench: {len(measured)} of {len(SETS)} sets measured, {len(left_out)} things left out")
    return 1 if left_out else 0


def summary(measured: list[Measured]) -> str:
    """Return the means over the sets in one line."""
    eer, fmr1000 = (100 * mean(getattr(one, name) for one in measured) for name in ("eer", "fmr1000"))
    times = [
        mean(value for one in measured if (value := getattr(one, name)) is not None)
        for name in ("extract_ms", "compare_us_impostor", "compare_us_genuine")
    ]
    return (
        f"mean of {len(measured)} sets: EER {eer:.2f} %, FMR1000 {fmr1000:.2f} %, "
        f"extraction {times[0]:.1f} ms, comparison {times[1]:.1f} us (impostor), {times[2]:.1f} us (genuine)"
    )


def beside_nbis() -> list[str]:
    """Print the speed of mindtct and bozorth3 (through nbis-py) beside ours; return what was left out."""
    try:
        import nbis
    except ImportError:
        return ["NBIS: nbis-py is not installed (it has no build for this machine, or: make setup)"]
    paths = [p for p in list_images(DATA / PEER_SET).paths if p.stem.endswith(PEER_IMPRESSIONS)]
    settings = nbis.NbisExtractorSettings(
        min_quality=0.0, get_center=False, check_fingerprint=False, compute_nfiq2=False, ppi=500.0
    )
    peer = nbis.new_nbis_extractor(settings)
    files = [path.read_bytes() for path in paths]
    images = [read_image(path, 500) for path in paths]
    fingers = [path.stem[:-2] for path in paths]
    theirs = [peer.extract_minutiae(data) for data in files]
    pairs = [(a, b) for a in range(len(paths)) for b in range(a)]
    print(f"beside NBIS 5 through nbis-py, {len(paths)} images of {PEER_SET}, medians of {ROUNDS} rounds:")
    compare_speed(
        "extraction", "ms", 1e3 / len(paths),
        lambda: [extract(*image) for image in images],
        lambda: [peer.extract_minutiae(data) for data in files],
    )  # fmt: skip
    packed = pack([prepare(extract(*image)) for image in images])
    for kind, genuine in (("impostor", False), ("genuine", True)):
        chosen = [(a, b) for a, b in pairs if (fingers[a] == fingers[b]) == genuine]
        places = np.array(chosen, np.int64)
        compare_speed(
            f"comparison, {kind}", "us", 1e6 / len(chosen),
            lambda places=places: score_pairs(packed, places, CONSTANTS),
            lambda chosen=chosen: [theirs[a].compare(theirs[b]) for a, b in chosen],
        )  # fmt: skip
    return []


def compare_speed(
    what: str, unit: str, factor: float, ours: Callable[[], object], theirs: Callable[[], object]
) -> None:
    """Time both in turn and print medians and the range of their ratio."""
    ours()  # warm
    times = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    own, other = (median(column) * factor for column in zip(*times, strict=True))
    ratios = sorted(b / a for a, b in times)
    print(
        f"  {what}: {own:.1f} {unit}, NBIS {other:.0f} {unit}, {median(ratios):.0f} times as fast "
        f"({ratios[0]:.0f} to {ratios[-1]:.0f})"
    )


def seconds(action: Callable[[], object]) -> float:
    """Return the time an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
