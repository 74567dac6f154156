"""Three NATS nodes that stations and hub are bridged to: a node's configuration, and mosquitto's bridge.

Pure text, made from CHANNELS as the rest of `edge/broker_config.py`. NATS 2.9 speaks MQTT 3.1.1 alone, with
no shared subscriptions and no reason codes; so stations and hub speak to a mosquitto of their own, bridged to
it. It knows people by the whole subject of their certificates. Who is not in its list is turned away; that
is how a revoked certificate ends: NATS 2.9 reads no revocation list.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from edge.broker_config import CA, MADE, filter_of
from edge.messages import CHANNELS, Channel, Role
from edge.pki.names import NODE, STATION, role_of

NODES = (3, 5)  # of a cluster: one, or two, may be away
REPLICAS = 3  # of every message on its way
AT_CLUSTER = (STATION, Role.HUB)  # whoever looks in does so at a station's or the hub's broker
PENDING = 1000  # messages on their way to one subscriber without an acknowledgement
DELIVERED = '"$MQTT.sub.*"'  # where the server itself delivers QoS 1; it lets no client subscribe to it
ROOM = "4GB"  # on each node's disk; what does not fit is refused, and comes again


def crossing(role: str, channel: Channel) -> str | None:
    """Say which way a channel crosses between a broker of a station, or of the hub, and the cluster."""
    if role == Role.HUB:
        writes, reads = Role.HUB in channel.writers, Role.HUB in channel.readers
        return "out" if writes else "in" if reads else None
    if Role.BOOTH in channel.writers:
        return "out"
    return "in" if channel.writers & {Role.HUB, Role.TECHNICIAN} else None


def bridge(folder: PurePath, role: str, identity: str, cluster: Sequence[str]) -> list[str]:
    """Return the lines of mosquitto.conf that bridge it as `identity` to `cluster`, each node's host:port.

    A station keeps its session: to make a new one while NATS elects leaders takes long, and it hears little.
    The hub does not: after hours it would be given what booths said again and again, all of it.
    """
    ways = [(channel, crossing(role, channel)) for channel in CHANNELS]
    return [
        "",
        "connection cluster",
        f"addresses {' '.join(cluster)}",
        "# Stay with the node that answers; when it is gone, the next one.",
        "round_robin true",
        f"remote_clientid {identity}",
        f"bridge_cafile {folder / CA}",
        f"bridge_certfile {folder / identity}.crt",
        f"bridge_keyfile {folder / identity}.key",
        "bridge_tls_version tlsv1.3",
        "bridge_protocol_version mqttv311",
        "# NATS turns away whoever says that it is a bridge.",
        "try_private false",
        f"cleansession {'true' if role == Role.HUB else 'false'}",
        "local_cleansession true",
        "restart_timeout 1",
        "keepalive_interval 10",
        "notifications false",
        *(f"topic {filter_of(channel, '+')} {way} 1" for channel, way in ways if way),
    ]


def node_configuration(
    folder: PurePath,
    store: PurePath,
    node: str,
    nodes: Mapping[str, tuple[str, int]],
    ports: tuple[int, int],
    subjects: Mapping[str, str],
) -> str:
    """Write one node's nats-server.conf.

    `nodes` are all of them, name to host and port of their routes; `ports` those for MQTT and, on loopback,
    for looking in; `subjects` whole certificate subjects (RFC 4514) by identity.
    """
    routes = ", ".join(f'"tls://{host}:{port}"' for name, (host, port) in nodes.items() if name != node)
    mine = f"{NODE}.{node}"
    tls = [
        f"    cert_file: {_quoted(folder / f'{mine}.crt')}",
        f"    key_file: {_quoted(folder / f'{mine}.key')}",
        f"    ca_file: {_quoted(folder / CA)}",
    ]
    mapped = [*tls, "    verify_and_map: true"]
    lines = [
        MADE,
        f"server_name: {_quoted(node)}",
        "",
        "# Nobody speaks NATS's own protocol here: on loopback, any free port.",
        'host: "127.0.0.1"',
        "port: -1",
        f'http: "127.0.0.1:{ports[1]}"',
        "tls {",
        *mapped,
        "}",
        "",
        f"jetstream {{ store_dir: {_quoted(store)}, max_file_store: {ROOM} }}",
        "",
        "cluster {",
        '  name: "vantay"',
        '  host: "0.0.0.0"',
        f"  port: {nodes[node][1]}",
        f"  routes: [{routes}]",
        "  tls {",
        *tls,
        "    # A node is who names one of these hosts; no other certificate of the authority is one.",
        "    verify_cert_and_check_known_urls: true",
        "  }",
        "}",
        "",
        "mqtt {",
        '  host: "0.0.0.0"',
        f"  port: {ports[0]}",
        f"  stream_replicas: {REPLICAS}",
        "  # Quicker, and made again by the nodes after a start; what booths said is with the booths.",
        "  consumer_memory_storage: true",
        f"  max_ack_pending: {PENDING}",
        "  tls {",
        *mapped,
        "  }",
        "}",
        "",
        "authorization {",
        "  users: [",
        *(line for identity in sorted(subjects) for line in _user(identity, subjects[identity])),
        "  ]",
        "}",
    ]
    return "\n".join([*lines, ""])


def _user(identity: str, subject: str) -> Iterator[str]:
    role = role_of(identity)
    if role not in AT_CLUSTER:
        return
    written, read = list(_granted(role, "out")), [*_granted(role, "in"), DELIVERED]
    yield f"    {{ user: {_quoted(subject)}, permissions: {{"
    yield f"      publish: {{ allow: [{', '.join(written)}] }}"
    yield f"      subscribe: {{ allow: [{', '.join(read)}] }}"
    yield "    } }"


def _granted(role: str, way: str) -> Iterable[str]:
    for channel in CHANNELS:
        if crossing(role, channel) == way:
            yield f'"{filter_of(channel, "+").replace("/", ".").replace("+", "*")}"'


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)
