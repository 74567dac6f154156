"""The generated configuration: from CHANNELS, the same every time, and nothing that is not wanted."""

from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.broker_config import box_acl, box_configuration, grants, station_acl, station_configuration
from edge.cli import main
from edge.messages import CHANNELS, Role
from tests.edge.parts import steady
from tests.edge.secured import Station

AT = PurePath("/etc/mosquitto/vantay")
SOMEBODY = st.sampled_from(
    ["b-1", "hub.main", "technician.binh", "inspector.chi", "console.b-1", "console.b-2"]
)


def test_every_channel_is_granted_to_its_writers_and_readers_only() -> None:
    for role in Role:
        said = [grant.split(" ", 1) for grant in grants(role, "BOOTH")]
        for channel in CHANNELS:
            topic = channel.address.format(booth="BOOTH", packet="+", offset="+", report="+")
            verbs = [verb for verb, about in said if about == topic]
            wanted = ("read" if role in channel.readers else "") + (
                "write" if role in channel.writers else ""
            )
            assert verbs == ([wanted] if wanted else []), (role, channel.name)
        assert not any("#" in topic for _, topic in said)


@steady(50)
@given(st.lists(SOMEBODY, unique=True))
def test_the_order_of_people_changes_nothing(people: list[str]) -> None:
    assert station_acl(people) == station_acl(reversed([*people, *people]))
    assert box_acl("b-1", people) == box_acl("b-1", reversed([*people, *people]))


@steady(50)
@given(st.lists(SOMEBODY, unique=True))
def test_nobody_is_listed_where_they_have_no_business(people: list[str]) -> None:
    def users(acl: str) -> set[str]:
        return {line.removeprefix("user ") for line in acl.splitlines() if line.startswith("user ")}

    assert users(box_acl("b-1", people)) == {"b-1", *people} - {"hub.main", "console.b-2"}
    assert users(station_acl(people)) == {one for one in people if "." in one}
    for one in users(station_acl(people)):
        assert f"user {one}\ntopic deny vantay/v1/booth/{one}/#\ntopic deny vantay-packet" in station_acl(
            people
        )


def test_every_topic_of_a_booth_crosses_the_bridge_one_way() -> None:
    text = box_configuration(AT, "b-1", 8883, "b-1", "station.example:8883")
    bridged = [line.split() for line in text.splitlines() if line.startswith("topic ")]
    ways = {topic: way for _, topic, way, _ in bridged}
    crossing = [channel for channel in CHANNELS if Role.BOOTH in channel.writers | channel.readers]
    assert {channel.name for channel in CHANNELS} - {channel.name for channel in crossing} == {
        "campaign-report"
    }
    assert len(bridged) == len(ways) == len(crossing)
    for channel in crossing:
        topic = channel.address.format(booth="b-1", packet="+", offset="+", report="+")
        assert ways[topic] == ("out" if channel.sender == "booth" else "in")
    assert "listener 8883 127.0.0.1\n" in text
    assert "bridge_tls_version tlsv1.3\n" in text


@pytest.mark.parametrize(
    "option",
    [
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        "acl_file /etc/mosquitto/vantay/acl",
        "crlfile /etc/mosquitto/vantay/crl.pem",
    ],
)
def test_both_brokers_ask_for_a_certificate(option: str) -> None:
    for text in (
        station_configuration(AT, "station", 8883),
        box_configuration(AT, "b-1", 8883, "b-1", "h:1"),
    ):
        assert text.splitlines().count(option) == 1
        assert sum(line.startswith("listener") for line in text.splitlines()) == 1


def test_the_command_writes_the_same_files_again_and_leaves_the_revoked_out(tmp_path: Path) -> None:
    station = Station.found(tmp_path)
    out = tmp_path / "out"
    words = ["broker-config", "station", "--pki", str(tmp_path / "pki"), "-o", str(out)]
    assert main(words) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {"acl", "mosquitto.conf", "ca.crt", "crl.pem"}
    assert main(words) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert b"user technician.binh" in before["acl"]
    station.pki.revoke("technician.binh", station.now())
    assert main([*words, "--identity", "technician.an"]) == 0
    assert b"technician.binh" not in (out / "acl").read_bytes()
    assert b"user technician.an" in (out / "acl").read_bytes()
    assert (out / "crl.pem").read_bytes() != before["crl.pem"]


MISTAKES = {
    "port": (["station", "--port", "0"], "--port must be between 1 and 65535"),
    "no booth": (["box", "B", "--station", "h:1"], "'B' is no name for a booth"),
    "no station": (["box", "b-1", "--station", "host"], "must be HOST:PORT"),
    "a line more": (["box", "b-1", "--station", "h\nallow_anonymous true:1"], "neither a host's name"),
    "nobody": (["station", "--identity", "x.y"], "'x.y' is nobody's name"),
    "a server of many words": (["station", "--server", "a b"], "'a b' is no name for a server"),
    "relative": (["station", "--at", "x"], "mosquitto wants a whole path without spaces"),
    "no authority": (["station", "--pki", "nowhere"], "nowhere is no authority"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_sentence_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words, sentence = MISTAKES[name]
    assert main(["broker-config", *words, "-o", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
