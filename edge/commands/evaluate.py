"""`vantay evaluate`: accuracy and speed on folders of FINGER_IMPRESSION images."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from edge.det_plot import curve_of, png, svg
from edge.error_pages import write_pages
from edge.errors import BadCommand
from edge.image_sets import list_images, short_name
from edge.images import add_dpi, check_dpi, write_whole
from edge.measured import Evaluated, How, describe, evaluate, figures

POOLED = "pooled"
DRAWINGS = {".png": png, ".svg": svg}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folders",
        metavar="DIR",
        nargs="+",
        type=Path,
        help="a folder of FINGER_IMPRESSION images (png, tif, bmp); each folder is a set of its own, and "
        "several are also pooled under one threshold (no pairs across folders)",
    )
    add_dpi(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--protocol",
        choices=("all", "fvc"),
        default="all",
        help="impostor pairs: of all impressions (the default), or of first impressions only as FVC does",
    )
    parser.add_argument(
        "--template",
        choices=("full", "iso"),
        default="full",
        help="compare whole templates (the default), or only what an ISO/IEC 19794-2 record carries",
    )
    parser.add_argument("--jobs", metavar="N", type=int, help="threads; without it one a core")
    parser.add_argument("--plot", metavar="OUT.png|svg", type=Path, help="draw the DET curves")
    parser.add_argument("--errors", metavar="OUT", type=Path, help="a folder for the worst errors, drawn")


def run(arguments: Namespace) -> int:
    """Evaluate each folder; 1 when an image was left out or could not be read."""
    check(arguments)
    listed = [list_images(folder) for folder in arguments.folders]  # every complaint before any work
    jobs = arguments.jobs or len(os.sched_getaffinity(0))
    how = How(arguments.dpi, arguments.protocol == "fvc", arguments.template == "iso", jobs)
    evaluated, measured, faults = [], [], 0
    for one in listed:
        for path in one.misnamed:
            print(f"vantay: {path}: left out: the name is not FINGER_IMPRESSION", file=sys.stderr)
        evaluated.append(evaluate(one, how))
        measured.append(figures(str(one.folder), evaluated[-1:]))
        faults += len(one.misnamed) + len(evaluated[-1].unread)
        if not arguments.json:
            print(describe(measured[-1]), flush=True)
    answer: dict[str, object] = {"sets": [asdict(one) for one in measured]}
    if len(evaluated) > 1:
        pooled = figures(POOLED, evaluated)
        answer[POOLED] = asdict(pooled)
        if not arguments.json:
            print(describe(pooled), flush=True)
    if arguments.json:
        print(json.dumps(answer))
    draw(arguments, evaluated, how)
    return 1 if faults else 0


def check(arguments: Namespace) -> None:
    """Refuse what could not be done in the end, before any image is read."""
    check_dpi(arguments.dpi)
    if arguments.jobs is not None and arguments.jobs < 1:
        raise BadCommand(f"--jobs {arguments.jobs}: at least 1 thread is needed")
    if arguments.plot is not None:
        if arguments.plot.suffix.lower() not in DRAWINGS:
            raise BadCommand(f"{arguments.plot}: a plot is named .png or .svg")
        if not arguments.plot.parent.is_dir():
            raise BadCommand(f"{arguments.plot.parent}: there is no such folder")
    if arguments.errors is not None:
        try:
            arguments.errors.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadCommand(f"{arguments.errors}: no folder can be made here: {error.strerror}") from error


def draw(arguments: Namespace, evaluated: list[Evaluated], how: How) -> None:
    """Write the curves and the worst errors where they were asked for."""
    if arguments.plot is not None:
        curves = [curve_of(short_name(one.listed.folder), [one.scored]) for one in evaluated]
        if len(evaluated) > 1:
            curves.append(curve_of(POOLED, [one.scored for one in evaluated]))
        write_whole(arguments.plot, DRAWINGS[arguments.plot.suffix.lower()](curves))
        print(f"the DET curves are in {arguments.plot}", file=sys.stderr)
    if arguments.errors is not None:
        page = write_pages(arguments.errors, evaluated, how)
        print(f"the worst errors are in {page}", file=sys.stderr)
