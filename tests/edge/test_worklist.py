"""The worklist: each line of a list taken once or named, kept encrypted, all or nothing, states by rule."""

import csv
import io
import json
import os
import signal
import subprocess
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import clock
from edge.cli import main
from edge.commands import worklist as command
from edge.errors import BadCommand, VantayError
from edge.journal import Journal
from edge.keys import BoothKeys, read_booth_keys
from edge.names import fold
from edge.store import Store
from edge.subject import Birth, Stated
from edge.vault import Vault
from edge.worklist import LISTED, STATES, Listed, Worklist
from edge.worklist_import import Plan, plan_import
from tests.edge.parts import AT, CLOCK, make_keys, steady
from tests.edge.programs import VANTAY

TODAY = date(2026, 11, 26)
UNSET = CLOCK.model_copy(update={"synchronised": False})
HEADER = "number,name,birth,sex"
AN = Listed("001090000001", "Nguyễn Hoà An", Birth(1990, 5, 17), "male", "school")
BINH = Listed("001190000002", "Lê Thị Bình", Birth(1990), "female", "school")


def line_of(person: Listed) -> str:
    return f"{person.number},{person.name},{person.birth},{person.sex}"


def planned(*lines: str, held: Iterable[Listed] = (), header: str = HEADER, **more: Any) -> Plan:
    by_number = {person.number: person for person in held}
    return plan_import(
        io.StringIO("\n".join([header, *lines]), newline=""), by_number, "school", TODAY, **more
    )


def test_a_list_is_taken_line_by_line() -> None:
    plan = planned("001090000001,Nguyễn Hoà An,17/5/1990,nam", "", "001190000002, Lê Thị Bình ,1990,Nữ")
    assert (plan.new, plan.told, plan.refused, plan.known) == ([AN, BINH], [], 0, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_separate_with_commas_semicolons_or_tabs(delimiter: str) -> None:
    plan = planned(line_of(AN).replace(",", delimiter), header=HEADER.replace(",", delimiter))
    assert plan.new == [AN]


def test_source_state_and_reason_may_stand_in_columns_of_their_own() -> None:
    plan = planned(
        f"hamlet 3,{line_of(AN)},deferred,in hospital",
        f",{line_of(BINH)},,",
        header=f"Source,{HEADER},state,reason",
    )
    assert [(p.source, p.state, p.reason) for p in plan.new] == [
        ("hamlet 3", "deferred", "in hospital"),
        ("school", "due", ""),
    ]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("", "number is missing"),
        ("number,name,birth", "sex is missing"),
        ("số,name,birth,sex", "number is missing"),
        ("number,name,birth,sex,class", "another is there"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_whole(header: str, sentence: str) -> None:
    with pytest.raises(BadCommand, match=sentence) as caught:
        planned(line_of(AN), header=header)
    assert "the first line must name the columns number, name, birth, sex" in str(caught.value)


@pytest.mark.parametrize("header", ["number,name,birth,sex,Name", "number,name,birth,sex, name"])
def test_a_column_that_is_there_twice_is_named(header: str) -> None:
    with pytest.raises(BadCommand, match="the column name is there twice"):
        planned(line_of(AN), header=header)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ('"001190000002,Lê', "line 3, cells: a quote is not closed"),
        ("001190000002,L\udcea", "line 3, cells: the line is not UTF-8"),
        (f"001190000002,{'x' * 200_000},1990,nam", "line 3, cells: the line is no CSV (field larger than"),
    ],
    ids=["open", "bytes", "long"],
)
def test_a_broken_line_costs_no_other_one(broken: str, told: str) -> None:
    plan = planned(line_of(AN), broken, line_of(BINH))
    assert (plan.new, plan.refused) == ([AN, BINH], 1)
    assert plan.told[0].startswith(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("00109000001,Lê An,1990,nam", "line 2, number: the identity number must be 12 digits"),
        ("1090000001,Lê An,1990,nam", "line 2, number: the identity number must be 12 digits, leading zeros"),
        ("001090000001,,1990,nam", "line 2, name: the name is empty"),
        ("001090000001,Lê An 2,1990,nam", "line 2, name: the name has a digit"),
        ("001090000001,Lê An,5/1990,nam", "line 2, birth: the birth must be day/month/year"),
        ("001090000001,Lê An,31/4/1990,nam", "line 2, birth: the birth is no day of the calendar"),
        ("001090000001,Lê An,1991,nam", "line 2, birth: the birth year is not the one that the number says"),
        ("001090000001,Lê An,1990,m", "line 2, sex: the sex must be male or female"),
        ("001090000001,Lê An,1990,nữ", "line 2, sex: the sex is not the one that the number says"),
        ("001230000001,Lê An,2030,nam", "line 2, birth: the birth is in the future"),
        ("001090000001,Lê An,1990", "line 2, cells: another number of cells"),
        ("001090000001,Lê An,1990,nam,x", "line 2, cells: another number of cells"),
    ],
)
def test_a_bad_line_is_named_with_its_field_and_what_to_do(line: str, told: str) -> None:
    plan = planned(line, line_of(BINH))
    assert plan.new == [BINH], "the good line is taken"
    assert plan.refused == 1
    assert plan.told[0].startswith(told)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("gone", "line 2, state: the state must be one of due, absent, abroad, moved, deceased, deferred"),
        ("enrolled", "line 2, state: 'enrolled' cannot be set"),
        ("deferred", "line 2, state: 'deferred' needs a reason"),
    ],
)
def test_a_state_that_nobody_can_be_in_is_named(state: str, told: str) -> None:
    plan = planned(f"{line_of(AN)},{state}", header=f"{HEADER},state")
    assert plan.told[0].startswith(told)


