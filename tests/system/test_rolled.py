"""`vantay enrol` by the plan of Circular 60/2021: slaps, then ten rolled fingers, to the sealed packet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.booth import enrolment as core
from edge.journal import Journal
from edge.messages import JournalEntry
from edge.store import Store
from fwtools.synthesis.rolled import Mishap
from matching import fir2005, iso19794
from matching.finger_image import pixels_of
from matching.views import impressions
from tests.fwtools.synthetic import needs_speed
from tests.system.production import Console, only_packet
from tests.system.roll_station import RollingHands
from tests.system.slap_station import SlapStage, cut_power, folder_of_scans
from tests.system.test_enrol import NUMBER, Terminal
from tests.system.test_slaps import LEFT, RIGHT, THUMBS

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), needs_speed]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SlapStage]:
    stage = SlapStage(tmp_path, folder_of_scans(tmp_path), mqtt="auto", plan="circular-60-2021")
    try:
        stage.set_up()
        yield stage
    finally:
        stage.tear_down()


@pytest.fixture
def hands(stage: SlapStage, console: Console) -> Iterator[RollingHands]:
    hands = RollingHands(stage, console)
    yield hands
    hands.close()


@pytest.fixture
def terminal(stage: SlapStage, console: Console) -> Iterator[Terminal]:
    terminal = Terminal(stage)
    terminal.reads("identity number: ", console)
    terminal.type(NUMBER)
    yield terminal
    terminal.kill()


def finish(stage: SlapStage, console: Console, terminal: Terminal, said: str) -> list[JournalEntry]:
    """Review; return the journal's entries."""
    terminal.reads("the person's identity number once more", console)
    terminal.type(NUMBER)
    terminal.type("- no camera here")
    terminal.reads(said, console)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.said()
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    entries = list(Journal(store).read())
    store.close()
    return entries


def test_from_slaps_to_ten_rolled_fingers_and_a_sealed_packet(
    stage: SlapStage, console: Console, hands: RollingHands, terminal: Terminal
) -> None:
    terminal.type("")
    terminal.reads("[0/20] place the four right fingers together on the scanner", console)
    for slap in (RIGHT, LEFT, THUMBS):
        hands.place(*slap)
    terminal.reads("[10/20] roll the right thumb over the scanner, from nail to nail", console)
    state = hands.roll(1, mishap=Mishap.BACK)
    terminal.reads("the finger was rolled back: roll it in one direction only: roll the right thumb", console)
    assert (state.rolling, state.attempt, state.rolled) == (True, 2, [])
    hands.roll(1)
    terminal.reads("[11/20] roll the right index", console)
    state = hands.roll(3)
    terminal.reads(
        "ALARM: the finger rolled as right index matches the plain right middle, and not the plain right",
        console,
    )
    assert (state.position, state.attempt, state.hint) == (2, 1, "this is the finger taken as right middle")
    assert hands.roll(2).alarm is None
    for position in range(3, 11):
        hands.roll(position)
    assert console.state
    assert console.state.rolled == list(range(1, 11))
    terminal.reads("once more, to confirm who is here", console)
    hands.place(console.asked_again(), impression=2)
    entries = finish(stage, console, terminal, "enrolled with 10 fingers and 10 rolled")
    decisions = [(e.body["position"], e.body["decision"]) for e in entries if e.kind == core.ROLLED]
    assert decisions[:4] == [(1, core.RETRY), (1, core.ACCEPTED), (2, core.WRONG_FINGER), (2, core.ACCEPTED)]
    packet = only_packet(stage, console)
    assert [one["position"] for one in packet.manifest["rolled"]] == list(range(1, 11))
    assert {one["impression"] for one in packet.manifest["rolled"]} == {"rolled"}
    assert {one["control"] for one in packet.manifest["rolled"]} == {"own"}
    assert [f["finding"] for f in packet.manifest["findings"]] == [core.SEQUENCE_ERROR, core.NO_PORTRAIT]
    for position in range(1, 11):
        plain, rolled = (packet.blobs[f"{position}{kind}.fmr"] for kind in ("", "-rolled"))
        flat, round_ = iso19794.read(plain), iso19794.read(rolled)
        assert (flat.position, round_.position) == (position, position)
        assert impressions(plain, 24, 1) == [0]
        assert impressions(rolled, 24, 1) == [1]
        (image,) = fir2005.read(packet.blobs[f"{position}-rolled.fir"])
        assert (image.position, image.impression, image.quality) == (position, 1, round_.quality)
        assert pixels_of(image).shape[1] == image.width == round_.width > flat.width


