"""Appointments by a command: each line once, moved or refused with a sentence, no slot beyond its cap."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.bookings import COLUMNS
from edge.campaign.definition import Calendar, ShiftHours
from edge.cli import main
from edge.hub.campaign import read_lists
from edge.hub.reading import opened, writable
from edge.hub.slots import SlotBook, span_of
from edge.hub.tables import Tables
from edge.settings import HubSettings, read_settings
from tests.edge.hub.hubs import database
from tests.edge.parts import steady, undone

UNITS = (
    "district_code,district,commune_code,commune,kind\n"
    "003,Tây Hồ,00091,Phú Thượng,phuong\n003,Tây Hồ,00094,Nhật Tân,phuong\n001,Ba Đình,00001,Phúc Xá,phuong\n"
)
CONFIG = """{database}data = "hub"
[campaign]
name = "Order 01"
legal_basis = ["Order 01"]
start = 2021-05-01
units = "units.csv"
[campaign.targets.all]
title = "the list"
total = 1000
"""
SLOTS = """[campaign.slots]
minutes = 60
cap = 25
shifts = [
    {opens = 07:30:00, closes = 11:30:00},
    {opens = 13:00:00, closes = 17:00:00, weekdays = [1, 2, 3, 4, 5]},
]
"""
HAMLETS = "unit,hamlet,cap\n00091,Thôn 1,\n00091,Thôn 2,10\n"
SATURDAY = date(2021, 5, 29)


class Station:
    """A hub's settings, and the command."""

    def __init__(self, folder: Path, url: str | None) -> None:
        (folder / "hub").mkdir()
        (folder / "units.csv").write_text(UNITS)
        (folder / "hamlets.csv").write_text(HAMLETS)
        self.folder, self.config = folder, folder / "hub.toml"
        self.before = CONFIG.format(database=database(url))
        self.config.write_text(self.before + SLOTS)

    def know_hamlets(self) -> None:
        self.config.write_text(f'{self.before}{SLOTS}hamlets = "hamlets.csv"\n')

    def plan(self, *lines: str, head: str = ",".join(COLUMNS)) -> int:
        (self.folder / "plan.csv").write_text("\n".join([head, *lines, ""]))
        return main(["hub", "slots", str(self.folder / "plan.csv"), "--config", str(self.config)])

    def listed(self, *words: str) -> None:
        assert main(["hub", "slots", "--json", *words, "--config", str(self.config)]) == 0

    @property
    def settings(self) -> HubSettings:
        return read_settings(self.config, HubSettings)


@pytest.fixture
def station(tmp_path: Path, url: str | None) -> Station:
    return Station(tmp_path, url)


def test_a_plan_is_taken_once_and_beyond_the_cap_refused(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "a-1,00091,Thôn 1,2021-05-29 07:30,20",
        "a-2,00091,Thôn 1,2021-05-29 07:30,5",
        "a-3,00091,Thôn 1,2021-05-29 07:30,1",
        "a-4,00091,Thôn 2,2021-05-29 07:30,25",
        "a-5,00091,Thôn 1,2021-05-29 13:00,1",
        "a-6,00091,Thôn 1,2021-05-28T13:00,1",
    ]
    assert station.plan(*lines) == 1
    told = capsys.readouterr()
    assert told.out == "new=4 known=0 moved=0 refused=2\n"
    assert told.err.splitlines() == [
        "line 4: the slot at 2021-05-29 07:30 takes 25 people, 25 are booked: choose another",
        "line 6: no slot begins at 2021-05-29 13:00: nobody works then",
    ]
    assert station.plan(*lines) == 1
    assert capsys.readouterr().out == "new=0 known=4 moved=0 refused=2\n"
    assert station.plan("a-1,00091,Thôn 1,2021-05-29 08:30,20", "a-4,00091,Thôn 2,2021-05-29 07:30,0") == 0
    assert capsys.readouterr().out == "new=0 known=0 moved=2 refused=0\n"
    assert station.plan(*lines[2:3]) == 0, "there is room now"


