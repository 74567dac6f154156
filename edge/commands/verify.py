"""`vantay verify --config booth.toml`: one finger of a person, as the plan `verify` asks, 1:1."""

from argparse import ArgumentParser, Namespace

from edge.commands import hand_over
from edge.handing_over import Verifying


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    hand_over.configure(parser)


def run(arguments: Namespace) -> int:
    """Compare one person; 0 when the finger matched."""
    return hand_over.compare_one(arguments, Verifying)
