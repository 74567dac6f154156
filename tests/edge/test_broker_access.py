"""What a real mosquitto grants with the list of `vantay broker-config`: all that is needed, no more."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.messages import CHANNELS, COMMANDS, Channel, Role
from edge.mqtt import Will
from edge.settings import Broker
from edge.tls import context_of
from tests.edge.programs import SECONDS, Ear, Mosquitto, ear, until
from tests.edge.secured import Station

pytestmark = pytest.mark.system

COMMAND = {f"command-{name}" for name in COMMANDS}
FROM_HUB = {"ack", "resend", "packet-wanted", "packet-ack"}
FROM_GALLERY = {"gallery-answer", "gallery-status"}
HEARD_BY_ALL = {"status", "state", "reply", "hub-status"}
WATCHED = (
    HEARD_BY_ALL
    | FROM_HUB
    | FROM_GALLERY
    | {"journal", "campaign-report"}
    | COMMAND - {"command-enrol", "command-review", "command-hand-over", "command-verify"}
)  # no packet, no template, no identity number
WRITES: dict[Role, set[str]] = {  # said once more, by hand: a new channel has to be put here, too
    Role.BOOTH: {"status", "state", "journal", "reply", "packet", "gallery-ask"},
    Role.HUB: FROM_HUB | {"hub-status", "campaign-report"},
    Role.GALLERY: FROM_GALLERY,
    Role.CONSOLE: COMMAND,
    Role.TECHNICIAN: {"command-abandon", "command-logout"},
    Role.INSPECTOR: set(),
}
READS: dict[Role, set[str]] = {
    Role.BOOTH: COMMAND | FROM_HUB | FROM_GALLERY | {"hub-status"},
    Role.HUB: {"journal", "packet", "status", "state", "hub-status"},
    Role.GALLERY: {"gallery-ask"},
    Role.CONSOLE: HEARD_BY_ALL,
    Role.TECHNICIAN: WATCHED,
    Role.INSPECTOR: WATCHED,
}
AT_STATION = {
    "b-1": Role.BOOTH,
    "b-2": Role.BOOTH,
    "hub.main": Role.HUB,
    "gallery.main": Role.GALLERY,
    "technician.binh": Role.TECHNICIAN,
    "inspector.chi": Role.INSPECTOR,
}
AT_BOX = {
    "b-1": Role.BOOTH,
    "console.b-1": Role.CONSOLE,
    "technician.binh": Role.TECHNICIAN,
    "inspector.chi": Role.INSPECTOR,
}
STRANGERS_AT_BOX = ("b-2", "console.b-2", "hub.main", "gallery.main")
BOOTHS = ("b-1", "b-2")


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.found(tmp_path)


@contextlib.contextmanager
def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    try:
        yield broker.start()
    finally:
        broker.kill()


def topic_of(channel: Channel, booth: str) -> str:
    return channel.address.format(booth=booth, packet="0" * 64, offset="0", report="summary")


TOPICS = {
    topic_of(channel, booth): (channel.name, "" if "{booth}" not in channel.address else booth)
    for channel in CHANNELS
    for booth in BOOTHS
}


def packet(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    assert len(body) < 128 * 128
    size = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
    return bytes([kind]) + size + body


def text(word: str) -> bytes:
    return len(word).to_bytes(2, "big") + word.encode()


def may_write(broker: Broker, topic: str) -> bool:
    """Try on a connection of its own (MQTT 5): mosquitto hangs up on whoever writes what is refused."""
    context = context_of(broker)
    assert context
    with (
        socket.create_connection((broker.host, broker.port), SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=broker.host) as line,
    ):
        line.sendall(packet(0x10, text("MQTT"), b"\x05\x02\x00\x3c\x00", text("")))
        assert line.recv(200)[3] == 0, "CONNACK: taken"
        line.sendall(packet(0x32, text(topic), b"\x00\x01\x00", b"x"))
        try:
            answer = line.recv(200)  # PUBACK; the reason is left out where it is success
        except OSError:
            return False
    return len(answer) >= 4 and answer[0] == 0x40 and (answer[1] == 2 or answer[4] < 0x80)


def writes(broker: Broker, booth: str) -> set[str]:
    """What somebody may write of a booth."""
    return {
        name for topic, (name, about) in TOPICS.items() if about in (booth, "") and may_write(broker, topic)
    }


def say_what_is_theirs(ears: dict[str, Ear], roles: dict[str, Role]) -> set[str]:
    """Everybody says of b-1 what they may; return it."""
    said = set()
    for name, role in roles.items():
        about = name if role is Role.BOOTH else "b-1"
        for topic, (channel, booth) in TOPICS.items():
            if booth in (about, "") and channel in WRITES[role]:
                ears[name].publish(topic, name.encode())
                said |= {channel}
        until(lambda one=ears[name]: not one.link._unacknowledged, f"the acknowledgements to {name}")
    return said


def heard(one: Ear, booth: str) -> set[str]:
    """What somebody heard of a booth; KeyError for a topic that is nobody's."""
    one.listen()
    return {name for name, about in (TOPICS[message.topic] for message in one.heard) if about in (booth, "")}


