"""Which virtual scanners, and who lays fingers on them: the arguments that every way to serve them shares."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

from fwtools.errors import ToolError
from fwtools.resolutions import resolution
from fwtools.virtual.models import MODELS
from fwtools.virtual.platen import Pace
from fwtools.virtual.rig import Bench, Wanted, build
from fwtools.virtual.script import MOST_SCANNERS, read_script, tellable


def add_scanner_options(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--scans",
        type=Path,
        action="append",
        metavar="DIR",
        help="the folder of finger images: one for all scanners, or one for each --model",
    )
    parser.add_argument(
        "--control",
        type=a_port,
        metavar="PORT",
        help="take orders as JSON lines on 127.0.0.1; 0 takes a free port",
    )
    parser.add_argument(
        "--model", choices=MODELS, action="append", help="once for each scanner, bus ids 1-1, 1-2 … (hamster)"
    )
    parser.add_argument(
        "--serial", action="append", metavar="S", help="of each scanner in order (V2200-000001 …)"
    )
    parser.add_argument(
        "--ppi",
        type=resolution,
        action="append",
        metavar="X[,Y]",
        help="of each scanner in order, as this unit really has it (as the model says)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first one's optics and noise (%(default)s)"
    )
    parser.add_argument(
        "--script", type=Path, metavar="FILE", help="scanners, fingers and faults in TOML, instead of --model"
    )
    automatic = parser.add_argument_group(
        "without --control and --script: fingers in file-name order, by pictures taken"
    )
    automatic.add_argument(
        "--frames-empty", type=_count, default=3, metavar="N", help="before each (%(default)s)"
    )
    automatic.add_argument(
        "--frames-finger", type=_count, default=30, metavar="M", help="of each (%(default)s)"
    )
    automatic.add_argument("--loop", action="store_true", help="begin again after the last")


def benches_of(args: Namespace) -> list[Bench]:
    """Put the scanners that the arguments name on the bench."""
    wanted = _named(args) if args.script is None else _scripted(args)
    by_itself = args.control is None and args.script is None
    pace = Pace(args.frames_empty, args.frames_finger) if by_itself else None
    return build(wanted, pace, args.loop)


def _named(args: Namespace) -> list[Wanted]:
    """The scanners that --model, --serial and --scans name."""
    models, folders = args.model or ["hamster"], args.scans or []
    if len(models) > MOST_SCANNERS:
        raise ToolError(f"{len(models)} scanners are more than the {MOST_SCANNERS} that one server has")
    if len(folders) not in (1, len(models)):
        raise ToolError(
            "name the folder of finger images with --scans: one for all scanners, or one for each"
        )
    serials, ppi = _serials(args.serial or [], len(models)), args.ppi or []
    if len(ppi) > len(models):
        raise ToolError(f"{len(ppi)} times --ppi, but only {len(models)} scanner(s): name each with --model")
    folders = folders * len(models) if len(folders) == 1 else folders
    return [
        Wanted(model, serial, folder, args.seed + n, ppi=ppi[n] if n < len(ppi) else None)
        for n, (model, serial, folder) in enumerate(zip(models, serials, folders, strict=True))
    ]


def _serials(given: Sequence[str], scanners: int) -> list[str]:
    if len(given) > scanners:
        raise ToolError(
            f"{len(given)} times --serial, but only {scanners} scanner(s): name each with --model"
        )
    for serial in given:
        try:
            tellable(serial)
        except ValueError as error:
            raise ToolError(f"'{serial}' is no serial number: it {error}") from None
    return [*given, *(f"V2200-{number:06}" for number in range(len(given) + 1, scanners + 1))]


def _scripted(args: Namespace) -> list[Wanted]:
    """The scanners of the script."""
    if args.model or args.serial or args.ppi or args.loop:
        raise ToolError("--script names the scanners: leave --model, --serial, --ppi and --loop out")
    folders = args.scans or []
    if len(folders) > 1:
        raise ToolError("with --script there is one --scans at most; the script's 'images' name the others")
    wanted = []
    for number, one in enumerate(read_script(args.script).scanner, 1):
        if one.images is None and not folders:
            raise ToolError(f"{args.script}: 'scanner {number}, images' is missing, and there is no --scans")
        folder = folders[0] if one.images is None else args.script.parent / one.images
        serial = one.serial or f"V2200-{number:06}"
        wanted.append(Wanted(one.model, serial, folder, one.seed, one))
    return wanted


def a_port(text: str) -> int:
    """A TCP port; ArgumentTypeError for another text."""
    return _number(text, 0, 65_535)


def _count(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ArgumentTypeError(f"'{text}' is no number from {least} to {most}")
    return int(text)
