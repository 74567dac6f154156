"""`vantay enrol` with a slap scanner: slaps refused and taken, missing fingers, killed booths, the packet."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.booth import enrolment as core
from edge.journal import Journal
from edge.messages import JournalEntry
from edge.store import Store
from matching import fir2005
from matching.finger_image import pixels_of
from tests.fwtools.synthetic import needs_speed
from tests.system.production import Console, kill_booth, only_packet
from tests.system.slap_station import Hands, SlapStage, folder_of_scans
from tests.system.test_enrol import NUMBER, Terminal

pytestmark = [pytest.mark.system, pytest.mark.timeout(300), needs_speed]

RIGHT, LEFT, THUMBS = (2, 3, 4, 5), (7, 8, 9, 10), (1, 6)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SlapStage]:
    stage = SlapStage(tmp_path, folder_of_scans(tmp_path), mqtt="auto")
    try:
        stage.set_up()
        yield stage
    finally:
        stage.tear_down()


@pytest.fixture
def hands(stage: SlapStage, console: Console) -> Iterator[Hands]:
    hands = Hands(stage, console)
    yield hands
    hands.close()


@pytest.fixture
def begin(stage: SlapStage, console: Console) -> Iterator[Callable[[str], Terminal]]:
    started: list[Terminal] = []

    def begin(missing: str) -> Terminal:
        terminal = Terminal(stage)
        started.append(terminal)
        terminal.reads("identity number: ", console)
        terminal.type(NUMBER)
        terminal.type(missing)
        return terminal

    yield begin
    for terminal in started:
        terminal.kill()


def finish(stage: SlapStage, console: Console, terminal: Terminal, fingers: int) -> list[JournalEntry]:
    """Review; return the journal's entries of slaps."""
    terminal.reads("the person's identity number once more", console)
    terminal.type(NUMBER)
    terminal.type("- no camera here")
    terminal.reads(f"enrolled with {fingers} fingers", console)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.said()
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    entries = [entry for entry in Journal(store).read() if entry.kind == core.SLAP]
    store.close()
    return entries


def test_slaps_are_refused_and_taken_and_sealed_whole_and_by_finger(
    stage: SlapStage, console: Console, hands: Hands, begin: Callable[[str], Terminal]
) -> None:
    terminal = begin("")
    terminal.reads("[0/10] place the four right fingers together on the scanner", console)
    state = hands.place(2, 3, 5)
    assert (state.slap, state.fingers, state.position, state.accepted) == (13, list(RIGHT), None, [])
    terminal.reads("3 fingers are seen and 4 are expected (right index, right middle, right ring", console)
    terminal.reads("lay all of them down flat, or say which one is missing: place the four right", console)
    state = hands.place(*LEFT)
    terminal.reads("this looks like the left hand: place the four right fingers together", console)
    assert (state.attempt, state.alarm) == (1, None), "no attempt is used up"
    kill_booth(stage, console)
    assert hands.place(*RIGHT).accepted == list(RIGHT)
    terminal.reads("[4/10] place the four left fingers together on the scanner", console)
    kill_booth(stage, console)
    assert console.state
    assert (console.state.slap, console.state.accepted) == (14, list(RIGHT)), "an accepted sample is not lost"
    state = hands.place(*RIGHT, impression=2)
    terminal.reads(
        "here lies what was taken as right index, right middle, right ring and right little", console
    )
    assert hands.place(*LEFT).accepted == sorted((*RIGHT, *LEFT))
    assert hands.place(*THUMBS, artefact=70).accepted == list(range(1, 11)), "a score decides nothing"
    terminal.reads("once more, to confirm who is here", console)
    asked = console.asked_again()
    state = hands.place(*RIGHT)
    terminal.reads(
        "4 fingers are seen and one is expected: lay down one finger alone, flat: place the", console
    )
    assert (state.confirming, state.attempt, state.slap) == (True, 1, None)
    hands.place(asked, impression=2)
    entries = finish(stage, console, terminal, 10)
    assert [(entry.body["slap"], entry.body["decision"]) for entry in entries] == [
        (13, core.REFUSED),
        (13, core.WRONG_HAND),
        (13, core.ACCEPTED),
        (14, core.WRONG_FINGER),
        (14, core.ACCEPTED),
        (15, core.ACCEPTED),
    ]
    attack = {"score": 70, "detector": "virtual 2"}
    assert [entry.body.get("attack") for entry in entries] == [None] * 5 + [attack]
    packet = only_packet(stage, console)
    of_samples = {sample["position"]: sample.get("attack") for sample in packet.manifest["samples"]}
    assert of_samples == {p: attack if p in THUMBS else None for p in range(1, 11)}
    slaps = {slap["position"]: slap for slap in packet.manifest["slaps"]}
    assert {position: sorted(map(int, slap["fingers"])) for position, slap in slaps.items()} == {
        13: list(RIGHT),
        14: list(LEFT),
        15: list(THUMBS),
    }
    samples = {sample["position"]: sample["sample"] for sample in packet.manifest["samples"]}
    assert samples == {int(p): sample for slap in slaps.values() for p, sample in slap["fingers"].items()}
    assert sorted(packet.blobs) == sorted(
        [f"{p}.fir" for p in (*range(1, 11), 13, 14, 15)] + [f"{p}.fmr" for p in range(1, 11)]
    )
    (image,) = fir2005.read(packet.blobs["13.fir"])
    assert (pixels_of(image).shape, image.position) == ((1500, 1600), 13)


