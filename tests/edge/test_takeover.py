"""A spare box goes on with the journal of one that is gone, and the old one is refused when it comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import enrolment
from edge.booth.reporter import CURSOR
from edge.booth.station import StationDesk
from edge.booth.station_answer import SETTLED_LATER
from edge.cli import main
from edge.errors import BadCommand
from edge.hub.export import Span, lines
from edge.hub.ledger import Ledger
from edge.hub.status import status_of
from edge.hub.store import HubStore
from edge.journal import Journal
from edge.settings import BoothSettings
from edge.store import Store
from edge.takeover import TOOK_OVER, Taken, take_over
from edge.vault import Vault
from tests.edge.parts import AT, CLOCK, chain, make_keys, steady

BOOTH = "b-1"
P0, P1 = "a0" * 32, "a1" * 32  # packets
STARTED: dict[str, Any] = {
    "enrolment": "e2",
    "subject": "s2",
    "positions": [1, 2],
    "missing": {},
    "attempts_allowed": 3,
    "quality_wanted": {"1": 40, "2": 40},
    "fingers_to_tell": 2,
    "plan": "",
    "operator": None,
    "confirm": False,
    "review": False,
    "portrait": False,
}


@pytest.fixture
def old(tmp_path: Path) -> Journal:
    """The box that is gone: two sealed, one of their packets acknowledged, one subject half captured."""
    (tmp_path / "old").mkdir()
    journal = Journal(Store(tmp_path / "old" / "booth.db"))
    for kind, body in (
        ("booth.started", {"release": "0.1.0"}),
        (
            enrolment.SEALED,
            {
                "enrolment": "e0",
                "subject": "s0",
                "outcome": "enrolled",
                "packet": P0,
                "size": 7,
                "samples": {},
            },
        ),
        ("packet.acknowledged", {"packet": P0, "size": 7}),
        (
            enrolment.SEALED,
            {
                "enrolment": "e1",
                "subject": "s1",
                "outcome": "enrolled",
                "packet": P1,
                "size": 7,
                "samples": {},
            },
        ),
        (enrolment.STARTED, STARTED),
    ):
        journal.append(kind, body, AT, CLOCK)
    return journal


@pytest.fixture
def hub(tmp_path: Path, old: Journal) -> Ledger:
    """The hub, which has all of it."""
    (tmp_path / "hub").mkdir()
    ledger = Ledger(HubStore(tmp_path / "hub" / "hub.db"))
    for entry in old.read():
        assert ledger.take(BOOTH, entry, AT) == "new"
    return ledger


@pytest.fixture
def exported(tmp_path: Path, hub: Ledger) -> list[bytes]:
    return list(lines(HubStore(tmp_path / "hub" / "hub.db"), BOOTH, Span(None, None)))


@pytest.fixture
def spare(tmp_path: Path) -> Store:
    return Store(tmp_path / "booth.db")


def test_the_hub_sees_one_journal_go_on_and_refuses_the_old_box(
    old: Journal, hub: Ledger, exported: list[bytes], spare: Store
) -> None:
    taken = take_over(spare, exported, BOOTH, AT, CLOCK)
    assert taken == Taken(5, "e2", (P1,))
    journal = Journal(spare)
    assert journal.verify() == 7
    assert [entry.hash for entry in journal.read()][:5] == [entry.hash for entry in old.read()]
    assert [entry.kind for entry in journal.read(5)] == [enrolment.ABANDONED, TOOK_OVER]
    assert spare.cursor_at(CURSOR) == 5, "what the hub has is not sent again"
    assert journal.enrolled_before("s0") is not None
    assert enrolment.fold((entry.kind, entry.body) for entry in journal.read()) is None
    for entry in journal.read(5):
        assert hub.take(BOOTH, entry, AT) == "new"
    beyond = old.append("attempt.made", {"enrolment": "e2"}, AT, CLOCK)
    assert hub.take(BOOTH, beyond, AT) == "refused"


def test_what_the_station_can_never_say_is_recorded_once_and_counts_no_longer(
    tmp_path: Path, old: Journal, hub: Ledger, spare: Store
) -> None:
    sealed = {"outcome": "enrolled", "size": 7, "samples": {}, "station": "unsettled"}
    for number in (3, 4):
        body = {"enrolment": f"e{number}", "subject": "aa", "packet": f"{number:064x}", **sealed}
        old.append(enrolment.SEALED, body, AT, CLOCK)
    old.append(SETTLED_LATER, {"enrolment": "e3", "subject": "aa", "known_as": None}, AT, CLOCK)
    for entry in old.read(5):
        assert hub.take(BOOTH, entry, AT) == "new"
    store = HubStore(tmp_path / "hub" / "hub.db")
    exported = list(lines(store, BOOTH, Span(None, None)))
    assert take_over(spare, exported, BOOTH, AT, CLOCK).unsettled == ("e4",)
    journal = Journal(spare)
    _, said = journal.of_kind(SETTLED_LATER)
    assert (said.body["enrolment"], said.body["known_as"], said.body["people"]) == ("e4", None, 0)
    assert "is enrolled elsewhere is not known" in str(said.body["text"])
    settings = BoothSettings(booth=BOOTH, data=tmp_path, keys=tmp_path)
    desk = StationDesk(settings, None, journal, Vault(spare, bytes(32)), lambda *_: True)
    assert (desk.unsettled, desk.alarms) == (0, [])
    for entry in journal.read(8):
        assert hub.take(BOOTH, entry, AT) == "new"
    assert status_of(store)["booths"][0]["unsettled"] == 0


def test_a_box_that_has_run_takes_nothing_over(exported: list[bytes], spare: Store) -> None:
    Journal(spare).append("booth.started", {}, AT, CLOCK)
    with pytest.raises(BadCommand, match="has a journal of 1 entries"):
        take_over(spare, exported, BOOTH, AT, CLOCK)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda all: all[1:], "line 1 is not entry 1 of this journal"),
        (lambda all: [*all[:2], *all[3:]], "line 3 is not entry 3"),
        (lambda all: [*all[:1], all[1].replace(b'"s0"', b'"s9"'), *all[2:]], "line 2 is not entry 2"),
        (lambda all: [*all[:1], all[1][:-9], *all[2:]], "line 2 is no entry of 'vantay hub export'"),
        (lambda all: [line.replace(b'"b-1"', b'"b-2"') for line in all], "line 1 is of booth b-2, and this"),
        (lambda all: [], "holds no entry"),
        (lambda all: all[:3], "ends with entry 3 and does not say that the hub held no more: it was cut"),
        (
            lambda all: [*all[:4], all[4].replace(b'"last_of":5', b'"last_of":6')],
            "ends with entry 5 and does",
        ),
    ],
)
def test_a_journal_that_is_not_whole_is_refused_and_nothing_is_written(
    exported: list[bytes], spare: Store, damage: Any, said: str
) -> None:
    with pytest.raises(BadCommand, match=said):
        take_over(spare, damage(exported), BOOTH, AT, CLOCK)
    assert Journal(spare).tail()[0] == 0
    assert spare.cursor_at(CURSOR) == 0


@steady(60)
@given(st.data())
def test_whatever_is_changed_in_the_file_nothing_half_is_taken(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    journal = Journal(Store(folder / "old.db"))
    for n in range(4):
        journal.append("test", {"n": n}, AT, CLOCK)
    whole = [json.dumps({**json.loads(e.payload()), "booth": BOOTH}).encode() for e in journal.read()]
    whole[-1] = whole[-1][:-1] + b', "last_of": 4}'
    line = data.draw(st.integers(0, 3))
    place = data.draw(st.integers(0, len(whole[line]) - 1))
    changed = bytearray(whole[line])
    changed[place] ^= data.draw(st.integers(1, 255))
    spare = Store(folder / "spare.db")
    try:
        take_over(spare, [*whole[:line], bytes(changed), *whole[line + 1 :]], BOOTH, AT, CLOCK)
    except BadCommand:
        assert Journal(spare).tail()[0] == 0
    else:
        assert [entry.hash for entry in Journal(spare).read()][:4] == [e.hash for e in journal.read()]


def test_each_booths_last_entry_says_that_it_is_and_what_was_cut_before_does_not(
    tmp_path: Path, hub: Ledger, exported: list[bytes], spare: Store
) -> None:
    (other,) = chain([{"n": 1}])
    assert hub.take("a-0", other, AT) == "new"
    store = HubStore(tmp_path / "hub" / "hub.db")
    said = [json.loads(line) for line in lines(store, None, Span(None, None))]
    assert [(one["booth"], one["seq"], one.get("last_of")) for one in said] == [
        ("a-0", 1, 1),
        *((BOOTH, seq, None) for seq in range(1, 5)),
        (BOOTH, 5, 5),
    ]
    cut = list(lines(store, BOOTH, Span(None, "5")))
    assert b"last_of" not in b"".join(cut)
    assert [json.loads(line).get("last_of") for line in lines(store, BOOTH, Span("4", None))] == [None, 2]
    assert take_over(spare, cut, BOOTH, AT, CLOCK, without_end=True).entries == 5
    for first, last in (
        ("3", "2"),
        ("2026-01-06", "2026-01-05"),
        ("2026-01-05T08:00:01Z", "2026-01-05T08:00:00Z"),
    ):
        with pytest.raises(BadCommand, match=f"--from {first} is later than --to {last}"):
            Span(first, last)
    for first, last in (("3", "3"), ("2026-01-05", "2026-01-05"), ("9", "2026-01-05")):
        Span(first, last)


def test_the_command_says_what_was_lost(
    tmp_path: Path, exported: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    make_keys(tmp_path)
    (tmp_path / "data").mkdir()
    config = tmp_path / "booth.toml"
    config.write_text(f'booth = "{BOOTH}"\ndata = "data"\nkeys = "keys"\n')
    assert main(["takeover", str(tmp_path / "nowhere"), "--config", str(config)]) == 2
    assert "cannot be read" in capsys.readouterr().err
    file = tmp_path / "entries.jsonl"
    file.write_bytes(b"".join(exported[:4]))
    assert main(["takeover", str(file), "--config", str(config)]) == 2
    assert "it was cut" in capsys.readouterr().err
    file.write_bytes(b"".join(exported).replace(b',"last_of":5', b""))  # as an earlier release wrote it
    assert main(["takeover", str(file), "--config", str(config)]) == 2
    assert main(["takeover", str(file), "--without-end", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "b-1 goes on here after entry 5" in said
    assert "enrolment e2 stood open and was given up" in said
    assert f"packet {P1} may not be at the hub" in said
    assert main(["takeover", str(file), "--config", str(config)]) == 2
    assert "has a journal of 7 entries" in capsys.readouterr().err
