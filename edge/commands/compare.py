"""`vantay compare`: two images or templates in, the score with its parts and a decision out."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict
from pathlib import Path

from edge.errors import BadCommand
from edge.images import add_dpi, load
from matching.calibration import Decision, decide
from matching.compare import FULL, ComparisonScore, PreparedTemplate, compare, prepare
from matching.errors import BadRecord
from matching.extract import extract
from matching.record import is_record, read_any

WHAT = "an image (PNG, TIFF, BMP) or a template (ISO 19794-2:2005, ANSI 378-2004, our own)"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("probe", metavar="A", type=Path, help=WHAT)
    parser.add_argument("candidate", metavar="B", type=Path, help=WHAT)
    add_dpi(parser)
    parser.add_argument(
        "--fmr",
        type=_rate,
        default=0.001,
        metavar="RATE",
        help="false match rate at which to decide, between 0 and 1; 0.001 when not given",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise ArgumentTypeError(f"'{text}' is not a rate between 0 and 1")
    return rate


def run(arguments: Namespace) -> int:
    """Compare and decide; the exit code is 0 whatever the decision."""
    probe, candidate = (read(path, arguments.dpi) for path in (arguments.probe, arguments.candidate))
    score = compare(probe, candidate)
    decision = decide(score.value, arguments.fmr, score.kind)
    if arguments.json:
        print(json.dumps(asdict(score) | {"decision": asdict(decision)}))
    else:
        print(describe(score, decision))
    return 0


def read(path: Path, dpi: float | None) -> PreparedTemplate:
    """Return the template in a file, or of the image in it; BadCommand says what is wrong with it."""
    try:
        data = path.read_bytes() if path.is_file() else b""
        if is_record(data):
            return prepare(read_any(data))
    except BadRecord as error:
        raise BadCommand(f"{path}: {error}") from error
    except OSError as error:
        raise BadCommand(f"{path}: cannot be read: {error.strerror}") from error
    image = load(path, dpi)
    return prepare(extract(image.pixels, image.ppi))


def describe(score: ComparisonScore, decision: Decision) -> str:
    """Return score, parts and decision for a person."""
    part = score.parts
    overlap = f"{part['probe_overlap']:.0f} of the probe, {part['candidate_overlap']:.0f} of the candidate"
    evidence = "ridge flow and minutiae" if score.kind == FULL else "minutiae alone"
    return "\n".join(
        [
            f"score {score.value:.2f} from {evidence}",
            f"  surroundings of the best pairs: alike {part['alike']:.3f}, supported {part['supported']:.3f}",
            f"  {part['pairs']:.0f} minutiae paired, strength {part['strength']:.1f}; possible: {overlap}",
            f"decision at FMR {decision.fmr:g}: {'match' if decision.match else 'no match'} "
            f"(threshold {decision.threshold:.2f}; a match from FMR {decision.score_fmr:.1g} on)",
        ]
    )