def stands(stage: SlapStage, console: Console, wanted: int, *, rolled: tuple[int, ...] | None = None) -> None:
    """Kill everything in the box: it goes on at this slap or finger; `rolled`: kept, while rolling."""
    assert console.state
    before = console.state
    cut_power(stage, console)
    state = console.state
    assert (state.slap or state.position, state.rolling) == (wanted, rolled is not None)
    assert (state.accepted, state.rolled) == (before.accepted, list(rolled or ()))
    assert (state.attempt, state.alarm, state.confirming) == (before.attempt, before.alarm, before.confirming)


def test_whenever_the_power_is_cut_it_goes_on_at_the_right_slap(
    stage: SlapStage, console: Console, hands: RollingHands, terminal: Terminal
) -> None:
    terminal.type("1=cut, 4=cut, 5=cut, 7=cut, 8=cut, 9=cut, 10=cut")
    terminal.reads("[0/6] place the right index and right middle together on the scanner", console)
    stands(stage, console, 13)
    hands.place(2, 3, 4)
    stands(stage, console, 13)
    assert hands.place(2, 3).accepted == [2, 3]
    stands(stage, console, 15)
    assert hands.place(6).accepted == [2, 3, 6]
    stands(stage, console, 2, rolled=())
    terminal.reads("[3/6] roll the right index over the scanner", console)


def test_whenever_the_power_is_cut_it_goes_on_at_the_right_roll(
    stage: SlapStage, console: Console, hands: RollingHands, terminal: Terminal
) -> None:
    terminal.type("1=cut, 3=cut, 4=cut, 5=cut, 7=cut, 8=cut, 9=cut, 10=cut")
    terminal.reads("[0/4] place the right index on the scanner", console)
    hands.place(2)
    hands.place(6)
    assert hands.roll(2, mishap=Mishap.SHORT).attempt == 2
    stands(stage, console, 2, rolled=())
    assert hands.roll(2).rolled == [2]
    stands(stage, console, 6, rolled=(2,))
    assert hands.roll(2).alarm == (
        "the finger rolled as left thumb matches the plain right index, and not the plain left thumb"
    )
    stands(stage, console, 6, rolled=(2,))
    terminal.type("missing 6 stiff")
    terminal.reads("once more, to confirm who is here", console)
    hands.place(console.asked_again(), impression=2)
    terminal.reads("the person's identity number once more", console)
    cut_power(stage, console)
    entries = finish(stage, console, terminal, "enrolled with 2 fingers and 1 rolled")
    decisions = [e.body["decision"] for e in entries if e.kind == core.ROLLED]
    assert decisions == [core.RETRY, core.ACCEPTED, core.WRONG_FINGER]
    packet = only_packet(stage, console)
    assert [one["position"] for one in packet.manifest["rolled"]] == [2]
    assert packet.manifest["not_rolled"] == {"6": "stiff"}
    assert sorted(packet.manifest["missing"]) == ["1", "10", "3", "4", "5", "7", "8", "9"]


def test_a_sequence_error_is_overridden_and_what_matches_nothing_is_kept_and_marked(
    stage: SlapStage, console: Console, hands: RollingHands, terminal: Terminal
) -> None:
    terminal.type("1=cut, 4=cut, 5=cut, 6=cut, 7=cut, 8=cut, 9=cut, 10=cut")
    terminal.reads("[0/4] place the right index and right middle together on the scanner", console)
    hands.place(2, 3)
    terminal.reads("roll the right index", console)
    hands.roll(3)
    terminal.reads("ALARM: the finger rolled as right index matches the plain right middle", console)
    terminal.type("override the plain ones were laid down crosswise")
    console.until(lambda: bool(console.state and console.state.alarm is None), "the end of the alarm")
    assert hands.roll(3, impression=2).rolled == [2]
    state = hands.roll(2, subject=2)
    assert (state.position, state.attempt, state.hint) == (3, 1, "once more, to be sure")
    assert hands.roll(2, subject=2, impression=2).rolled == [2, 3]
    terminal.reads("look: the rolled right middle that is kept matches not even the plain", console)
    hands.place(console.asked_again(), impression=2)
    alarm = "1 rolled finger matches none of the plain ones (right middle): look whether the same person"
    terminal.reads(f"ALARM: {alarm}", console)
    terminal.type("override she rolled it herself")
    finish(stage, console, terminal, "enrolled with 2 fingers and 2 rolled")
    packet = only_packet(stage, console)
    found = [(f["finding"], f["position"]) for f in packet.manifest["findings"]]
    assert found == [
        (core.SEQUENCE_ERROR, 2),
        (core.OVERRIDDEN, 2),
        (core.UNDETERMINED, 2),
        (core.UNDETERMINED, 3),
        (core.OVERRIDDEN, 0),
        (core.NO_PORTRAIT, 0),
    ]
    assert {one["control"] for one in packet.manifest["rolled"]} == {"undetermined"}
