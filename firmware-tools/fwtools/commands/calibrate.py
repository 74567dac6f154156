"""`vantay-fw calibrate`: pixels per inch of one scanner, measured against a target, and signed off."""

import hashlib
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from drivers import calibrated
from drivers.api import DeviceIdentity, DriverSpec
from drivers.calibrated import LEAST_PPI, MOST_APART, MOST_PPI, Calibrated, Resolution
from drivers.registry import known_drivers
from fwtools.calibration.capturing import Taking
from fwtools.calibration.filing import file_entry
from fwtools.calibration.pictures import Picture, read_picture, taken_picture
from fwtools.calibration.pitch import Seen, lines_fit, look
from fwtools.calibration.verdict import check, resolution_of
from fwtools.errors import ToolError

MOST_CAPTURES = 20
MOST_PITCH_ERROR = 1.0  # percent


Shown = list[tuple[Picture, Seen]]


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--where", help="the scanner: usb, usb:1-1.2 or usbip://HOST:PORT[/BUSID]")
    source.add_argument(
        "--image", type=Path, nargs="+", metavar="FILE", help="pictures taken before, as they came"
    )
    parser.add_argument("--serial", metavar="S", help="of the scanner; with --image: of the one they are of")
    parser.add_argument(
        "--model", help="with --image and --data: the whole name of the scanner that they are of"
    )
    parser.add_argument(
        "--port", metavar="PLACE", help="the same, for one without a serial number: usb:1-1.2"
    )
    parser.add_argument(
        "--captures", type=_captures, default=3, metavar="N", help="pictures to take (%(default)s)"
    )
    parser.add_argument(
        "--patience", type=_positive, default=120.0, metavar="S", help="seconds for each (%(default)g)"
    )
    parser.add_argument(
        "--lines-per-mm",
        type=_positive,
        required=True,
        metavar="P",
        help="lines of the target, one way and the other",
    )
    parser.add_argument(
        "--pitch-error",
        type=_percent,
        default=0.1,
        metavar="%",
        help="of the target, in percent (%(default)g)",
    )
    signed = parser.add_argument_group("to sign off, so that the booth takes enrolments with this unit")
    signed.add_argument("--data", type=Path, metavar="DIR", help="the booth's data folder")
    signed.add_argument("--by", metavar="NAME", help="who measured")
    signed.add_argument("--target", metavar="TEXT", help="against what: kind and number of the target")


def run(args: Namespace) -> int:
    """Take or read the pictures, measure, say what came out; with --data write the entry."""
    if not lines_fit(args.lines_per_mm):
        raise ToolError(f"{args.lines_per_mm:g} lines per mm cannot be measured at 500 ppi: use 1 to 4")
    _check_signature(args)
    unit, shown = _read_all(args) if args.image else _take(args)
    resolution = resolution_of([seen for _, seen in shown], args.pitch_error / 100)
    print(
        f"resolution: {resolution.ppi_x:.1f} ± {resolution.error_x:.1f} ppi across, "
        f"{resolution.ppi_y:.1f} ± {resolution.error_y:.1f} down "
        f"(enrolment: {LEAST_PPI:g} to {MOST_PPI:g}, at most {MOST_APART:.0%} apart)"
    )
    if why := resolution.refused():
        raise ToolError(f"this unit stays not for enrolment: {why}")
    if args.data is None or unit is None:
        print("nothing was signed off: that takes --data, --by and --target")
    else:
        _sign(args, unit, resolution, [picture for picture, _ in shown])
    return 0


def _check_signature(args: Namespace) -> None:
    for option, text in (("--by", args.by), ("--target", args.target)):
        if args.data is not None and not calibrated.speakable(text or ""):
            raise ToolError(
                f"{option} is missing or not one line of at most {calibrated.MOST_TEXT} characters"
            )
    if args.data is not None and not args.data.is_dir():
        raise ToolError(
            f"there is no folder {args.data}: name the booth's data folder (data in its booth.toml)"
        )


