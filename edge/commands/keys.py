"""`vantay keys ministry|gallery FOLDER` and `vantay keys booth FOLDER --ministry ministry.pub`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.keys import make_booth_keys, make_gallery_keys, make_ministry_key


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="owner", required=True)
    ministry = actions.add_parser("ministry", help="the key pair that packets are sealed to")
    ministry.add_argument("folder", type=Path)
    gallery = actions.add_parser("gallery", help="the keys of a station's gallery")
    gallery.add_argument("folder", type=Path)
    booth = actions.add_parser("booth", help="the keys of one booth")
    booth.add_argument("folder", type=Path)
    booth.add_argument("--ministry", type=Path, required=True, metavar="ministry.pub")
    booth.add_argument(
        "--subject", type=Path, metavar="subject.key", help="of the campaign; made anew without"
    )


def run(arguments: Namespace) -> int:
    """Make keys; existing ones are never overwritten."""
    if arguments.owner == "ministry":
        make_ministry_key(arguments.folder)
        print(f"{arguments.folder}: ministry.key (keep it off every booth and hub) and ministry.pub")
        return 0
    if arguments.owner == "gallery":
        make_gallery_keys(arguments.folder)
        print(f"{arguments.folder}: give gallery.pub to the booths, keep gallery.key and vault.key here")
        return 0
    public = make_booth_keys(arguments.folder, arguments.ministry, arguments.subject)
    print(f"{arguments.folder}: the booth signs as {public}")
    return 0
