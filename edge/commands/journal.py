"""`vantay journal verify|show --config booth.toml`: the chain checked or read, also while the booth runs."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.journal import Journal
from edge.settings import BoothSettings, read_settings
from edge.store import Store


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", choices=["verify", "show"])
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")
    parser.add_argument("--after", type=int, default=0, metavar="SEQ", help="show entries after this one")


def run(arguments: Namespace) -> int:
    """Verify, or print one JSON entry a line."""
    settings = read_settings(arguments.config, BoothSettings)
    journal = Journal(Store(settings.data / "booth.db", read_only=True))
    if arguments.action == "verify":
        print(f"{journal.verify()} entries, the chain is whole")
        return 0
    for entry in journal.read(arguments.after):
        print(entry.model_dump_json())
    return 0