def test_every_channel_is_somebodys() -> None:
    names = {channel.name for channel in CHANNELS}
    assert set().union(*WRITES.values()) == names
    assert set().union(*READS.values()) == names
    for channel in CHANNELS:
        assert channel.sender in channel.writers
        assert channel.writers == {role for role, mine in WRITES.items() if channel.name in mine}
        assert channel.readers == {role for role, mine in READS.items() if channel.name in mine}


def test_at_the_station_everybody_writes_what_is_theirs(station: Station) -> None:
    with running(station.configure("station")) as broker:
        for name, role in AT_STATION.items():
            settings = station.broker(broker.port, name)
            for booth in BOOTHS:
                mine = role is not Role.BOOTH or name == booth
                assert writes(settings, booth) == (WRITES[role] if mine else set()), f"{name} of {booth}"
            for topic in ("other", "$SYS/x", "vantay/v1/other", f"vantay/v1/booth/{name}/other"):
                assert not may_write(settings, topic), f"{name} on {topic}"
            if role is not Role.BOOTH:
                assert not may_write(settings, f"vantay/v1/booth/{name}/status"), "a pattern is for booths"
        assert not any(writes(station.broker(broker.port, "console.b-1"), booth) for booth in BOOTHS)


def test_at_the_station_everybody_reads_what_is_theirs(station: Station) -> None:
    with running(station.configure("station")) as broker, contextlib.ExitStack() as stack:
        ears = {
            name: stack.enter_context(ear(station.broker(broker.port, name), "#", "$SYS/#", name=name))
            for name in (*AT_STATION, "console.b-1")
        }
        said = say_what_is_theirs(ears, AT_STATION)
        assert said == set().union(*(WRITES[role] for role in AT_STATION.values()))
        for name, role in AT_STATION.items():
            mine = "b-2" if name == "b-2" else "b-1"
            of_hub = {
                "hub-status",
                "gallery-status",
            }  # a pattern without a booth: everybody with a certificate may read it
            # hub, gallery and technician spoke of b-1, so b-2 hears of two statuses alone
            wanted = READS[role] & said | of_hub if mine == "b-1" else of_hub
            until(lambda n=name, m=mine, w=wanted: heard(ears[n], m) >= w, f"{name} hearing")
            assert heard(ears[name], mine) == wanted, name
            if role is Role.BOOTH:
                other = "b-1" if name == "b-2" else "b-2"
                assert heard(ears[name], other) == of_hub, name
        console = ears["console.b-1"]
        assert heard(console, "b-1") | heard(console, "b-2") <= {"hub-status", "gallery-status"}


