"""mosquitto's configuration and access list, made from CHANNELS: who may write and read which topic.

Pure text, the same for the same arguments. mosquitto grants a `pattern` to everybody, with the name in the
certificate for %u; so whoever is no booth is denied the topics of a booth of that name.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from edge.messages import CHANNELS, GALLERY_ROOT, PACKET_ROOT, ROOT, Channel, Role
from edge.pki.names import AT_HOSTS, SERVER, booth_of_console, role_of

MADE = "# Made by `vantay broker-config`: make it again instead of changing it.\n"
CA, CRL, ACL, CONFIGURATION = "ca.crt", "crl.pem", "acl", "mosquitto.conf"
AT_BOX = frozenset({Role.BOOTH, Role.CONSOLE, Role.TECHNICIAN, Role.INSPECTOR})
AT_HUB = frozenset({Role.HUB, Role.TECHNICIAN, Role.INSPECTOR})
AT_STATION = AT_HUB | {Role.BOOTH, Role.GALLERY}


def grants(role: Role, booth: str) -> Iterator[str]:
    """Yield what a role may do, as `write TOPIC`, with `booth` for the booths it is about."""
    for channel in CHANNELS:
        write, read = role in channel.writers, role in channel.readers
        if write or read:
            verb = "readwrite" if write and read else "write" if write else "read"
            yield f"{verb} {filter_of(channel, booth)}"


def station_acl(identities: Iterable[str]) -> str:
    """Write the station's list: every booth by its own name, everybody else by theirs."""
    lines = [MADE, "# A booth: its own topics, by the name in its certificate."]
    lines += [f"pattern {grant}" for grant in grants(Role.BOOTH, "%u")]
    for identity in sorted(set(identities)):
        role = role_of(identity)
        if role not in (Role.BOOTH, *AT_HOSTS):
            lines += ["", f"user {identity}", *_no_booth(identity)]
        if role in AT_STATION and role != Role.BOOTH:
            lines += [f"topic {grant}" for grant in grants(Role(role), "+")]
    return "\n".join([*lines, ""])


def hub_acl(identities: Iterable[str]) -> str:
    """Write the list of the broker beside a hub, behind a cluster: no booth speaks to it."""
    lines = [MADE]
    for identity in sorted(set(identities)):
        if (role := role_of(identity)) in AT_HUB:
            lines += [f"user {identity}", *(f"topic {grant}" for grant in grants(Role(role), "+")), ""]
    return "\n".join(lines)


def box_acl(booth: str, identities: Iterable[str]) -> str:
    """Write the list of one booth's own broker: the booth, its consoles, technicians and inspectors."""
    lines = [MADE]
    for identity in sorted({booth, *identities}):
        role = role_of(identity)
        another = (role == Role.BOOTH and identity != booth) or (
            role == Role.CONSOLE and booth_of_console(identity) != booth
        )
        if role in AT_BOX and not another:
            lines += [f"user {identity}", *(f"topic {grant}" for grant in grants(Role(role), booth)), ""]
    return "\n".join(lines)


def station_configuration(folder: PurePath, server: str, port: int) -> str:
    """Write the station's mosquitto.conf; `folder` is where its files lie on the station."""
    return "\n".join([MADE, *_listener(folder, server, str(port)), ""])


def box_configuration(folder: PurePath, server: str, port: int, booth: str, station: str) -> str:
    """Write the mosquitto.conf of a booth's box, on loopback; its bridge goes to `station`, host:port."""
    lines = [MADE, *_listener(folder, server, f"{port} 127.0.0.1")]
    lines += [
        "",
        "connection station",
        f"address {station}",
        f"remote_clientid {booth}",
        f"bridge_cafile {folder / CA}",
        f"bridge_certfile {folder / booth}.crt",
        f"bridge_keyfile {folder / booth}.key",
        "bridge_tls_version tlsv1.3",
        "cleansession true",
        "restart_timeout 1",
        "keepalive_interval 10",
        "notifications false",
        *(f"topic {filter_of(c, booth)} {way} 1" for c in CHANNELS if (way := _way(c))),
    ]
    return "\n".join([*lines, ""])


def _listener(folder: PurePath, server: str, where: str) -> list[str]:
    identity = f"{SERVER}.{server}"
    return [
        f"listener {where}",
        f"cafile {folder / CA}",
        f"certfile {folder / identity}.crt",
        f"keyfile {folder / identity}.key",
        f"crlfile {folder / CRL}",
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "# Nobody throws another out by taking the other's client id: one connection for each certificate.",
        "use_username_as_clientid true",
        "allow_anonymous false",
        f"acl_file {folder / ACL}",
        "",
        "# Nothing is kept here: the booths' journals are the queue, only the hub's acknowledgement counts.",
        "persistence false",
        "max_queued_messages 0",
        "# With a limit a bridge of mosquitto 2.0.11 that lost its connection in mid-flight sends no more.",
        "max_inflight_messages 0",
        "set_tcp_nodelay true",
    ]


def filter_of(channel: Channel, booth: str) -> str:
    """Return the topics of a channel, of one booth, or of all of them with `+`."""
    return channel.address.format(booth=booth, packet="+", offset="+", report="+")


def _way(channel: Channel) -> str | None:
    """Say which way a channel crosses the bridge."""
    if Role.BOOTH in channel.writers:
        return "out"
    return "in" if Role.BOOTH in channel.readers else None


def _no_booth(identity: str) -> list[str]:
    return [f"topic deny {root}/booth/{identity}/#" for root in (ROOT, PACKET_ROOT, GALLERY_ROOT)]
