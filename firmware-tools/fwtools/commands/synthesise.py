"""`vantay-fw synthesise`: made-up people: fingerprint images with ground truth, for demo and tests."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from time import perf_counter

from fwtools.errors import ToolError
from fwtools.progress import Progress

MOST_SUBJECTS, MOST_IMPRESSIONS, MOST_JOBS = 9999, 99, 64
LEAST_SIDE, MOST_SIDE = 64, 2048  # pixels of an image
USUAL_SIZE = (300, 400)  # of a single finger's image
MOST_TURN = 60  # degrees


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--subjects", type=int, required=True, metavar="N", help="people, ten fingers each")
    parser.add_argument("--impressions", type=int, required=True, metavar="M", help="images of each finger")
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="the same seed, the same bytes")
    parser.add_argument("--size", type=size, metavar="WxH", help="pixels (300x400; of slaps 1600x1500)")
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="processes (2)")
    parser.add_argument(
        "--clean", action="store_true", help="whole, undistorted, evenly inked, without noise; all alike"
    )
    parser.add_argument(
        "--slaps", action="store_true", help="right four, left four and both thumbs instead, truth as JSON"
    )
    parser.add_argument(
        "--rolled",
        action="store_true",
        help="rolling fingers instead, picture by picture; with --slaps: slaps of the same people, too",
    )
    parser.add_argument(
        "--missing",
        type=positions,
        metavar="P,P",
        help="of slaps and rolls: fingers that everybody lacks, 1 to 10",
    )
    parser.add_argument(
        "--turn", type=float, metavar="DEG", help="of slaps: the hand is turned by at most (45)"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="an empty or new folder")


def size(text: str) -> tuple[int, int]:
    """Read 300x400 as width and height."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match:
        raise ArgumentTypeError(f"'{text}' is not WIDTHxHEIGHT in pixels, for example 300x400")
    return int(match[1]), int(match[2])


def positions(text: str) -> frozenset[int]:
    """Read 4,5 as finger positions."""
    if not re.fullmatch(r"([1-9]|10)(,([1-9]|10))*", text):
        raise ArgumentTypeError(f"'{text}' is not finger positions 1 to 10 with commas, for example 4,5")
    return frozenset(int(position) for position in text.split(","))


def run(args: Namespace) -> int:
    """Make the people; write OUT/SSSS_PP_I.png and .fmr: subject, position, impression."""
    check(args)
    if args.slaps or args.rolled:
        return make_hands(args)
    from fwtools.synthesis.files import Order, orders_of, write_fingers  # after the checks: loads the kernels

    start = perf_counter()
    order = Order(args.out, args.seed, 1, 1, args.impressions, args.size or USUAL_SIZE, args.clean)
    orders = orders_of(range(1, args.subjects + 1), order)
    progress = Progress("synthesise", len(orders), "fingers")
    images = 0
    for paths in write_fingers(orders, args.jobs):
        images += len(paths)
        progress.advance()
    progress.end()
    width, height = order.size
    print(
        f"synthesise: {images} impressions of {width}x{height} pixels with ground truth in {args.out}: "
        f"{people(args.subjects)}, {len(orders)} fingers; {perf_counter() - start:.1f} s"
    )
    return 0


def make_hands(args: Namespace) -> int:
    """Make slaps, rolls, or both of the same people.

    Slaps are OUT/SSSS_PP_I.png and .json: subject, position (13, 14, 15), impression. Rolls are
    OUT/SSSS_PP_I.tif (position 1 to 10), and their truth in OUT/truth.
    """
    from fwtools.synthesis.roll_files import RoundMasters, write_rolls
    from fwtools.synthesis.slap import MOST_TURN as USUAL_TURN
    from fwtools.synthesis.slap import SIZE
    from fwtools.synthesis.slap_files import write_slaps

    start = perf_counter()
    width, height = args.size or SIZE
    turn = USUAL_TURN if args.turn is None else args.turn
    missing = args.missing or frozenset()
    progress = Progress("synthesise", args.subjects, "subjects")
    slaps = rolls = 0
    for subject in range(1, args.subjects + 1):
        masters = RoundMasters(args.seed, subject) if args.rolled else None
        if args.slaps:
            flat = masters.flat if masters else None
            slaps += len(
                write_slaps(
                    args.out, args.seed, subject, args.impressions, missing, turn, (width, height), flat
                )
            )
        if masters:
            rolls += len(write_rolls(args.out, masters, subject, args.impressions, missing))
        progress.advance()
    progress.end()
    made = [f"{slaps} slaps of {width}x{height} pixels"] * args.slaps + [f"{rolls} rolls"] * args.rolled
    print(
        f"synthesise: {' and '.join(made)} with ground truth in {args.out}: "
        f"{people(args.subjects)}; {perf_counter() - start:.1f} s"
    )
    return 0


def people(count: int) -> str:
    """Return the number of people in words."""
    return "1 subject" if count == 1 else f"{count} subjects"


def check(args: Namespace) -> None:
    """Refuse what cannot be made, before anything is written."""
    for name, least, most in (
        ("subjects", 1, MOST_SUBJECTS),
        ("impressions", 1, MOST_IMPRESSIONS),
        ("seed", 0, 2**63 - 1),
        ("jobs", 1, MOST_JOBS),
    ):
        if not least <= getattr(args, name) <= most:
            raise ToolError(f"--{name} is {getattr(args, name)}: give a number from {least} to {most}")
    if args.clean and (args.slaps or args.rolled):
        raise ToolError("--clean is for single fingers: leave it out with --slaps and --rolled")
    if not args.slaps and not args.rolled and args.missing is not None:
        raise ToolError("--missing is for slaps and rolls: give --slaps or --rolled, too")
    if not args.slaps and args.turn is not None:
        raise ToolError("--turn is for slaps: give --slaps, too")
    if args.size and args.rolled and not args.slaps:
        raise ToolError("--size is not for rolls: their pictures are 800x750 pixels")
    if args.turn is not None and not 0 <= args.turn <= MOST_TURN:
        raise ToolError(f"--turn is {args.turn:g}: give degrees from 0 to {MOST_TURN}")
    if args.missing is not None and len(args.missing) == 10:
        raise ToolError("--missing names all ten fingers: leave one")
    if args.size and not all(LEAST_SIDE <= side <= MOST_SIDE for side in args.size):
        raise ToolError(
            f"--size is {args.size[0]}x{args.size[1]}: give sides from {LEAST_SIDE} to {MOST_SIDE} pixels"
        )
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        full = any(args.out.iterdir())
    except OSError as error:
        raise ToolError(f"the folder {args.out} cannot be made: {error.strerror}") from error
    if full:
        raise ToolError(f"the folder {args.out} is not empty: name a new one, or clear it")
