"""What really crosses the brokers while people are enrolled, read by a validator that is not ours."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from edge.demo.check import Checker
from edge.demo.person import Hand, Person
from edge.demo.script import read_people, write_visits
from edge.demo.stage import BOOTH
from edge.messages import CHANNELS, CHUNK_BYTES, COMMANDS, Channel
from edge.schema import json_schema
from edge.settings import Broker
from tests.edge.programs import Ear, ear, until
from tests.system.production import MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

RARE = {
    "resend",
    "campaign-report",
    *("gallery-ask", "gallery-answer", "gallery-status"),  # tests/system/test_station.py
    *(f"command-{name}" for name in COMMANDS.keys() - {"enrol", "review"}),
}  # not needed here


def channel_of(topic: str) -> Channel:
    """Return the one channel whose address a topic fits."""
    fitting = [c for c in CHANNELS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", c.address), topic)]
    assert len(fitting) == 1, topic
    return fitting[0]


def check(heard: Ear, retained_only: bool = False) -> set[str]:
    """Every message fits the schema of its channel; return the channels that were used."""
    heard.listen()
    used = set()
    for message in heard.heard:
        channel = channel_of(message.topic)
        used.add(channel.name)
        assert channel.retained or not message.retained, f"{message.topic} is retained"
        assert message.retained or not retained_only, message.topic
        if channel.payload is None:
            assert len(message.payload) <= CHUNK_BYTES
            continue
        Draft202012Validator(json_schema(channel.payload.__name__)).validate(json.loads(message.payload))
    return used


def test_what_crosses_the_brokers_is_what_the_document_says(stage: MosquittoStage) -> None:
    visits = write_visits(read_people(stage.scans))
    visits = [visits[1], visits[2]]  # a wrong finger, a missing finger
    everything = ("vantay/#", "vantay-packet/#")
    station = Broker(port=stage.ports["station"])
    with ear(stage.box_broker(), *everything, name="box") as box, ear(station, *everything) as uplink:
        person = Person(stage.box_broker(), BOOTH, Hand(stage.control))
        for visit in visits:
            person.visit(visit, lambda _: None)
        person.close()
        checker = Checker(stage.folder, stage.scans, BOOTH)
        until(checker.settled, "the hub's last acknowledgement")
        assert check(box) >= {channel.name for channel in CHANNELS} - RARE
        assert check(uplink) >= {"status", "journal", "packet", "ack", "packet-ack", "hub-status"}
        with ear(station, "#", name="late") as late:
            late.wait("hub/status")
            late.wait(f"{BOOTH}/state")
            late.wait(f"{BOOTH}/status")
            assert check(late, retained_only=True) == {"status", "state", "hub-status"}
        readable = [m for m in (*box.heard, *uplink.heard) if m.topic.startswith("vantay/v1/")]
        numbers = [visit.identity_number.encode() for visit in visits]
        blobs = [blob for packet in checker.packets().values() for blob in packet.blobs.values()]
        checker.close()
        assert blobs
        for message in readable:
            if "/command/" not in message.topic:
                assert not any(number in message.payload for number in numbers), message.topic
            assert not any(blob[16:80] in message.payload for blob in blobs), message.topic
            assert message.payload.isascii() or json.loads(message.payload), "text, and nothing else"
