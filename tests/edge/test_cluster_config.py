"""The generated cluster and bridges: from CHANNELS, for those who stand, and nothing for anybody else."""

import re
from pathlib import Path, PurePath

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.cli import main
from edge.cluster_config import bridge, crossing, node_configuration
from edge.messages import CHANNELS, Role
from edge.pki.names import STATION
from tests.edge.secured import Station

AT = PurePath("/etc/mosquitto/vantay")
PLACES = ["one.example:8883", "two.example:8883", "three.example:8883"]
NODES = {"one": ("one.example", 6222), "two": ("two.example", 6222), "three": ("three.example", 6223)}
SUBJECTS = {"hub.main": "CN=hub.main,O=Trạm", "station.north": "CN=station.north,O=Trạm"}


def ways(role: str) -> dict[str, str]:
    lines = [line.split() for line in bridge(AT, role, "somebody", PLACES) if line.startswith("topic ")]
    assert all(quality == "1" for *_, quality in lines)
    return {topic: way for _, topic, way, _ in lines}


def test_what_one_end_sends_out_the_other_takes_in() -> None:
    station, hub = ways(STATION), ways(Role.HUB)
    for channel in CHANNELS:
        topic = channel.address.format(booth="+", packet="+", offset="+", report="+")
        if Role.BOOTH in channel.writers:
            wanted = ("out", "in" if Role.HUB in channel.readers else None)
        elif Role.HUB in channel.writers:
            wanted = ("in", "out")
        else:  # commands: a console is at the box, a technician anywhere
            wanted = ("in" if Role.TECHNICIAN in channel.writers else None, None)
        assert (station.get(topic), hub.get(topic)) == wanted, channel.name
    assert "vantay/v1/booth/+/command/enrol" not in {*station, *hub}, "identity numbers stay at the station"


def test_a_station_keeps_its_session_and_the_hub_does_not() -> None:
    for role, kept in ((STATION, "false"), (Role.HUB, "true")):
        lines = bridge(AT, role, "somebody", PLACES)
        assert f"cleansession {kept}" in lines
        assert f"addresses {' '.join(PLACES)}" in lines
        for option in ("round_robin true", "try_private false", "bridge_tls_version tlsv1.3"):
            assert option in lines


def test_a_node_lets_in_bridges_alone_each_with_what_it_carries() -> None:
    others = {"b-1": "CN=b-1", "technician.binh": "CN=technician.binh", "node.one": "CN=node.one"}
    text = node_configuration(AT, PurePath("/s"), "one", NODES, (8883, 8222), {**SUBJECTS, **others})
    assert text == node_configuration(
        AT, PurePath("/s"), "one", NODES, (8883, 8222), dict(reversed({**others, **SUBJECTS}.items()))
    )
    users = re.findall(r'user: "(.+?)"', text)
    assert users == ["CN=hub.main,O=Trạm", "CN=station.north,O=Trạm"]
    allowed = [re.findall(r'"(.+?)"', found) for found in re.findall(r"allow: \[(.*)\]", text)]
    for role, (said, heard) in zip((Role.HUB, STATION), (allowed[:2], allowed[2:]), strict=True):
        for way, subjects in (("out", said), ("in", heard)):
            mine = {topic.replace("/", ".").replace("+", "*") for topic, w in ways(role).items() if w == way}
            assert set(subjects) - {"$MQTT.sub.*"} == mine
        assert ("$MQTT.sub.*" in heard, "$MQTT.sub.*" in said) == (True, False)
    assert 'routes: ["tls://two.example:6222", "tls://three.example:6223"]' in text
    assert text.count("verify_and_map: true") == 2, "for MQTT and for NATS's own protocol"
    assert "verify_cert_and_check_known_urls: true" in text


def test_every_channel_crosses_in_one_direction_only() -> None:
    for channel in CHANNELS:
        both = {crossing(STATION, channel), crossing(Role.HUB, channel)} - {None}
        assert both in ({"in", "out"}, {"in"}, {"out"}, set()), channel.name
        assert crossing(STATION, channel) != crossing(Role.HUB, channel) or both == set()


@pytest.fixture
def station(tmp_path: Path) -> Station:
    station = Station.found(tmp_path)
    station.issue("station.north")
    return station


def words_of(station: Station, *more: str) -> list[str]:
    nodes = [word for name, (host, port) in NODES.items() for word in ("--node", f"{name}={host}:{port}")]
    return ["broker-config", "node", "one", *nodes, "--pki", str(station.folder / "pki"), *more]


def test_the_command_writes_the_same_files_again_and_leaves_the_revoked_out(station: Station) -> None:
    out = station.folder / "out"
    words = words_of(station, "-o", str(out))
    assert main(words) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {"nats-server.conf", "ca.crt"}
    assert main(words) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert b'"CN=station.north,OU=station,O=Test"' in before["nats-server.conf"]
    station.pki.revoke("station.north", station.now())
    assert main(words) == 0
    assert b"station.north" not in (out / "nats-server.conf").read_bytes()
    assert b"CN=hub.main," in (out / "nats-server.conf").read_bytes()


def test_a_station_and_the_hub_are_bridged_by_certificates_of_their_own(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, identity in (("station", "station.north"), ("hub", "hub.north")):
        out = station.folder / kind
        words = ["broker-config", kind, "--server", "north", "--pki", str(station.folder / "pki")]
        assert main([*words, "--cluster", PLACES[0], "--cluster", PLACES[1], "-o", str(out)]) == 0
        text = (out / "mosquitto.conf").read_text()
        assert f"\nremote_clientid {identity}\n" in text
        assert f"\naddresses {PLACES[0]} {PLACES[1]}\n" in text
        assert f"{identity}.crt and {identity}.key belong beside them" in capsys.readouterr().out
        assert ("pattern " in (out / "acl").read_text()) == (kind == "station"), (
            "no booth speaks to the hub's"
        )


def test_a_node_stands_at_both_ends_of_a_connection(station: Station) -> None:
    station.pki.issue("node", "one", ["one.example"], 30, station.certificates, station.now())
    certificate = x509.load_pem_x509_certificate((station.certificates / "node.one.crt").read_bytes())
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


MISTAKES = {
    "two": (["--node", "one=a.example", "--node", "two=b.example"], "a cluster has 3 or 5 nodes"),
    "twice": (["--node", "one=a", "--node", "one=b", "--node", "two=c"], "of different names"),
    "a stranger": (["--node", "a=a", "--node", "b=b", "--node", "c=c"], "one is none of the nodes a, b, c"),
    "an address": (["--node", "one=10.0.0.1"], "nodes know each other by name"),
    "a port": (["--node", "one=a:0"], "--node 'a:0' must be HOST:PORT"),
    "a name": (["--node", "One=a"], "'One' is no name for a node"),
    "monitor": ([*("--node", "one=a"), "--monitor-port", "0"], "--monitor-port must be between 1 and 65535"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_sentence_and_writes_nothing(
    station: Station, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words, sentence = MISTAKES[name]
    out, pki = station.folder / "out", str(station.folder / "pki")
    assert main(["broker-config", "node", "one", *words, "--pki", pki, "-o", str(out)]) == 2
    assert sentence in capsys.readouterr().err
    assert not out.exists()


def test_a_node_needs_the_authority(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in words_of(station, "-o", str(station.folder / "out")) if "pki" not in word]
    assert main(words) == 2
    assert "name the authority with --pki" in capsys.readouterr().err