def _unit_named(args: Namespace) -> tuple[DeviceIdentity, DriverSpec] | None:
    """The unit that --model, --serial and --port name; None where nothing is to be signed off."""
    if args.data is None and args.model is None:
        return None
    specs = {spec.model: spec for spec in known_drivers()}
    if args.model not in specs:
        names = ", ".join(f"'{model}'" for model in specs)
        raise ToolError(f"say with --model which scanner the pictures are of, by its whole name: {names}")
    if args.data is not None and bool(args.serial) == bool(args.port):
        raise ToolError("say which unit the pictures are of: --serial, or --port for one without a number")
    _check_fitting(specs[args.model], args.data)
    return DeviceIdentity(args.model, args.serial or "", "", args.port or ""), specs[args.model]


def _check_fitting(spec: DriverSpec, data: Path | None) -> None:
    """Refuse before the work what no measurement changes."""
    if data is not None and not spec.until_calibrated:
        why = f"it is not for enrolment whatever is measured: {spec.not_for_enrolment}"
        if spec.not_for_enrolment is None:
            why = "it enrols without; leave --data out to measure it"
        raise ToolError(f"no calibration of a {spec.model} can be signed off: {why}")


def _read_all(args: Namespace) -> tuple[DeviceIdentity | None, Shown]:
    named = _unit_named(args)
    pictures = [read_picture(path, named and named[1]) for path in args.image]
    return named and named[0], [(one, _look(one, args.lines_per_mm)) for one in pictures]


def _take(args: Namespace) -> tuple[DeviceIdentity, Shown]:
    taking = Taking(
        args.where, args.serial, args.patience, lambda word: print(word, file=sys.stderr, flush=True)
    )
    try:
        _check_fitting(taking.spec, args.data)
        print(f"{taking.unit.model} {taking.unit.serial or '(no serial number)'} at {taking.unit.location}")
        shown = []
        for number, frame in enumerate(taking.pictures(args.captures), 1):
            picture = taken_picture(f"picture {number}", frame.pixels)
            shown.append((picture, _look(picture, args.lines_per_mm)))
        return taking.unit, shown
    finally:
        taking.close()


def _look(picture: Picture, lines_per_mm: float) -> Seen:
    """Measure one picture and tell it; ToolError at once when it does not show the target."""
    seen = look(picture.pixels, lines_per_mm)
    check(picture.name, seen, lines_per_mm)
    told = [
        f"{one.ppi:.1f} ppi {which} (tilt {one.tilt:+.1f}°)"
        for one, which in ((seen.x, "across"), (seen.y, "down"))
        if one
    ]
    print(f"{picture.name}: {', '.join(told)}", flush=True)
    return seen


def _sign(args: Namespace, unit: DeviceIdentity, resolution: Resolution, pictures: list[Picture]) -> None:
    entry = Calibrated(
        model=unit.model,
        serial=unit.serial,
        location="" if unit.serial else unit.location,
        resolution=resolution,
        lines_per_mm=args.lines_per_mm,
        target=args.target.strip(),
        by=args.by.strip(),
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        pictures=tuple(hashlib.sha256(one.content).hexdigest() for one in pictures),
    )
    path = file_entry(
        args.data, unit, calibrated.write(entry), [(one.content, one.suffix) for one in pictures]
    )
    print(f"signed off by {entry.by}, {entry.at}: {path}")
    if not unit.serial:
        print(
            f"WARNING: this unit tells no serial number: what was measured counts for whatever {unit.model} "
            f"is plugged in at {unit.location}; calibrate again after every change of scanner or port",
            file=sys.stderr,
        )


def _captures(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_CAPTURES:
        raise ArgumentTypeError(f"'{text}' is no number from 1 to {MOST_CAPTURES}")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (isfinite(value) and value > 0):
        raise ArgumentTypeError(f"'{text}' is no number above 0")
    return value


def _percent(text: str) -> float:
    value = _positive(text)
    if value > MOST_PITCH_ERROR:
        raise ArgumentTypeError(
            f"a target that is wrong by {value:g} % proves nothing: at most {MOST_PITCH_ERROR:g}"
        )
    return value
