"""`vantay gallery --config gallery.toml`: the station's gallery; `vantay gallery forget ENROLMENT`."""

import signal
from argparse import ArgumentParser, Namespace
from importlib import metadata
from pathlib import Path

from edge import log
from edge.errors import BadCommand
from edge.folder_lock import only_one
from edge.gallery.keeper import GalleryStore, Keeper
from edge.gallery.server import GalleryServer, Stop
from edge.keys import read_gallery_keys
from edge.messages import Role
from edge.settings import GallerySettings, read_settings
from edge.tls import check_role


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", nargs="?", choices=["run", "forget"], default="run")
    parser.add_argument("enrolment", nargs="?", metavar="ENROLMENT", help="forget: whom, by enrolment")
    parser.add_argument("--config", type=Path, required=True, metavar="gallery.toml")


def run(arguments: Namespace) -> int:
    """Serve until SIGTERM or SIGINT, or forget one person."""
    settings = read_settings(arguments.config, GallerySettings)
    keys = read_gallery_keys(settings.keys)
    if arguments.action == "forget":
        return _forget(settings, keys.vault, arguments.enrolment)
    if arguments.enrolment is not None:
        raise BadCommand(f"'{arguments.enrolment}' means nothing after 'run': leave it out")
    check_role(settings.broker, Role.GALLERY)  # says what is wrong before anything starts
    with only_one(settings.data, "gallery"):
        store = GalleryStore(settings.data / "gallery.db")
        logger = log.configure("gallery", settings.log_file)
        server = GalleryServer(settings, keys, store, logger, metadata.version("vantay"))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.mailbox.put(Stop()))
        server.run()
        store.close()
    return 0


def _forget(settings: GallerySettings, key: bytes, enrolment: str | None) -> int:
    """Forget one person; a gallery that runs finds nothing of them from then on."""
    if enrolment is None:
        raise BadCommand("name the enrolment: vantay gallery forget ENROLMENT --config gallery.toml")
    store = GalleryStore(settings.data / "gallery.db")
    known = Keeper(store, key).forget(enrolment)
    store.close()
    print(f"enrolment {enrolment} is forgotten" if known else f"enrolment {enrolment} is not held here")
    return 0 if known else 1