def test_the_list_says_what_is_free_of_known_hamlets_with_their_own_caps(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    assert station.plan("1,00001,Xóm  Chùa,2021-05-29 07:30,3", "2,00091,Thôn 2,2021-05-29 09:30,12") == 0
    station.know_hamlets()
    assert station.plan("3,00091,Thôn 2,2021-05-29 07:30,11", "4,00091,Thôn 3,2021-05-29 07:30,1") == 1
    assert capsys.readouterr().err.splitlines() == [
        "line 2: the slot at 2021-05-29 07:30 takes 10 people, 0 are booked: choose another",
        "line 3: Thôn 3 is no hamlet of 00091 in the list of hamlets",
    ]
    station.listed("--from", "2021-05-29", "--to", "2021-05-29")
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 3 * 4, "three hamlets, four slots on a Saturday"
    found = {(row["hamlet"], row["begin"]): (row["booked"], row["cap"], row["free"]) for row in rows}
    assert found["Xóm Chùa", "2021-05-29 07:30"] == (3, 25, 22)
    assert found["Thôn 1", "2021-05-29 10:30"] == (0, 25, 25)
    assert found["Thôn 2", "2021-05-29 09:30"] == (12, 10, -2), "booked before the cap was lowered"
    station.listed("--from", "2021-05-28", "--to", "2021-05-29", "--unit", "001")
    assert {row["unit"] for row in json.loads(capsys.readouterr().out)} == {"00001"}
    words = ["--from", "2021-05-29", "--to", "2021-05-29", "--config", str(station.config)]
    assert main(["hub", "slots", *words]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["unit", "hamlet", "slot", "booked", "cap", "free"]
    assert table[-1] == "00001 Phúc Xá; 00091 Phú Thượng"


def test_a_hamlet_has_one_cap_however_it_is_spelled(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    at = "2021-05-29 07:30"
    lines = [
        f"a-{n},00091,{name},{at},10" for n, name in enumerate(["Thôn 3", "THÔN 3", "Thon 3", "thôn  3"])
    ]
    assert station.plan(*lines) == 1
    full = f"the slot at {at} takes 25 people, 20 are booked: choose another"
    assert capsys.readouterr().err.splitlines() == [f"line 4: {full}", f"line 5: {full}"]
    assert station.plan(*lines[:2], f"b,00091,Thôn 4,{at},25", f"c,00094,Thôn 3,{at},25") == 0
    station.listed("--from", "2021-05-29", "--to", "2021-05-29", "--unit", "00091")
    rows = {
        (row["hamlet"], row["begin"]): row for row in json.loads(capsys.readouterr().out.splitlines()[-1])
    }
    assert rows["Thôn 3", at]["booked"] == rows["THÔN 3", at]["booked"] == 20, "names stay as they were typed"
    assert rows["Thôn 4", at]["free"] == 0
    assert station.plan(f"a-1,00091,THÔN 3,{at},15") == 0, "its own people are not in its way"
    assert station.plan(f"a-1,00091,THÔN 3,{at},16") == 1


def test_hamlets_that_tones_tell_apart_are_two_and_one_typed_without_counts_for_both(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    at = "2021-05-29 07:30"
    assert station.plan(f"1,00091,Xóm Hạ,{at},20", f"2,00091,Xóm Hà,{at},20", f"3,00091,Xom Ha,{at},1") == 1
    assert "takes 25 people, 40 are booked" in capsys.readouterr().err
    assert station.plan(f"4,00091,Xom Ha,{at.replace('07', '08')},20") == 0
    assert station.plan(f"5,00091,Xóm Hạ,{at.replace('07', '08')},6") == 1
    assert station.plan(f"6,00091,Xóm Đông,{at},25", f"7,00091,XOM DONG,{at},1") == 1
    assert "line 3: the slot" in capsys.readouterr().err


def test_the_list_of_hamlets_tells_apart_and_older_spellings_count(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    at = "2021-05-29 07:30"
    assert station.plan(f"1,00091,THON 1,{at},20") == 0
    (station.folder / "hamlets.csv").write_text("unit,hamlet,cap\n00091,Thôn 1,\n00091,Hạ,\n00091,Ha,\n")
    station.know_hamlets()
    assert station.plan(f"2,00091,Thôn 1,{at},6", f"3,00091,Ha,{at},25", f"4,00091,Hạ,{at},25") == 1
    assert capsys.readouterr().err == (
        f"line 2: the slot at {at} takes 25 people, 20 are booked: choose another\n"
    )


WRONG = {
    "1 2,00091,A,2021-05-29 07:30,1": "the id must be 1 to 60 letters",
    "001090000001,00091,A,2021-05-29 07:30,1": "the id looks like an identity number",
    "1,003,A,2021-05-29 07:30,1": "no commune has the code 003",
    "1,,A,2021-05-29 07:30,1": "no commune has the code (empty)",
    "1,00091,,2021-05-29 07:30,1": "the hamlet must be 1 to 60 characters",
    "1,00091,A,2021-05-29,1": "begin must be a day and a local time",
    "1,00091,A,2021-05-29 07:30+07:00,1": "begin must be a day and a local time",
    "1,00091,A,2021-05-29 07:30:30,1": "no slot begins at 2021-05-29 07:30",
    "1,00091,A,2020-05-29 07:30,1": "2020-05-29 is not a day of the campaign",
    "1,00091,A,2021-05-29 07:30,-1": "people must be a whole number from 0 to 1000",
    "1,00091,A,2021-05-29 07:30,1e3": "people must be a whole number from 0 to 1000",
    "1,00091": "the hamlet must be",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    assert Station(tmp_path, None).plan(line) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"line 2: {WRONG[line]}")
    assert told.out == "new=0 known=0 moved=0 refused=1\n"


def test_who_lists_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = Station(tmp_path, None)
    words = ["hub", "slots", "--from", "2021-05-29", "--to", "2021-05-29", "--config", str(station.config)]
    assert main(words) == 2
    assert "hub.db does not exist" in capsys.readouterr().err
    assert not (tmp_path / "hub" / "hub.db").exists()
    assert station.plan("1,00091,A,2021-05-29 07:30,1") == 0
    writer = writable(tmp_path / "hub" / "hub.db")
    with writer.transaction():
        assert main(words) == 0, "it does not wait for who writes"
    writer.close()


def test_a_broken_line_costs_no_other_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station, good = Station(tmp_path, None), "00091,A,2021-05-29 07:30,1"
    assert station.plan(f'1,{good}\n2,"{good}\n3,{good}\n4,{"x" * 200_000},{good}\n5,{good}') == 1
    told = capsys.readouterr()
    assert told.out == "new=3 known=0 moved=0 refused=2\n"
    assert [line.split(":")[0] for line in told.err.splitlines()] == ["line 3", "line 5"]


def test_what_is_no_plan_at_all_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = Station(tmp_path, None)
    config = ["--config", str(station.config)]
    assert station.plan(head="id,unit,hamlet,begin") == 2
    assert "the column people is missing" in capsys.readouterr().err
    assert station.plan(head="id,unit,hamlet,begin,people,unit") == 2
    assert "the column unit is there twice" in capsys.readouterr().err
    assert main(["hub", "slots", "nowhere.csv", *config]) == 2
    assert "nowhere.csv cannot be read" in capsys.readouterr().err
    assert main(["hub", "slots", "--unit", "7", *config]) == 2
    assert "no unit has the code 7" in capsys.readouterr().err
    assert main(["hub", "slots", "--from", "tomorrow", *config]) == 2
    assert "--from and --to must be dates" in capsys.readouterr().err
    for first in ("", "9999-12-31"):
        assert main(["hub", "slots", "--from", first, *config]) == 2
        assert "--from and --to must be dates" in capsys.readouterr().err
    assert main(["hub", "slots", "--from", "2021-05-29", "--to", "2021-05-28", *config]) == 2
    assert "--to must be a day from --from on" in capsys.readouterr().err
    station.config.write_text(station.before)
    assert main(["hub", "slots", *config]) == 2
    assert "no table [campaign.slots]" in capsys.readouterr().err
    wrong = "[campaign.slots]\ncap = 1\nshifts = [{opens = 09:00:00, closes = 08:00:00}]\n"
    station.config.write_text(station.before + wrong)
    assert main(["hub", "slots", *config]) == 2
    assert "a shift closes after it opens" in capsys.readouterr().err
    store = opened(tmp_path / "hub" / "hub.db")
    assert store.db.execute("SELECT count(*) FROM booking").fetchone()[0] == 0
    store.close()


def test_a_shift_closes_after_it_opens() -> None:
    with pytest.raises(ValueError, match="closes after it opens"):
        ShiftHours(opens=time(17), closes=time(8))
    calendar = Calendar(cap=1, shifts=(ShiftHours(opens=time(8), closes=time(10), weekdays=frozenset({6})),))
    assert list(calendar.slots(1).of(SATURDAY)) == [datetime(2021, 5, 29, 8), datetime(2021, 5, 29, 9)]
    assert span_of(None, None, SATURDAY, 7) == (SATURDAY, date(2021, 6, 4))


LINES = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z", "w"]),
        st.sampled_from(["Thôn 1", "Thôn 2"]),
        st.sampled_from(["07:30", "08:30", "12:00"]),
        st.integers(0, 14),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def open_station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Station, Tables]]:
    station = Station(tmp_path_factory.mktemp("slots"), None)
    station.know_hamlets()
    store = writable(station.settings.place)
    yield station, store
    store.close()


@steady(60)
@given(st.lists(LINES, max_size=3))
def test_no_order_of_lines_overbooks_a_slot(open_station: tuple[Station, Tables], plans: list[Any]) -> None:
    """The slow twin: what stands of each line, in a dictionary."""
    station, store = open_station
    campaign = station.settings.campaign
    assert campaign
    book, caps = SlotBook(store, campaign, read_lists(campaign).units), {"Thôn 1": 25, "Thôn 2": 10}
    path = station.folder / "example.csv"
    stand: dict[str, tuple[str, str, int]] = {}
    with undone(store):
        for plan in plans:
            rows = [f"{name},00091,{hamlet},2021-05-29 {at},{people}" for name, hamlet, at, people in plan]
            path.write_text("\n".join([",".join(COLUMNS), *rows, ""]))
            outcome, wanted = book.plan(path), Counter[str]()
            for name, hamlet, at, people in plan:
                others = sum(n for key, (h, a, n) in stand.items() if key != name and (h, a) == (hamlet, at))
                if stand.get(name) == (hamlet, at, people):
                    wanted["known"] += 1
                elif people and (at == "12:00" or others + people > caps[hamlet]):
                    wanted["refused"] += 1
                else:
                    wanted["moved" if name in stand else "new"] += 1
                    stand[name] = (hamlet, at, people)
            got = Counter(
                new=outcome.new, known=outcome.known, moved=outcome.moved, refused=len(outcome.reasons)
            )
            assert +got == wanted
        slots = {(s.hamlet, s.begin[-5:]): s for s in book.slots(SATURDAY, SATURDAY)}
        for slot in slots.values():
            assert slot.booked <= slot.cap
        for hamlet, at, people in stand.values():
            assert people == 0 or slots[hamlet, at].booked >= people
        assert sum(s.booked for s in slots.values()) == sum(people for _, _, people in stand.values())