def test_a_finger_known_to_be_missing_is_not_waited_for(
    stage: SlapStage, console: Console, hands: Hands, begin: Callable[[str], Terminal]
) -> None:
    terminal = begin("4=amputated, 1=bandaged")
    terminal.reads(
        "[0/8] place the right index, right middle and right little together on the scanner", console
    )
    hands.place(*RIGHT)
    terminal.reads("4 fingers are seen and 3 are expected (right index, right middle, right little)", console)
    assert hands.place(2, 3, 5).accepted == [2, 3, 5]
    hands.place(*LEFT)
    terminal.reads("[7/8] place the left thumb on the scanner", console)
    terminal.type("missing 6 cut a minute ago")
    terminal.reads("once more, to confirm who is here", console)
    hands.place(console.asked_again(), impression=2)
    finish(stage, console, terminal, 7)
    packet = only_packet(stage, console)
    assert packet.manifest["missing"] == {"1": "bandaged", "4": "amputated", "6": "cut a minute ago"}
    assert [slap["position"] for slap in packet.manifest["slaps"]] == [13, 14]


def test_a_slap_that_cannot_be_split_is_taken_finger_by_finger(
    stage: SlapStage, console: Console, hands: Hands, begin: Callable[[str], Terminal]
) -> None:
    terminal = begin(", ".join(f"{position}=cut" for position in (1, 4, 5, 6, 7, 8, 9, 10)))
    terminal.reads("[0/2] place the right index and right middle together on the scanner", console)
    for _ in range(3):
        hands.place(2, 3, 4)
    terminal.reads("(a supervisor may have single fingers taken): place the right index", console)
    terminal.type("single 13 webbed fingers")
    terminal.reads("[0/2] place the right index on the scanner", console)
    kill_booth(stage, console)
    assert hands.place(2).accepted == [2]
    assert hands.place(3).accepted == [2, 3]
    hands.place(console.asked_again(), impression=2)
    finish(stage, console, terminal, 2)
    packet = only_packet(stage, console)
    assert sorted(packet.blobs) == ["2.fir", "2.fmr", "3.fir", "3.fmr"]
    (found,) = [f for f in packet.manifest["findings"] if f["finding"] == "single-fingers"]
    assert "because: webbed fingers" in found["text"]


def test_wherever_the_booth_is_killed_it_goes_on_at_the_right_slap(
    stage: SlapStage, console: Console, hands: Hands, begin: Callable[[str], Terminal]
) -> None:
    terminal = begin("8=stiff")
    terminal.reads("[0/9] place the four right fingers together on the scanner", console)

    def stands(slap: int | None, fingers: list[int], accepted: list[int], attempt: int = 1) -> None:
        kill_booth(stage, console)
        state = console.state
        assert state
        assert (state.slap, state.fingers, state.accepted) == (slap, fingers, accepted)
        assert state.attempt == attempt

    stands(13, list(RIGHT), [])
    hands.place(2, 3, 4)
    stands(13, list(RIGHT), [])
    hands.place(*RIGHT)
    stands(14, [7, 9, 10], list(RIGHT))
    hands.place(7, 9, 10)
    stands(15, list(THUMBS), [*RIGHT, 7, 9, 10])
    hands.place(*THUMBS)
    stands(None, [], [*range(1, 8), 9, 10])
    hands.place(console.asked_again(), impression=2)
    terminal.reads("the person's identity number once more", console)
    kill_booth(stage, console)
    entries = finish(stage, console, terminal, 9)
    assert [entry.body["decision"] for entry in entries] == [core.REFUSED] + [core.ACCEPTED] * 3
