"""`vantay-fw check-synthesis`: are synthetic fingers like fingers to an engine that is not ours?"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fwtools.errors import ToolError
from fwtools.progress import Progress
from matching import iso19794
from matching.evaluation import error_rates

LEAST_FOUND = 0.85  # of the ground truth of clean impressions
LEAST_EER, MOST_EER = 0.01, 0.10  # good and bad optical sensors: 2.3 to 11.8 % with NBIS
MOST_FINGERS, MOST_IMPRESSIONS, MOST_JOBS = 1000, 20, 64
CHUNK = 100  # comparisons between two reports of progress


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--fingers", type=int, default=100, metavar="N", help="fingers, ten a subject (100)")
    parser.add_argument("--impressions", type=int, default=4, metavar="M", help="images of each finger (4)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the made-up people (1)")
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="processes (2)")


def run(args: Namespace) -> int:
    """Print both figures; 0 when both are within their limits, 1 when one is not."""
    for name, least, most in (
        ("fingers", 2, MOST_FINGERS),
        ("impressions", 2, MOST_IMPRESSIONS),
        ("seed", 0, 2**63 - 1),
        ("jobs", 1, MOST_JOBS),
    ):
        if not least <= getattr(args, name) <= most:
            raise ToolError(f"--{name} is {getattr(args, name)}: give a number from {least} to {most}")
    from fwtools.synthesis.yardstick import Nbis

    nbis = Nbis()
    with TemporaryDirectory(prefix="vantay-synthesis-") as folder:
        clean = make(Path(folder) / "clean", args, 1)
        found = judge_minutiae(nbis, [paths[0] for paths in clean])
        usual = make(Path(folder) / "usual", args, args.impressions)
        alike = judge_comparison(nbis, usual)
    print(f"check-synthesis: {'both figures are met' if found and alike else 'MISSED'}")
    return 0 if found and alike else 1


def make(folder: Path, args: Namespace, impressions: int) -> list[list[Path]]:
    """Make the fingers, clean ones where there is one impression of each; return their images."""
    from fwtools.synthesis.files import Order, orders_of, write_fingers

    folder.mkdir()
    order = Order(folder, args.seed, 1, 1, impressions, clean=impressions == 1)
    orders = orders_of(range(1, (args.fingers + 9) // 10 + 1), order)[: args.fingers]
    progress = Progress(f"check-synthesis: {folder.name} impressions", len(orders), "fingers")
    images = []
    for paths in write_fingers(orders, args.jobs):
        images.append(paths)
        progress.advance()
    progress.end()
    return images


def judge_minutiae(nbis: Any, images: list[Path]) -> bool:
    """Print how much of the ground truth NBIS finds; return whether it is enough."""
    from fwtools.synthesis.yardstick import DISTANCE, TURN, count_found

    counts = [
        count_found(
            iso19794.read(image.with_suffix(".fmr").read_bytes()).minutiae, nbis.places(nbis.extract(image))
        )
        for image in images
    ]
    truth, found, reported = np.sum(counts, axis=0)
    print(
        f"minutiae: NBIS finds {found / truth:.1%} of {truth} ground-truth minutiae of {len(images)} clean "
        f"impressions (limit {LEAST_FOUND:.0%}; within {DISTANCE:.0f} pixels and {np.rad2deg(TURN):.0f} "
        f"degrees, one to one); {reported - found} of the {reported} it reports are not in the truth"
    )
    return bool(found >= LEAST_FOUND * truth)


def judge_comparison(nbis: Any, images: list[list[Path]]) -> bool:
    """Print the equal error rate of NBIS's comparison; return whether it is within the limits."""
    from fwtools.synthesis.yardstick import genuine_and_impostor

    fingers = [[nbis.extract(image) for image in paths] for paths in images]
    genuine, impostor = genuine_and_impostor(fingers)
    pairs = genuine + impostor
    progress = Progress("check-synthesis: comparison", len(pairs), "pairs")
    scores = []
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        scores.append(nbis.scores(chunk))
        progress.advance(len(chunk))
    progress.end()
    scored = np.concatenate(scores)
    eer = error_rates(scored[: len(genuine)], scored[len(genuine) :]).eer
    print(
        f"comparison: NBIS has an EER of {eer:.2%} over {len(genuine)} genuine pairs (all impressions of "
        f"{len(images)} fingers) and {len(impostor)} impostor pairs (first impressions); "
        f"limits {LEAST_EER:.0%} to {MOST_EER:.0%}"
    )
    return LEAST_EER <= eer <= MOST_EER