@pytest.mark.parametrize("sign", ["\x1b[31m", "\x9b", "\u202e", "\u2067", "\u2028"])
def test_nothing_is_taken_that_turns_what_is_printed(sign: str) -> None:
    plan = planned(f"{line_of(AN)},a{sign}b,absent,", header=f"{HEADER},source,state,reason")
    assert plan.told == ["line 2, source: the source has a control character in it: type it anew"]
    plan = planned(f"{line_of(AN)},,absent,a{sign}b", header=f"{HEADER},source,state,reason")
    assert plan.told == ["line 2, state: the reason has a control character in it: type it anew"]
    assert (plan.new, plan.refused) == ([], 1)
    with pytest.raises(BadCommand, match="the reason has a control character"):
        AN.in_state("absent", f"a{sign}b")


def test_what_is_only_odd_is_told_and_taken() -> None:
    plan = planned("123090000001,An,1990,nam", "012345678,Lê Bình,1990,nữ", "001212000001,Lê Cúc,2012,nam")
    assert (len(plan.new), plan.refused) == (3, 0)
    assert [told.split(":")[0] for told in plan.told] == [
        "line 2, name",
        "line 2, number",
        "line 3, number",
        "line 4, birth",
    ]


def test_whoever_is_not_old_enough_yet_is_taken_and_told() -> None:
    plan = planned("001214000001,Lê An,2014,nam")
    assert len(plan.new) == 1
    assert "the person is not yet 14" in plan.told[0]
    assert planned("001214000001,Lê An,2014,nam", least_age=6).told == []


def test_a_duplicate_is_named_and_taken_once() -> None:
    plan = planned(line_of(AN), line_of(BINH), line_of(AN).replace("Hoà An", "HÒA AN"))
    assert plan.new == [AN, BINH]
    assert (plan.known, plan.refused) == (1, 0)
    assert plan.told == ["line 4, number: a duplicate of line 2: nothing to do"]


def test_of_lines_that_conflict_none_is_taken() -> None:
    plan = planned(line_of(AN), line_of(AN).replace("Hoà An", "Hoá An"), line_of(BINH), line_of(AN))
    assert plan.new == [BINH]
    assert plan.refused == 3
    assert [told.split(":")[0] for told in plan.told] == ["line 2, number", "line 3, name", "line 5, number"]
    assert "conflicts with line 2" in plan.told[1]


def test_lines_that_differ_in_the_state_conflict() -> None:
    plan = planned(f"{line_of(AN)},due", f"{line_of(AN)},deceased", header=f"{HEADER},state")
    assert plan.new == []
    assert plan.told[1].startswith("line 3, state: conflicts with line 2")


