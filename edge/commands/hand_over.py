"""`vantay hand-over --config booth.toml`: a card goes to its holder, by a finger or a signature."""

import base64
from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.commands.enrol import Terminal, as_console, configure_console
from edge.dialogue import FINGERS
from edge.errors import BadSettings
from edge.handing_over import HandingOver
from edge.logging_in import AfterLogIn
from edge.messages import POSITION_NAMES
from edge.records import load_bytes


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")
    parser.add_argument("--card", type=Path, metavar="FILE", help="the template read from the card")
    parser.add_argument(
        "--format", choices=["iso-compact", "iso-normal", "iso", "ansi"], default="iso-compact"
    )
    parser.add_argument("--position", type=int, choices=POSITION_NAMES, help=FINGERS)
    configure_console(parser)


def run(arguments: Namespace) -> int:
    """Serve one holder; 0 when the card may go."""
    return compare_one(arguments, HandingOver)


def compare_one(arguments: Namespace, dialogue: type[HandingOver]) -> int:
    """Have one finger compared with the card, or the record; 0 when it matched."""
    if arguments.card and arguments.position is None:
        raise BadSettings("say with --position whose finger the card's template is")
    card = base64.b64encode(load_bytes(arguments.card)).decode() if arguments.card else None
    begun = AfterLogIn(lambda: dialogue(card, arguments.format, arguments.position))
    return Terminal(as_console(arguments), begun).run()
