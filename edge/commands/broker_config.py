"""`vantay broker-config station|box|hub|node … -o FOLDER`: a broker's files, without the keys."""

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
    hub_acl,
    station_acl,
    station_configuration,
)
from edge.cluster_config import NODES, bridge, node_configuration
from edge.errors import BadSettings
from edge.files import make_folder, replace
from edge.messages import Role
from edge.pki.folder import Issued, PkiFolder
from edge.pki.names import NODE, SERVER, STATION, host_of, identity_of, role_of

ROUTE_PORT, MONITOR_PORT = 6222, 8222
NATS_CONFIGURATION = "nats-server.conf"


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_subparsers(dest="kind", required=True)
    station = kinds.add_parser("station", help="the station's broker, on every interface")
    station.add_argument("--server", default="station", metavar="NAME", help="of its certificate (station)")
    box = kinds.add_parser("box", help="a booth's own broker, on loopback, bridged to the station's")
    box.add_argument("booth", metavar="BOOTH")
    box.add_argument("--station", required=True, metavar="HOST:PORT")
    hub = kinds.add_parser("hub", help="the broker beside a hub's collectors, bridged to a cluster")
    hub.add_argument("--server", default="hub", metavar="NAME", help="of its certificate (hub)")
    for kind in (station, hub):
        kind.add_argument(
            "--cluster",
            action="append",
            default=[],
            required=kind is hub,
            metavar="HOST:PORT",
            help="a node's MQTT; once for each, the first is tried first",
        )
    node = kinds.add_parser("node", help="one node of a NATS cluster that stations and hub are bridged to")
    node.add_argument("node", metavar="NAME")
    node.add_argument(
        "--node",
        action="append",
        default=[],
        dest="nodes",
        required=True,
        metavar="NAME=HOST[:PORT]",
        help=f"where its routes listen ({ROUTE_PORT}); once for each node, itself too",
    )
    node.add_argument("--store", type=Path, default=Path("/var/lib/nats"), metavar="FOLDER", help="its data")
    node.add_argument("--monitor-port", type=int, default=MONITOR_PORT, help=f"on loopback ({MONITOR_PORT})")
    for kind in (station, box, hub, node):
        kind.add_argument("--pki", type=Path, metavar="FOLDER", help="the authority, which knows everybody")
        if kind is not node:
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
    for option in ("port", "monitor_port"):
        if not 1 <= getattr(arguments, option, 1) <= 65535:
            raise BadSettings(f"--{option.replace('_', '-')} must be between 1 and 65535")
    if not at.is_absolute() or re.search(r"[^\x21-\x7e]", str(at)):
        raise BadSettings(f"{at}: mosquitto wants a whole path without spaces; say it with --at")
    pki = PkiFolder(arguments.pki) if arguments.pki else None
    standing = _standing(pki) if pki else []
    if arguments.kind == "node":
        return _node(arguments, at, pki, standing)
    for identity in arguments.identity:
        role_of(identity)
    identities = {*arguments.identity, *(one.identity for one in standing)}
    needs, acl, text = _mosquitto(arguments, at, identities)
    files = {ACL: acl.encode(), CONFIGURATION: text.encode()}
    if pki:
        files |= {name: (pki.folder / name).read_bytes() for name in (CA, CRL)}
    _write(out, files)
    theirs = " and ".join(f"{name}.crt and {name}.key" for name in needs)
    rest = "" if pki else f", {CA}, {CRL}"
    print(f"{out}: {', '.join(files)}; {theirs}{rest} belong beside them, all readable by mosquitto alone")
    return 0


def _mosquitto(arguments: Namespace, at: Path, identities: set[str]) -> tuple[list[str], str, str]:
    """Return whose certificates it needs, its access list and its configuration."""
    port = arguments.port
    if arguments.kind == "box":
        booth, station = identity_of(Role.BOOTH, arguments.booth), _place(arguments.station, "--station")
        text = box_configuration(at, booth, port, booth, station)
        return [f"{SERVER}.{booth}", booth], box_acl(booth, identities), text
    server = identity_of(SERVER, arguments.server)
    acl = (hub_acl if arguments.kind == "hub" else station_acl)(identities)
    needs, text = [server], station_configuration(at, arguments.server, port)
    if arguments.cluster:
        nodes = [_place(place, "--cluster") for place in arguments.cluster]
        role = Role.HUB if arguments.kind == "hub" else STATION
        identity = identity_of(role, arguments.server)
        needs.append(identity)
        text += "\n".join([*bridge(at, role, identity, nodes), ""])
    return needs, acl, text


def _node(arguments: Namespace, at: Path, pki: PkiFolder | None, standing: list[Issued]) -> int:
    if pki is None:
        raise BadSettings(
            "name the authority with --pki: a node knows everybody by their certificate's subject"
        )
    nodes = dict(_named(word) for word in arguments.nodes)
    identity = identity_of(NODE, arguments.node)
    if len(nodes) not in NODES or len(nodes) != len(arguments.nodes):
        wanted = " or ".join(map(str, NODES))
        raise BadSettings(f"a cluster has {wanted} nodes of different names: say --node once for each")
    if arguments.node not in nodes:
        raise BadSettings(
            f"{arguments.node} is none of the nodes {', '.join(nodes)}: name it with --node, too"
        )
    subjects = {one.identity: one.certificate.subject.rfc4514_string() for one in standing}
    ports = arguments.port, arguments.monitor_port
    text = node_configuration(at, arguments.store, arguments.node, nodes, ports, subjects)
    out, files = arguments.output, {NATS_CONFIGURATION: text.encode(), CA: (pki.folder / CA).read_bytes()}
    _write(out, files)
    print(
        f"{out}: {', '.join(files)}; {identity}.crt and {identity}.key belong beside them, "
        "all readable by nats alone"
    )
    return 0


def _write(out: Path, files: dict[str, bytes]) -> None:
    make_folder(out)
    for name, content in files.items():
        replace(out / name, content, 0o600 if name in (ACL, NATS_CONFIGURATION) else 0o644)


def _standing(pki: PkiFolder) -> list[Issued]:
    now = clock.moment()
    return [one for one in pki.issued() if one.stands(now)]


def _named(word: str) -> tuple[str, tuple[str, int]]:
    name, _, place = word.partition("=")
    identity_of(NODE, name)
    host, _, port = _place(place if ":" in place else f"{place}:{ROUTE_PORT}", "--node").rpartition(":")
    if not isinstance(host_of(host), str):
        raise BadSettings(f"--node {word}: nodes know each other by name, not by address")
    return name, (host, int(port))


def _place(text: str, option: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise BadSettings(f"{option} '{text}' must be HOST:PORT, as in station.example:8883")
    host_of(host)
    return text
