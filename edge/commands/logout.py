"""`vantay logout --config booth.toml`: end the log-in of whoever is logged in at a booth."""

import uuid
from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.commands.enrol import Terminal, as_console, configure_console
from edge.logging_in import LoggingOut


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")
    configure_console(parser)


def run(arguments: Namespace) -> int:
    """Log out; 0 when nobody is logged in any more."""
    return Terminal(as_console(arguments), LoggingOut(uuid.uuid4().hex)).run()
