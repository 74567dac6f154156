"""`vantay-fw target`: the picture of a ruled target, to lay on a virtual scanner or to try `calibrate` on."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from math import isfinite
from pathlib import Path

from PIL import Image

from fwtools.calibration.pitch import lines_fit
from fwtools.errors import ToolError
from fwtools.resolutions import resolution
from fwtools.synthesis.target import GRID, RULING, Target, picture_of

LEAST_SIDE, MOST_SIDE = 64, 2000
MOST_BLUR = 10.0


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("out", type=Path, metavar="OUT.png")
    parser.add_argument("--lines-per-mm", type=_number, default=2.0, metavar="P", help="(%(default)g)")
    parser.add_argument(
        "--kind",
        choices=(GRID, RULING),
        default=GRID,
        help="lines both ways, or only down the picture (%(default)s)",
    )
    parser.add_argument("--tilt", type=_number, default=0.0, metavar="DEG", help="clockwise (%(default)g)")
    parser.add_argument(
        "--ppi",
        type=resolution,
        default=(500.0, 500.0),
        metavar="X[,Y]",
        help="of the scanner that sees it (500)",
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=(300, 400),
        metavar="WxH",
        help="pixels (300x400: a virtual scanner's platen)",
    )
    parser.add_argument("--blur", type=_number, default=0.7, metavar="PX", help="of the optics (%(default)g)")
    parser.add_argument(
        "--noise", type=_number, default=2.0, metavar="GREY", help="of the sensor (%(default)g)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of noise (%(default)s)")


def run(args: Namespace) -> int:
    """Write the picture."""
    if not lines_fit(args.lines_per_mm):
        raise ToolError(f"{args.lines_per_mm:g} lines per mm are no target for 500 ppi: use 1 to 4")
    if args.blur < 0 or args.blur > MOST_BLUR or args.noise < 0 or args.seed < 0:
        raise ToolError(f"blur is 0 to {MOST_BLUR:g} pixels, noise and seed are not negative")
    target = Target(args.lines_per_mm, args.kind, args.tilt, ppi=args.ppi, blur=args.blur, noise=args.noise)
    image = Image.fromarray(picture_of(target, args.size[0], args.size[1], args.seed))
    try:
        image.save(args.out, dpi=args.ppi)
    except (OSError, ValueError) as error:
        raise ToolError(f"{args.out} cannot be written: {error}") from error
    (width, height), (across, down) = args.size, args.ppi
    print(
        f"{args.out}: a {args.kind} of {args.lines_per_mm:g} lines per mm, {width} x {height} pixels "
        f"at {across:g} x {down:g} ppi"
    )
    return 0


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ArgumentTypeError(f"'{text}' is no number")
    return value


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    sides = [int(one) if one.isascii() and one.isdigit() else 0 for one in (width, height)]
    if not all(LEAST_SIDE <= one <= MOST_SIDE for one in sides):
        raise ArgumentTypeError(
            f"'{text}' is no size: WIDTHxHEIGHT, from {LEAST_SIDE} to {MOST_SIDE} pixels each"
        )
    return sides[0], sides[1]
