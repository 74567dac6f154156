"""`vantay broker-config station|box … -o FOLDER`: mosquitto.conf, acl, the authority's public files."""

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge import clock
from edge.broker_config import (
    ACL,
    CA,
    CONFIGURATION,
    CRL,
    box_acl,
    box_configuration,
    station_acl,
    station_configuration,
)
from edge.errors import BadSettings
from edge.files import make_folder, replace
from edge.messages import Role
from edge.pki.folder import PkiFolder
from edge.pki.names import SERVER, host_of, identity_of, role_of


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_subparsers(dest="kind", required=True)
    station = kinds.add_parser("station", help="the station's broker, on every interface")
    station.add_argument("--server", default="station", metavar="NAME", help="of its certificate (station)")
    box = kinds.add_parser("box", help="a booth's own broker, on loopback, bridged to the station's")
    box.add_argument("booth", metavar="BOOTH")
    box.add_argument("--station", required=True, metavar="HOST:PORT")
    for kind in (station, box):
        kind.add_argument("--pki", type=Path, metavar="FOLDER", help="the authority, which knows everybody")
        kind.add_argument(
            "--identity", action="append", default=[], metavar="WHO", help="somebody of another authority"
        )
        kind.add_argument("--port", type=int, default=8883)
        kind.add_argument("--at", type=Path, metavar="FOLDER", help="where the files will lie (as -o)")
        kind.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")


def run(arguments: Namespace) -> int:
    """Write the files; the same arguments make the same files."""
    out = arguments.output
    at = arguments.at or out.resolve()
    if not 1 <= arguments.port <= 65535:
        raise BadSettings("--port must be between 1 and 65535")
    if not at.is_absolute() or re.search(r"[^\x21-\x7e]", str(at)):
        raise BadSettings(f"{at}: mosquitto wants a whole path without spaces; say it with --at")
    pki = PkiFolder(arguments.pki) if arguments.pki else None
    identities = _identities(pki, arguments.identity)
    if arguments.kind == "station":
        identity_of(SERVER, arguments.server)
        needs = [f"{SERVER}.{arguments.server}"]
        acl, text = station_acl(identities), station_configuration(at, arguments.server, arguments.port)
    else:
        booth, station = identity_of(Role.BOOTH, arguments.booth), _place(arguments.station)
        needs = [f"{SERVER}.{booth}", booth]
        acl, text = box_acl(booth, identities), box_configuration(at, booth, arguments.port, booth, station)
    make_folder(out)
    files = {ACL: acl.encode(), CONFIGURATION: text.encode()}
    if pki:
        files |= {name: (pki.folder / name).read_bytes() for name in (CA, CRL)}
    for name, content in files.items():
        replace(out / name, content, 0o600 if name == ACL else 0o644)
    theirs = " and ".join(f"{name}.crt and {name}.key" for name in needs)
    rest = "" if pki else f", {CA}, {CRL}"
    print(f"{out}: {', '.join(files)}; {theirs}{rest} belong beside them, all readable by mosquitto alone")
    return 0


def _identities(pki: PkiFolder | None, named: list[str]) -> set[str]:
    for identity in named:
        role_of(identity)
    now = clock.moment()
    return {*named, *(one.identity for one in (pki.issued() if pki else []) if one.stands(now))}


def _place(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise BadSettings(f"--station '{text}' must be HOST:PORT, as in station.example:8883")
    host_of(host)
    return text
