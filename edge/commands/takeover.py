"""`vantay takeover FILE --config booth.toml`: a spare box goes on with what the hub holds."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge import clock
from edge.errors import BadCommand
from edge.files import reading
from edge.settings import BoothSettings, read_settings
from edge.store import Store
from edge.takeover import take_over


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="what 'vantay hub export --booth NAME -o FILE' wrote")
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")
    parser.add_argument(
        "--without-end",
        action="store_true",
        help="take a file that does not say that it is whole: of an earlier release's export",
    )


def run(arguments: Namespace) -> int:
    """Take over, and say what was lost with the old box."""
    settings = read_settings(arguments.config, BoothSettings)
    try:
        file = reading(arguments.file)
    except OSError as error:
        raise BadCommand(f"{arguments.file} cannot be read ({error.strerror})") from None
    store = Store(settings.data / "booth.db")
    try:
        with file:
            taken = take_over(
                store, file, settings.booth, clock.now(), clock.reading(), arguments.without_end
            )
    finally:
        store.close()
    print(f"{settings.booth} goes on here after entry {taken.entries}")
    if taken.given_up:
        print(f"enrolment {taken.given_up} stood open and was given up: the person must be enrolled again")
    for packet in taken.packets:
        print(
            f"packet {packet} may not be at the hub: see 'vantay hub status'; if not, enrol the person again"
        )
    for name in taken.unsettled:
        print(f"enrolment {name} was not looked for at the station, and cannot be: its templates are gone")
    print(
        "add people and worklist anew; switch the old box off for good: the hub refuses what it still sends"
    )
    return 0
