"""`vantay booth --config booth.toml`: the booth daemon."""

import signal
from argparse import ArgumentParser, Namespace
from importlib import metadata
from pathlib import Path

from edge import log
from edge.booth.runner import Runner, Stop
from edge.folder_lock import only_one
from edge.keys import read_booth_keys
from edge.settings import BoothSettings, read_settings
from edge.store import Store
from edge.tls import check_booth


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")


def run(arguments: Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = read_settings(arguments.config, BoothSettings)
    keys = read_booth_keys(settings.keys)
    check_booth(settings.broker, settings.booth)
    with only_one(settings.data, "booth daemon"):
        store = Store(settings.data / "booth.db")
        logger = log.configure("booth", settings.log_file).bind(booth=settings.booth)
        runner = Runner(settings, keys, store, logger, metadata.version("vantay"))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.mailbox.put(Stop()))
        runner.run()
        store.close()
    return 0
