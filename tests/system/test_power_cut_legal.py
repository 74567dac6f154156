"""Power cuts by the plan of Circular 60/2021: at each entry of slaps, rolls, a renewal and the station."""

import base64
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.booth import enrolment as core
from edge.booth.enrolment import Enrolment
from edge.demo.check import Checker
from edge.messages import Command, Earlier, Enrol, MarkMissing, Portrait, Review, SingleFingers, State
from edge.packet import OpenedPacket
from fwtools.synthesis import impression
from fwtools.synthesis.rolled import Mishap
from matching import iso19794
from matching.extract import extract
from tests.fwtools.rolls import flat_finger
from tests.fwtools.synthetic import needs_speed
from tests.system.roll_station import laid_flat, roll_of
from tests.system.slap_station import SlapStage, folder_of_scans
from tests.system.test_power_cut import NUMBER, Box, reviewing
from tests.system.test_station import WithGallery, station_is

pytestmark = [pytest.mark.system, needs_speed]

KINDS = {
    core.STARTED,
    core.SLAP,
    core.EARLIER_COMPARED,
    core.STATION_ANSWERED,
    core.ROLLED,
    core.FINDING,
    core.CONFIRMATION,
    core.REVIEWED,
    core.SEALED,
}
BY_HAND = {core.ATTEMPT, core.MISSING}  # where a slap is taken singly, and a finger cannot be rolled
ALL_FINGERS = frozenset(range(1, 11))
PORTRAIT = sha256(b"somebody").hexdigest()


@dataclass
class LegalStage(WithGallery, SlapStage):
    """A booth with the slap scanner, whose station has a gallery."""

    model: str = "slap"
    plan: str = "circular-60-2021"


@pytest.fixture
def box(tmp_path: Path) -> Iterator["LegalBox"]:
    with contextlib.ExitStack() as ends:
        stage = LegalStage(tmp_path, folder_of_scans(tmp_path), mqtt="auto")
        ends.callback(stage.tear_down)
        stage.set_up()
        stage.start_gallery()
        box = LegalBox(stage)
        ends.callback(box.close)
        station_is(box.console, "ready")
        box.console.until(
            lambda: bool(box.console.state and box.console.state.scanner == "ready"), "a scanner"
        )
        yield box


class LegalBox(Box):
    """The person rolls another finger than the first one that is wanted, once."""

    kinds = (*KINDS, *BY_HAND)

    def image(self, state: State) -> str:
        """Make the picture that is asked for."""
        if state.rolling and state.position:
            slipped = any(self.journal.of_kind(core.ROLLED))  # a roll that a cut took is rolled again
            finger = state.position if slipped else state.to_roll[1]
            name, picture = f"rolled-{finger}.tif", roll_of(finger, 1, 1, Mishap.NONE)
        else:
            number = self.impressions[state.confirming]
            fingers = tuple(state.fingers) if state.slap else (state.position or 0,)
            name = f"flat-{'-'.join(map(str, fingers))}-{number}.png"
            picture = laid_flat(fingers, number, 1)
        (self.stage.scans / name).write_bytes(picture)
        return name

    def tell(self, name: str, command: Command) -> None:
        """Give a command; it is cut at its entries, and was answered once."""
        reply = self.console.ask(command, name)
        assert reply.outcome == "accepted", reply.reason
        for kind in self.news():
            self.cut(kind)
        assert self.console.ask(command, name).repeated

    def begin(self, missing: frozenset[int]) -> None:
        """Begin a renewal: the record has the right index."""
        template = extract(impression(flat_finger(1, 2), 3)[0])
        record = Earlier(record=base64.b64encode(iso19794.write(template)).decode(), position=2)
        values: dict[str, Any] = {"missing": dict.fromkeys(sorted(missing), "cut"), "earlier": record}
        self.tell("enrol", Enrol(request_id="r1", identity_number=NUMBER, **values))

    def finish(self) -> OpenedPacket:
        """Review and seal; return what the hub has of it."""
        self.go_on(lambda standing: standing.reviewing and not standing.unsettled)
        portrait = Portrait(sha256=PORTRAIT, taken_at=datetime.now(UTC))
        review = Review(request_id="r9", identity_number=NUMBER, portrait=portrait)
        assert self.console.ask(review, "review").outcome == "accepted"
        self.go_on()
        for kind in self.news():
            self.cut(kind)
        checker = Checker(self.stage.folder, self.stage.scans, self.stage.booth)
        self.console.until(checker.settled, "the hub's last acknowledgement")
        findings = checker.nothing_lost()
        (packet,) = checker.packets().values()
        checker.close()
        assert [finding.text for finding in findings if not finding.good] == []
        assert [f["finding"] for f in packet.manifest["findings"]].count(core.SEQUENCE_ERROR) == 1
        assert packet.manifest["confirmed"] == core.CONFIRMED
        assert packet.manifest["portrait"]["sha256"] == PORTRAIT
        (sealed,) = self.journal.of_kind(core.SEALED)
        assert (sealed.body["renewal"], sealed.body["station"]) == ("same", core.SETTLED)
        return packet


def thumb_is_next(standing: Enrolment) -> bool:
    return standing.wanted() == 15


def left_thumb_is_rolled(standing: Enrolment) -> bool:
    return standing.rolling and standing.wanted() == 6


@pytest.mark.timeout(400)
def test_whenever_the_power_is_cut_a_hand_by_the_legal_plan_goes_on_where_the_person_stood(
    box: LegalBox,
) -> None:
    """Two fingers: one as a slap, one singly; a roll out of order, and a finger that cannot be rolled."""
    box.begin(ALL_FINGERS - {2, 6})
    box.go_on(thumb_is_next)
    box.tell("single-fingers", SingleFingers(request_id="r2", slap=15, reason="webbed"))
    box.go_on(left_thumb_is_rolled)
    box.tell("mark-missing", MarkMissing(request_id="r3", position=6, reason="stiff"))
    packet = box.finish()
    assert Counter(box.cuts) == {
        **dict.fromkeys(KINDS | BY_HAND, 1),
        core.STATION_ANSWERED: 2,
        core.ROLLED: 2,  # another finger, then the right one
        core.FINDING: 2,  # single fingers, and the roll out of order
    }
    assert sorted(one["position"] for one in packet.manifest["samples"]) == [2, 6]
    assert [one["position"] for one in packet.manifest["rolled"]] == [2]
    assert packet.manifest["not_rolled"] == {"6": "stiff"}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_whenever_the_power_is_cut_the_whole_legal_plan_goes_on_where_the_person_stood(box: LegalBox) -> None:
    """Three slaps, ten rolls and one out of order."""
    box.begin(frozenset())
    box.go_on(reviewing)
    packet = box.finish()
    assert Counter(box.cuts) == {
        **dict.fromkeys(KINDS, 1),
        core.SLAP: 3,
        core.STATION_ANSWERED: 10,
        core.ROLLED: 11,
    }
    assert sorted(one["position"] for one in packet.manifest["samples"]) == sorted(ALL_FINGERS)
    assert [one["position"] for one in packet.manifest["rolled"]] == sorted(ALL_FINGERS)