def test_what_the_booth_holds_is_not_overwritten_unless_it_is_said() -> None:
    other = line_of(AN).replace("-05-17", "-06-17")
    plan = planned(other, held=[AN])
    assert (plan.new, plan.corrected, plan.refused) == ([], [], 1)
    assert plan.told[0].startswith("line 2, birth: the booth holds otherwise")
    absent = AN.in_state("absent", "at sea")
    plan = planned(other, held=[absent], correct=True)
    assert plan.refused == 0
    (person,) = plan.corrected
    assert (person.birth, person.state, person.reason) == (Birth(1990, 6, 17), "absent", "at sea")
    assert planned(other, held=[person], correct=True).corrected == []


def test_a_state_that_was_set_here_outlives_another_import() -> None:
    moved = AN.in_state("moved")
    plan = planned(line_of(AN), held=[moved])
    assert (plan.known, plan.told) == (1, [])
    plan = planned(f"{line_of(AN)},deceased", header=f"{HEADER},state", held=[moved])
    assert (plan.known, plan.corrected) == (1, [])
    assert plan.told[0].startswith("line 2, state: the booth holds 'moved': nothing is changed")


def test_somebody_on_two_lists_is_held_once_and_told() -> None:
    plan = planned(f"{line_of(AN)},hamlet 3", header=f"{HEADER},source", held=[AN])
    assert (plan.new, plan.known) == ([], 1)
    assert "held already, from another list" in plan.told[0]


def test_one_person_under_two_numbers_is_told() -> None:
    twin = line_of(AN).replace("000001", "000009").replace("Hoà", "Hòa")
    plan = planned(line_of(AN), twin)
    assert len(plan.new) == 2
    assert plan.told == [
        "line 3, number: name, birth and sex are those of line 2: check that these are two people (taken)"
    ]
    assert "those of somebody at the booth" in planned(twin, held=[AN]).told[0]
    year = line_of(AN).replace("-05-17", "")
    assert planned(year, year.replace("000001", "000009")).told == [], "a name and a year are many people's"


cells = st.sampled_from(
    [
        "001090000001",
        "001190000002",
        "00109",
        "Lê An",
        "Lê Án",
        "X",
        "1990",
        "17/5/1990",
        "nam",
        "nữ",
        "",
        "due",
        '"',
    ]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=6)
files = st.lists(st.lists(cells, min_size=4, max_size=5), max_size=12)


