"""The options of record, replay and redact that say how one capture goes."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from fwtools.recording.about import ENDS, Capture


def add_capture_options(parser: ArgumentParser) -> None:
    """Declare how one capture goes, where recording.toml does not say it."""
    how = parser.add_argument_group("how the capture goes, else as recording.toml says or as booths do it")
    how.add_argument(
        "--settle", type=int, choices=range(11), metavar="N", help="pictures that must agree (1)"
    )
    how.add_argument("--occupied", action="store_true", help="do not look first whether the platen is empty")
    how.add_argument("--until", choices=ENDS, help="when it is over (captured)")


def capture_of(args: Namespace, usual: Capture) -> Capture:
    """Return how the capture goes: what the arguments say, over what is usual."""
    said = {
        "settle_frames": args.settle,
        "empty_first": False if args.occupied else None,
        "until": args.until,
    }
    return replace(usual, **{name: value for name, value in said.items() if value is not None})
