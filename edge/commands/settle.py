"""`vantay settle ENROLMENT --config booth.toml`: sign for what the station found after sealing."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.commands.enrol import Terminal, as_console, configure_console
from edge.logging_in import AfterLogIn
from edge.settling import Settling


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("enrolment", help="as the booth's state and the hub's alarms name it")
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")
    configure_console(parser)


def run(arguments: Namespace) -> int:
    """Settle one alarm; 0 when the booth took it."""
    return Terminal(as_console(arguments), AfterLogIn(lambda: Settling(arguments.enrolment))).run()