def written(rows: list[list[str]], header: list[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


@steady(300)
@given(files, st.booleans())
def test_every_line_is_taken_known_or_refused_and_none_again(rows: list[list[str]], correct: bool) -> None:
    text = written(rows, HEADER.split(","))
    wanted = sum(any(cell.strip() for cell in row) for row in rows)
    first = plan_import(io.StringIO(text, newline=""), {}, "s", TODAY)
    assert len(first.new) + first.known + first.refused == wanted
    assert all("\n" not in told for told in first.told)
    held = {person.number: person for person in first.new}
    again = plan_import(io.StringIO(text, newline=""), held, "s", TODAY, correct=correct)
    assert (again.new, again.corrected) == ([], [])
    assert again.refused == first.refused


@steady(300)
@given(st.text(max_size=60), st.text(max_size=200))
def test_any_file_is_a_list_or_refused_in_one_sentence(header: str, text: str) -> None:
    for head in (header, HEADER):
        said = ""
        try:
            plan = plan_import(io.StringIO(f"{head}\n{text}", newline=""), {}, "s", TODAY)
            said = "".join(plan.told)
        except BadCommand as error:
            said = str(error)
        assert not {"\n", "\r"} & set(said)


persons = st.builds(
    lambda n, female, name, day: Listed(
        f"001{int(female)}90{n:06}", name, Birth(1990, 5, day), "female" if female else "male", "s"
    ),
    st.integers(0, 999_999),
    st.booleans(),
    st.sampled_from(["Lê An", "Trần Hoà", "Đỗ Ước"]),
    st.integers(1, 28),
)


@steady(100)
@given(st.lists(persons, max_size=10))
def test_what_is_taken_is_what_a_dictionary_counts(people: list[Listed]) -> None:
    """A twin: group by number; one person of those that say the same, nobody of the others."""
    said: dict[str, set[tuple[object, ...]]] = {}
    for person in people:
        said.setdefault(person.number, set()).add((fold(person.name), person.birth, person.sex))
    plan = planned(*map(line_of, people))
    assert {person.number for person in plan.new} == {
        number for number, says in said.items() if len(says) == 1
    }


# at the booth


@pytest.fixture
def worklist(store: Store, keys: BoothKeys) -> Worklist:
    return Worklist(Vault(store, keys.vault), keys)


def test_people_are_found_by_number_and_changed(worklist: Worklist, keys: BoothKeys) -> None:
    assert not worklist.any
    for person in (AN, BINH):
        worklist.put(person)
    assert worklist.find(AN.number) == AN
    assert worklist.find("001090000003") is None
    worklist.change(AN.in_state("deferred", "in hospital"))
    assert worklist.find(AN.number) == AN.in_state("deferred", "in hospital")
    assert {subject: person.number for subject, person in worklist.all()} == {
        keys.subject_of(person.number): person.number for person in (AN, BINH)
    }


def test_an_import_begins_again_when_the_list_was_changed_meanwhile(
    booth: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While one import reads, another command takes one of its people in: nobody is there twice."""
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH)}\n")
    (booth / "first.csv").write_text(f"{HEADER}\n{line_of(AN)}\n")
    plans: list[Plan] = []

    def planning(*values: Any) -> Plan:
        plans.append(plan_import(*values))
        if len(plans) == 1:
            vantay(booth, "import", str(booth / "first.csv"))
        return plans[-1]

    monkeypatch.setattr("edge.commands.worklist.plan_import", planning)
    assert vantay(booth, "import", str(booth / "list.csv")) == 0
    assert len(plans) == 3
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 new, 0 corrected, 0 refused, 1 known")
    assert [person.number for person in listed(booth)] == [AN.number, BINH.number]
    assert [body["new"] for _, body in journal(booth)] == [1, 1]


def test_the_file_is_locked_for_a_part_of_a_list_at_a_time(
    booth: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between two parts another program writes, which else waits in vain; each part is right by itself."""
    monkeypatch.setattr("edge.commands.worklist.AT_ONCE", 4)
    rows = [f"001090{n:06},Lê Văn An,1990,nam" for n in range(10)]
    (booth / "list.csv").write_text("\n".join([HEADER, *rows, "bad"]))
    other, held = Store(booth / "booth.db"), list[int]()
    other.db.execute("PRAGMA busy_timeout=0")

    def pause(_: float) -> None:
        with other.transaction():
            held.append(other.db.execute("SELECT count(*) FROM vault").fetchone()[0])

    monkeypatch.setattr("edge.commands.worklist.time.sleep", pause)
    assert vantay(booth, "import", str(booth / "list.csv")) == 1
    other.close()
    assert held == [4, 8]
    assert "10 new, 0 corrected, 1 refused, 0 known already" in capsys.readouterr().out
    assert [(body["new"], body["refused"]) for _, body in journal(booth)] == [(4, 1), (4, 1), (2, 1)]
    assert len({str(body["list"]) for _, body in journal(booth)}) == 1


def test_who_was_changed_while_a_list_was_written_is_compared_anew(
    booth: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.commands.worklist.AT_ONCE", 1)
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH)}\n")
    (booth / "other.csv").write_text(f"{HEADER}\n{line_of(BINH).replace('Lê', 'Lễ')}\n")
    once = iter([True])

    def pause(_: float) -> None:
        if next(once, False):
            vantay(booth, "import", str(booth / "other.csv"))

    monkeypatch.setattr("edge.commands.worklist.time.sleep", pause)
    assert vantay(booth, "import", str(booth / "list.csv")) == 1
    said = capsys.readouterr().out
    assert "line 3, name: the booth holds otherwise" in said
    assert said.splitlines()[-1] == "1 new, 0 corrected, 1 refused, 0 known already"
    assert [person.name for person in listed(booth)] == [AN.name, "Lễ Thị Bình"]


def test_on_disk_nobody_is_named(store: Store, worklist: Worklist, tmp_path: Path) -> None:
    for person in (AN, BINH):
        worklist.put(person)
    worklist.change(AN.in_state("deferred", "in hospital"))
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("booth.db*"))
    for secret in (AN.number, "Nguyễn", "Hoà", "1990-05-17", "female", "school", "deferred", "in hospital"):
        assert secret.encode() not in kept
    assert LISTED.encode() in kept


def test_a_row_moved_to_another_person_does_not_open(store: Store, worklist: Worklist) -> None:
    worklist.put(AN)
    worklist.put(BINH)
    store.db.execute(
        "UPDATE vault SET (nonce, data) = (SELECT nonce, data FROM vault ORDER BY rowid DESC LIMIT 1)"
    )
    with pytest.raises(VantayError, match="does not open"):
        worklist.find(AN.number)


def test_only_states_that_are_can_be_set() -> None:
    for state in STATES:
        assert AN.in_state(state, "why").state == state
    with pytest.raises(BadCommand, match="follows from the journal"):
        AN.in_state("enrolled")
    with pytest.raises(BadCommand, match="must be one of"):
        AN.in_state("lost")
    with pytest.raises(BadCommand, match="needs a reason"):
        AN.in_state("deferred")
    assert AN.in_state("absent").reason == ""


@pytest.mark.parametrize(
    ("stated", "differs"),
    [
        ({}, []),
        ({"name": "NGUYỄN HÒA AN", "birth": Birth(1990), "sex": "male"}, []),
        ({"name": "Nguyễn Hoá An"}, ["name"]),
        ({"birth": Birth(1990, 5, 18)}, ["birth"]),
        ({"birth": Birth(1991), "sex": "female", "name": "Lê An"}, ["name", "birth", "sex"]),
    ],
)
def test_what_is_stated_is_compared_with_the_list(stated: dict[str, Any], differs: list[str]) -> None:
    assert AN.differs_from(Stated(AN.number, **stated)) == differs


# by commands


@pytest.fixture
def booth(tmp_path: Path) -> Path:
    make_keys(tmp_path)
    (tmp_path / "booth.toml").write_text('booth = "b-1"\ndata = "."\nkeys = "keys"\n')
    return tmp_path


def vantay(booth: Path, *words: str) -> int:
    return main(["worklist", *words, "--config", str(booth / "booth.toml")])


def listed(booth: Path) -> list[Listed]:
    store = Store(booth / "booth.db")
    try:
        keys = read_booth_keys(booth / "keys")
        return [person for _, person in Worklist(Vault(store, keys.vault), keys).all()]
    finally:
        store.close()


def journal(booth: Path) -> list[tuple[str, dict[str, Any]]]:
    store = Store(booth / "booth.db", read_only=True)
    try:
        return [(entry.kind, dict(entry.body)) for entry in Journal(store).read()]
    finally:
        store.close()


def test_a_list_is_imported_once(booth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = booth / "class 9a.csv"
    file.write_bytes(f"\ufeff{HEADER}\r\n{line_of(AN)}\r\n{line_of(BINH)}\r\n".encode())
    assert vantay(booth, "import", str(file)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 new, 0 corrected, 0 refused, 0 known already"
    assert {person.source for person in listed(booth)} == {"class 9a"}
    before, entries = listed(booth), journal(booth)
    assert [kind for kind, _ in entries] == ["worklist.imported"]
    assert entries[0][1].keys() == {"list", "new", "corrected", "refused"}
    assert vantay(booth, "import", str(file)) == 0
    assert capsys.readouterr().out == "0 new, 0 corrected, 0 refused, 2 known already\n"
    assert (listed(booth), journal(booth)) == (before, entries)
    file.write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH).replace('Lê', 'Lễ')}\n")
    assert vantay(booth, "import", str(file)) == 1
    said = capsys.readouterr().out
    assert said.startswith("line 3, name: the booth holds otherwise")
    assert "Lễ" not in said
    assert listed(booth) == before
    assert vantay(booth, "import", str(file), "--correct", "--source", "hamlet") == 0
    assert "0 new, 1 corrected, 0 refused, 1 known already" in capsys.readouterr().out
    assert [person.name for person in listed(booth)] == [AN.name, "Lễ Thị Bình"]


def test_a_clock_that_is_not_set_refuses_no_line(
    booth: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = booth / "list.csv"
    file.write_text(f"{HEADER}\n{line_of(AN)}\n")
    monkeypatch.setattr(clock, "moment", lambda: datetime(1970, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(clock, "reading", lambda: CLOCK)
    assert vantay(booth, "import", str(file)) == 1, "by a clock that says that it is set"
    monkeypatch.setattr(clock, "reading", lambda: UNSET)
    capsys.readouterr()
    assert vantay(booth, "import", str(file)) == 0
    told = "line 2, birth: by a clock that is not set, the birth is in the future"
    assert capsys.readouterr().out.startswith(told)
    assert len(listed(booth)) == 1


@pytest.mark.parametrize("content", [b"\xff\xfen\x00u\x00", "số;tên".encode("cp1258", "replace"), b"\x00"])
def test_a_file_in_another_encoding_is_one_sentence(
    booth: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (booth / "list.csv").write_bytes(content)
    for name in ("list.csv", "none.csv"):
        assert vantay(booth, "import", str(booth / name)) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert journal(booth) == []


def test_a_pipe_in_place_of_a_list_is_not_waited_for_and_a_shells_is_imported(
    booth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(booth / "pipe")
    assert vantay(booth, "import", str(booth / "pipe")) == 2
    sentence = f"vantay: {booth}/pipe cannot be read (it is a pipe or a device, no file)\n"
    assert capsys.readouterr() == ("", sentence)
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH)}\n")
    config = f"--config '{booth}/booth.toml' --source school"
    for handed, number in ((f"<(head -2 '{booth}/list.csv')", 1), (f"/dev/stdin <'{booth}/list.csv'", 2)):
        words = f"'{VANTAY}' worklist import {handed} {config}"
        done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.endswith(f"1 new, 0 corrected, 0 refused, {number - 1} known already\n")


def test_a_source_with_a_control_character_is_one_sentence(
    booth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH)}\n")
    assert vantay(booth, "import", str(booth / "list.csv"), "--source", "bad\x1b[31m") == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "vantay: the source has a control character in it: type it anew\n")
    assert journal(booth) == []


def test_a_terminal_that_has_not_all_letters_shows_their_numbers(booth: Path) -> None:
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n")
    assert vantay(booth, "import", str(booth / "list.csv")) == 0
    words = [VANTAY, "worklist", "list", "--config", str(booth / "booth.toml")]
    shown = subprocess.run(
        words, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=True
    )
    assert b"Nguy\\u1ec5n Ho\\xe0 An" in shown.stdout
    assert shown.stderr == b""


def test_states_are_set_shown_and_counted(booth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH)}\n")
    vantay(booth, "import", str(booth / "list.csv"))
    assert vantay(booth, "set-state", AN.number, "deferred", "--reason", "in hospital") == 0
    assert vantay(booth, "set-state", AN.number, "deferred", "--reason", "in hospital") == 0
    capsys.readouterr()
    assert vantay(booth, "show", AN.number) == 0
    shown = capsys.readouterr().out
    assert "name    Nguyễn Hoà An" in shown
    assert "state   deferred (in hospital)" in shown
    assert vantay(booth, "list", "--state", "due") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "001190000002  due  1990  female  Lê Thị Bình  list",
        "1 due, 0 absent, 0 abroad, 0 moved, 0 deceased, 1 deferred, 0 enrolled",
    ]
    subject = read_booth_keys(booth / "keys").subject_of(AN.number)
    assert journal(booth)[1:] == [("worklist.state", {"subject": subject, "state": "deferred"})]
    for words in (
        ("set-state", AN.number, "enrolled"),
        ("set-state", AN.number, "deferred"),
        ("set-state", "001090000003", "moved"),
        ("show", "001090000003"),
        ("show", "12"),
    ):
        assert vantay(booth, *words) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert AN.number not in said
    everything = json.dumps(journal(booth), ensure_ascii=False)
    for secret in (AN.number, AN.name, "in hospital", "list.csv"):
        assert secret not in everything


