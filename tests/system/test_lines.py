"""What booth and hub log while a person is enrolled: a line for each acquisition, packet, acknowledgement."""

import json
from typing import Any

import pytest

from edge.demo.check import Checker
from edge.demo.person import Hand, Person
from edge.demo.script import read_people, write_visits
from edge.demo.stage import BOOTH
from edge.hub.store import HubStore
from edge.log import BOOTH_LINES, HUB_LINES
from edge.messages import booth_topic
from edge.settings import Broker
from tests.edge.programs import ear, until
from tests.system.production import MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

COMMON = {"event", "level", "timestamp", "program", "booth"}


def test_one_line_for_each_acquisition_packet_and_acknowledgement(stage: MosquittoStage) -> None:
    def lines(name: str, event: str) -> list[dict[str, Any]]:
        text = (stage.folder / f"{name}.log").read_text()
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    visit = write_visits(read_people(stage.scans))[1]  # a wrong finger among the right ones
    with ear(Broker(port=stage.ports["station"]), booth_topic(BOOTH, "ack")) as acks:
        person = Person(stage.box_broker(), BOOTH, Hand(stage.control))
        person.visit(visit, lambda _: None)
        person.close()
        checker = Checker(stage.folder, stage.scans, BOOTH)
        until(checker.settled, "the hub's last acknowledgement")
        blobs = [blob for packet in checker.packets().values() for blob in packet.blobs.values()]
        checker.close()
        until(lambda: len(acks.on("/ack")) == len(lines("hub", "acknowledgement")), "a line for each word")
    store = HubStore(stage.folder / "hub" / "hub.db", read_only=True)
    rows = store.db.execute("SELECT kind, body FROM entry ORDER BY seq").fetchall()
    store.close()
    judged = [json.loads(row["body"]) for row in rows if row["kind"] in ("attempt.made", "confirmation.made")]
    keys = ("enrolment", "position", "attempt", "decision", "quality", "minutiae")
    acquired = [line for line in lines("booth", "acquisition") if line["quality"] is not None]
    assert [[line[key] for key in keys] for line in acquired] == [
        [body[key] for key in keys] for body in judged
    ]
    assert "wrong-finger" in {line["decision"] for line in acquired}
    sealed = [json.loads(row["body"]) for row in rows if row["kind"] == "enrolment.sealed"]
    wanted = [(body["packet"], body["enrolment"], body["size"]) for body in sealed]
    for name in ("booth", "hub"):
        packets = lines(name, "packet")
        assert [(one["packet"], one["enrolment"], one["size"]) for one in packets] == wanted
    assert sum(line["new"] for line in lines("hub", "acknowledgement")) == len(rows)
    for name, kept in (("booth", BOOTH_LINES), ("hub", HUB_LINES)):
        for event, facts in kept.items():
            assert lines(name, event), f"{name}: {event}"
            assert {frozenset(line) for line in lines(name, event)} == {frozenset({*COMMON, *facts})}
        text = (stage.folder / f"{name}.log").read_text()
        assert visit.identity_number not in text
        assert not any(blob[16:80].hex() in text for blob in blobs)
