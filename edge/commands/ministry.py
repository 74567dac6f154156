"""`vantay ministry deliver|status --config hub.toml`: packets to the ministry, and its answers."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from edge import clock
from edge.errors import BadSettings, VantayError
from edge.folder_lock import only_one
from edge.hub.campaign import CampaignBook, Lists
from edge.hub.delivery import Delivery, looker
from edge.hub.drop import Drop, FolderDrop
from edge.hub.packets import PacketFiles
from edge.hub.reading import opened, writable
from edge.hub.tables import Tables
from edge.settings import HubSettings, Ministry, read_settings


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", choices=["deliver", "status"])
    parser.add_argument("--config", type=Path, required=True, metavar="hub.toml")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")


def run(arguments: Namespace) -> int:
    """Deliver and read the answers, or only count; 1 when something is overdue, refused or unreadable."""
    settings = read_settings(arguments.config, HubSettings)
    if settings.ministry is None:
        raise BadSettings("hub.toml has no table [ministry]: name the folder or server that packets go to")
    if arguments.action == "status" or not (isinstance(settings.place, str) or settings.place.exists()):
        store = opened(settings.place)  # says what is wrong where the hub has not run yet
        return _tell(store, settings, [], arguments.json)
    own = settings.data / "delivery"  # the hub holds the data folder itself
    own.mkdir(exist_ok=True, mode=0o700)
    with only_one(own, "delivery"), _drop(settings.ministry) as drop:
        store = writable(settings.place)
        delivery = Delivery(store, PacketFiles(settings.packet_folder), drop, _book(settings, store))
        complaints = []
        try:
            delivery.deliver(clock.now())
        except VantayError as error:  # answers are read, and what is overdue is told, all the same
            complaints.append(str(error))
        try:
            complaints += delivery.hear(clock.now())
        except VantayError as error:
            complaints += [] if str(error) in complaints else [str(error)]
        code = _tell(store, settings, complaints, arguments.json)
        store.close()
    return code


def _book(settings: HubSettings, store: Tables) -> CampaignBook | None:
    """Return what counts; a delivery reads none of the lists."""
    if settings.campaign is None:
        return None
    book = CampaignBook(store, settings.campaign, Lists.none())
    book.prepare()
    return book


@contextmanager
def _drop(ministry: Ministry) -> Iterator[Drop]:
    if ministry.folder is not None:
        yield FolderDrop(ministry.folder)
        return
    assert ministry.sftp is not None
    try:
        from edge.hub.sftp import SftpDrop  # costs half a second, and only some have it
    except ImportError:
        raise BadSettings("ministry.sftp needs asyncssh: pip install 'vantay[sftp]'") from None
    drop = SftpDrop(ministry.sftp)
    try:
        yield drop
    finally:
        drop.close()


def _tell(store: Tables, settings: HubSettings, complaints: list[str], as_json: bool) -> int:
    standing = looker(settings)(store)
    assert standing is not None
    standing.alarms += complaints
    if as_json:
        print(json.dumps(asdict(standing)))
    else:
        for alarm in standing.alarms:
            print(f"ALARM {alarm}", file=sys.stderr)
        print(
            f"undelivered={standing.undelivered} waiting={standing.waiting} accepted={standing.accepted} "
            f"refused={standing.refused}"
        )
    return 1 if standing.alarms else 0