def test_enrolled_follows_from_the_journal(booth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (booth / "list.csv").write_text(f"{HEADER}\n{line_of(AN)}\n{line_of(BINH)}\n")
    vantay(booth, "import", str(booth / "list.csv"))
    keys, store = read_booth_keys(booth / "keys"), Store(booth / "booth.db")
    for person, outcome in ((AN, "enrolled"), (BINH, "already-enrolled")):
        body = {"subject": keys.subject_of(person.number), "outcome": outcome, "packet": outcome}
        Journal(store).append("enrolment.sealed", body, AT, CLOCK)
    store.close()
    capsys.readouterr()
    assert vantay(booth, "list", "--state", "enrolled") == 0
    shown = capsys.readouterr().out
    assert AN.number in shown
    assert BINH.number not in shown
    assert "1 due" in shown
    assert "1 enrolled" in shown
    assert vantay(booth, "show", AN.number) == 0
    assert f"state   enrolled at {AT}" in capsys.readouterr().out
    assert vantay(booth, "set-state", AN.number, "moved") == 2
    assert "the state cannot be set any more" in capsys.readouterr().err


@pytest.mark.parametrize(("after", "there"), [(0, 0), (1, 0), (7, 6), (12, 12), (19, 18)])
def test_a_power_cut_in_the_middle_of_an_import_leaves_whole_parts_and_the_next_import_goes_on(
    booth: Path, after: int, there: int
) -> None:
    """A process of its own is killed after so many people were written, six at once."""
    rows = [f"001090{n:06},Lê Văn An,1990,nam" for n in range(20)]
    file = booth / "list.csv"
    file.write_text("\n".join([HEADER, *rows]))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        import_and_stop(booth, file, writer, after)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        assert told.read(1) == b"x"
        os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert len(listed(booth)) == there
    assert sum(int(body["new"]) for _, body in journal(booth)) == there
    assert vantay(booth, "import", str(file)) == 0
    assert [person.number for person in listed(booth)] == [row.split(",")[0] for row in rows]
    assert sum(int(body["new"]) for _, body in journal(booth)) == 20


def import_and_stop(booth: Path, file: Path, writer: int, after: int) -> None:
    put, written = Vault.put, 0

    def counting(self: Vault, label: Any, data: bytes) -> None:
        nonlocal written
        if written == after:
            os.write(writer, b"x")
            signal.pause()
        written += 1
        put(self, label, data)

    Vault.put = counting  # type: ignore[method-assign]
    command.AT_ONCE = 6
    vantay(booth, "import", str(file))
    os._exit(1)


def days(booth: Path) -> list[str]:
    store = Store(booth / "booth.db", read_only=True)
    found = sorted(
        label.enrolment for label in Vault(store, read_booth_keys(booth / "keys").vault).labels(LISTED)
    )
    store.close()
    return found


def test_an_import_or_a_state_renews_the_day_of_whoever_it_names(
    booth: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, one = booth / "both.csv", booth / "one.csv"
    both.write_text("\n".join([HEADER, line_of(AN), line_of(BINH)]))
    one.write_text("\n".join([HEADER, line_of(AN)]))
    now = [datetime(2026, 3, day, 8, tzinfo=UTC) for day in (1, 2, 3)]
    monkeypatch.setattr(clock, "reading", lambda: UNSET)
    vantay(booth, "import", str(both))
    assert days(booth) == [LISTED, LISTED], "a clock that is not set tells no day"
    monkeypatch.setattr(clock, "reading", lambda: CLOCK)
    monkeypatch.setattr(clock, "moment", lambda: now[0])
    vantay(booth, "import", str(both))
    assert days(booth) == ["2026-03-01", "2026-03-01"]
    monkeypatch.setattr(clock, "moment", lambda: now[1])
    vantay(booth, "import", str(one))
    assert days(booth) == ["2026-03-01", "2026-03-02"], "who is on this list, too"
    monkeypatch.setattr(clock, "moment", lambda: now[2])
    vantay(booth, "set-state", BINH.number, "deferred", "--reason", "in hospital")
    assert days(booth) == ["2026-03-02", "2026-03-03"]
    assert sorted(person.state for person in listed(booth)) == ["deferred", "due"]