def test_at_the_box_everybody_writes_and_reads_what_is_theirs(station: Station) -> None:
    broker = station.configure("box", "b-1", "--station", "127.0.0.1:1")
    with running(broker), contextlib.ExitStack() as stack:
        for name, role in AT_BOX.items():
            assert writes(station.broker(broker.port, name), "b-1") == WRITES[role], name
            assert writes(station.broker(broker.port, name), "b-2") == set(), name
        for name in STRANGERS_AT_BOX:
            assert not any(writes(station.broker(broker.port, name), booth) for booth in BOOTHS), name
        ears = {
            name: stack.enter_context(ear(station.broker(broker.port, name), "#", "$SYS/#", name=name))
            for name in (*AT_BOX, *STRANGERS_AT_BOX)
        }
        said = say_what_is_theirs(ears, AT_BOX)
        for name, role in AT_BOX.items():
            wanted = READS[role] & said
            until(lambda n=name, w=wanted: heard(ears[n], "b-1") >= w, f"{name} hearing")
            assert heard(ears[name], "b-1") == wanted, name
        for name in STRANGERS_AT_BOX:
            assert not any(heard(ears[name], booth) for booth in BOOTHS), name


def test_collectors_share_what_a_hub_may_read(station: Station) -> None:
    """Each report reaches one of them; by sharing nobody reads what the list does not grant."""
    station.issue("hub.second")
    with running(station.configure("station")) as broker:
        shared = "$share/station/vantay/v1/booth/+/journal"
        with (
            ear(station.broker(broker.port, "hub.main"), shared) as one,
            ear(station.broker(broker.port, "hub.second"), shared) as two,
            ear(station.broker(broker.port, "b-2"), "$share/other/vantay/v1/booth/b-1/journal") as booth,
            ear(station.broker(broker.port, "b-1")) as teller,
        ):
            for n in range(20):
                teller.publish("vantay/v1/booth/b-1/journal", b"%d" % n)
            until(lambda: len(one.on("journal")) + len(two.on("journal")) == 20, "all of them, once")
            assert one.on("journal")
            assert two.on("journal")
            assert booth.on("journal") == []


def test_nobody_takes_anothers_place_by_its_client_id(station: Station) -> None:
    with running(station.configure("station")) as broker:
        name = "vantay-booth-b-1"
        with ear(station.broker(broker.port, "b-1"), name=name) as one:
            with ear(station.broker(broker.port, "b-2"), name=name) as other:
                other.publish("vantay/v1/booth/b-2/state", b"x")
                one.publish("vantay/v1/booth/b-1/state", b"x")
                until(lambda: not (one.link._unacknowledged or other.link._unacknowledged), "both")
            one.listen()
            assert (one.downs, len(one.ups)) == ([], 1)


def test_a_will_is_nobody_elses_word(station: Station) -> None:
    with (
        running(station.configure("station")) as broker,
        ear(station.broker(broker.port, "technician.binh"), "vantay/#", name="t") as technician,
    ):
        for booth in ("b-1", "b-2"):  # the last words of b-2; only the second may be
            will = Will(f"vantay/v1/booth/{booth}/status", b"gone")
            with ear(station.broker(broker.port, "b-2"), will=will) as one:
                assert one.link._client
                vanish(one.link._client.socket())
                one.down()
        technician.wait("b-2/status")
        assert technician.on("b-1/status") == []


def vanish(line: Any) -> None:
    line.shutdown(socket.SHUT_RDWR)


def test_a_refused_message_is_told_and_the_link_comes_back(station: Station) -> None:
    with running(station.configure("station")) as broker, ear(station.broker(broker.port, "b-2")) as one:
        until(lambda: refused_once(one), "a refusal")
        one.up(2)
        one.publish("vantay/v1/booth/b-2/journal", b"x")


def refused_once(one: Ear) -> bool:
    """Publish what is another's until that is refused: what a broker says as it hangs up may get lost."""
    if one.link.publish("vantay/v1/booth/b-1/journal", b"x"):
        until(lambda: one.listen() or one.refused or one.downs, "the broker's answer")
    return set(one.refused) == {"vantay/v1/booth/b-1/journal"}


def test_version_3_1_1_is_not_told_that_it_was_refused(station: Station) -> None:
    """The measured trap: only what does not come back tells."""
    with running(station.configure("station")) as broker:
        settings = station.broker(broker.port, "b-2").model_copy(update={"mqtt": "3.1.1"})
        with ear(settings) as one:
            one.publish("vantay/v1/booth/b-1/journal", b"x")
            until(lambda: not one.link._unacknowledged, "the acknowledgement")
            one.listen()
            assert one.refused == []
