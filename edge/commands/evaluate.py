"""`vantay evaluate`: accuracy and speed on folders of FINGER_IMPRESSION images."""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from edge.image_sets import Listed, finger_of, list_images, read_set
from edge.images import add_dpi, check_dpi
from edge.progress import Progress
from matching.evaluation import error_rates, microseconds, pairs_of, scores_of
from matching.extract import extract
from matching.image import GreyImage
from matching.kernels.packed import pack


@dataclass(frozen=True, slots=True)
class Measured:
    """One set's figures; the names are those of the JSON output, rates are fractions."""

    set: str
    images: int
    failures: int  # impressions that could not be read or in which no minutia was found
    genuine: int  # pairs
    impostor: int  # pairs
    eer: float
    fmr100: float
    fmr1000: float
    zerofmr: float
    extract_ms: float | None  # median
    compare_us_impostor: float | None  # mean
    compare_us_genuine: float | None  # mean


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folders",
        metavar="DIR",
        nargs="+",
        type=Path,
        help="a folder of FINGER_IMPRESSION images (png, tif, bmp); each folder is a set of its own",
    )
    add_dpi(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--protocol",
        choices=("all", "fvc"),
        default="all",
        help="impostor pairs: of all impressions (the default), or of first impressions only as FVC does",
    )


def run(arguments: Namespace) -> int:
    """Evaluate each folder; 1 when an image was left out or could not be read."""
    check_dpi(arguments.dpi)
    listed = [list_images(folder) for folder in arguments.folders]  # every complaint before any work
    measured, faults = [], 0
    for one in listed:
        for path in one.misnamed:
            print(f"vantay: {path}: left out: the name is not FINGER_IMPRESSION", file=sys.stderr)
        figures, unread = evaluate(one, arguments.dpi, arguments.protocol == "fvc")
        faults += len(one.misnamed) + unread
        measured.append(figures)
        if not arguments.json:
            print(describe(figures), flush=True)
    if arguments.json:
        print(json.dumps({"sets": [asdict(figures) for figures in measured]}))
    return 1 if faults else 0


def evaluate(listed: Listed, dpi: float | None, fvc: bool) -> tuple[Measured, int]:
    """Return a set's figures, and how many of its images could not be read."""
    read = read_set(listed, dpi)
    packed = pack(read.templates)
    pairs = pairs_of([finger_of(path) for path in listed.paths], first_only=fvc)
    bar = Progress(f"{listed.folder}: comparing", len(pairs.genuine) + len(pairs.impostor))
    genuine, impostor = (scores_of(packed, kind, bar.advance)[:, 0] for kind in pairs)
    bar.end()
    errors = error_rates(genuine, impostor)
    measured = Measured(
        set=str(listed.folder),
        images=len(listed.paths),
        failures=sum(template.minutiae.shape[1] == 0 for template in read.templates),
        genuine=len(genuine),
        impostor=len(impostor),
        eer=errors.eer,
        fmr100=errors.fmr100,
        fmr1000=errors.fmr1000,
        zerofmr=errors.zerofmr,
        extract_ms=milliseconds(read.kept),
        compare_us_impostor=microseconds(packed, pairs.impostor),
        compare_us_genuine=microseconds(packed, pairs.genuine),
    )
    return measured, len(read.unread)


def milliseconds(images: list[GreyImage]) -> float | None:
    """Return the median time of extraction, warm and single-threaded; None without images."""
    times = []
    for image in images[:1] + images:  # the first one once more, to be warm
        start = time.perf_counter()
        extract(image.pixels, image.ppi)
        times.append((time.perf_counter() - start) * 1e3)
    return median(times[1:]) if images else None


def describe(figures: Measured) -> str:
    """Return a set's figures in two readable lines."""
    rates = (figures.eer, figures.fmr100, figures.fmr1000, figures.zerofmr)
    eer, fmr100, fmr1000, zerofmr = (f"{100 * rate:.2f} %" for rate in rates)
    times = (figures.extract_ms, figures.compare_us_impostor, figures.compare_us_genuine)
    extraction, impostor, genuine = ("-" if one is None else f"{one:.1f}" for one in times)
    return (
        f"{figures.set}: EER {eer}, FMR100 {fmr100}, FMR1000 {fmr1000}, zeroFMR {zerofmr} "
        f"({figures.genuine} genuine and {figures.impostor} impostor pairs)\n"
        f"  {figures.images} images, {figures.failures} failures to extract, which count as score 0; "
        f"extraction {extraction} ms, comparison {impostor} us (impostor), {genuine} us (genuine)"
    )
