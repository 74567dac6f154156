"""`vantay hub --config hub.toml`: the station hub; `vantay hub status --config hub.toml`: what it holds."""

import json
import signal
from argparse import ArgumentParser, Namespace
from importlib import metadata
from pathlib import Path

from edge import log
from edge.commands.booth import only_one
from edge.errors import BadSettings
from edge.hub.collector import Collector, Stop
from edge.hub.status import readable, status_of
from edge.hub.store import HubStore
from edge.settings import HubSettings, read_settings


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", nargs="?", choices=["run", "status"], default="run")
    parser.add_argument("--config", type=Path, required=True, metavar="hub.toml")
    parser.add_argument("--json", action="store_true", help="status as JSON")


def run(arguments: Namespace) -> int:
    """Serve until SIGTERM or SIGINT, or print the status."""
    settings = read_settings(arguments.config, HubSettings)
    path = settings.data / "hub.db"
    if arguments.action == "status":
        if not path.exists():
            raise BadSettings(f"{path} does not exist: the hub has not run with this configuration yet")
        status = status_of(HubStore(path, read_only=True))
        print(json.dumps(status) if arguments.json else readable(status))
        return 0
    with only_one(settings.data, "hub"):
        store = HubStore(path)
        collector = Collector(settings, store, log.configure("hub"), metadata.version("vantay"))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: collector.mailbox.put(Stop()))
        collector.run()
        store.close()
    return 0
