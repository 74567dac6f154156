"""Imported lists: every duplicate and conflict by its line; names are never keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.lists import Stop, read_quota, read_rounds, read_units
from tests.edge.parts import steady

UNITS = [
    "district_code,district,commune_code,commune,kind",
    "017,Huyện Đông Anh,00475,Xã Vân Hà,xa",
    "272,Huyện Phúc Thọ,09718,Xã Vân Hà,xa",
    "PC06,Phòng PC06,,,",
]


def test_units_by_code() -> None:
    units, problems = read_units(UNITS)
    assert problems == []
    assert (units.name("00475"), units.district("00475")) == ("Xã Vân Hà", "017")
    assert units.within("272") == ["09718"]
    assert (units.name("PC06"), units.within("PC06")) == ("Phòng PC06", [])
    assert "Xã Vân Hà" not in units


def test_what_is_wrong_with_a_list_of_units() -> None:
    lines = [*UNITS, "017,Huyện Đông Anh,00475,Xã Khác,xa", "017,Đông Anh,00478,Xã X,xa", ",,00481,Xã Y,xa"]
    units, problems = read_units(lines)
    assert problems == [
        "line 5: the code 00475 is there already",
        "line 6: district 017 has another name than above",
        "line 7: no district_code",
    ]
    assert set(units.communes) == {"00475", "09718"}


def test_a_broken_line_costs_no_other_one() -> None:
    units, problems = read_units([*UNITS, '017,"Huyện Đông Anh,00478,X,xa', "017,Huyện Đông Anh,00481,Y,xa"])
    assert problems == ["line 5: a quote is not closed: a row is one line"]
    assert "00481" in units
    lines = [
        "code,quota",
        "00475\udcff,1",
        '"00475"x,1',
        f"{'x' * 200_000},1",
        f"09718,{'9' * 5000}",
        "00475,7",
    ]
    found = read_quota(lines, units)
    assert found.numbers == {"00475": 7}
    assert [line.split(":")[0] for line in found.problems] == [f"line {n}" for n in (2, 3, 4, 5)]
    assert found.problems[0] == "line 2: the line is not UTF-8: save the file as UTF-8"
    rounds = read_rounds(["round,team,code", '1,"a,00475', "1,a,09718"], units)
    assert rounds == ([Stop(1, "a", "09718")], ["line 2: a quote is not closed: a row is one line"])


def test_a_comma_in_a_name_without_quotes_is_named() -> None:
    lines = ["017,Huyện Đông Anh,00478,Xã Vân, Hà,xa", '017,Huyện Đông Anh,00481,"Xã Vân, Hà",xa,,']
    units, problems = read_units([*UNITS, *lines])
    assert problems == ["line 5: the line has more cells than the first"]
    assert units.name("00481") == "Xã Vân, Hà"


@pytest.mark.parametrize("header", ["code,quota,code", "code, code,quota"])
def test_a_column_that_is_there_twice_is_named(header: str) -> None:
    units, _ = read_units(UNITS)
    with pytest.raises(ValueError, match="the column code is there twice"):
        read_quota([header, "00475,7,09718"], units)


def test_a_first_line_that_is_broken_is_named() -> None:
    with pytest.raises(ValueError, match="the first line cannot be used: the line is not UTF-8"):
        read_units(["\udcff\udcfed", *UNITS])


def test_quotas_with_duplicates_and_conflicts() -> None:
    units, _ = read_units(UNITS)
    lines = [
        "code,quota",
        "00475,100",
        "09718,50",
        "00475,100",
        "09718,60",
        "00001,5",
        "Xã Vân Hà,5",
        "017,many",
        "017,1",
    ]
    found = read_quota(lines, units)
    assert found.numbers == {"00475": 100, "017": 1}
    assert found.problems == [
        "line 4: 00475 is a duplicate of line 2",
        "line 5: 09718 conflicts with line 3 (60, not 50): neither is taken",
        "line 6: no unit has the code 00001",
        "line 7: no unit has the code Xã Vân Hà",
        "line 8: the quota of 017 must be a whole number",
    ]


def test_a_missing_column_is_named() -> None:
    units, _ = read_units(UNITS)
    with pytest.raises(ValueError, match="the column quota is missing: the first line must name code, quota"):
        read_quota(["code,number", "00475,1"], units)


def test_rounds() -> None:
    units, _ = read_units(UNITS)
    stops, problems = read_rounds(
        ["round,team,code", "1,A,00475", "1,B,00475", "2,B,00475", "x,A,09718", "1,A,017"], units
    )
    assert stops == [Stop(1, "A", "00475"), Stop(2, "B", "00475")]
    assert problems == [
        "line 3: 00475 is in round 1 already, with A",
        "line 5: the round must be a whole number",
        "line 6: no commune has the code 017",
    ]


@pytest.mark.parametrize("code", ["1", "0000 9", "0047\x1b5", "00475x", "123456789", "Vân Hà"])
def test_what_is_no_official_code_is_not_taken(code: str) -> None:
    as_commune, as_district = f"017,Huyện Đông Anh,{code},Xã X,xa", f"{code},Huyện X,00478,Xã X,xa"
    for line in (as_commune, as_district):
        units, problems = read_units([*UNITS, line])
        assert set(units.communes) == {"00475", "09718"}
        assert code not in units.districts
        (problem,) = problems
        assert problem.startswith("line 5: ")
        assert problem.isprintable()
        assert "is no official code" in problem or "a control character is in" in problem


def test_a_control_character_in_a_list_is_named_by_its_column() -> None:
    units, problems = read_units([*UNITS, "017,Huyện Đông Anh,00478,Xã\x1b[31m X,xa"])
    assert problems == ["line 5: a control character is in commune"]
    assert read_rounds(["round,team,code", "1,A\x07,00475"], units) == (
        [],
        ["line 2: a control character is in team"],
    )
    assert read_quota(["code,quota", "00475,1\x7f"], units).problems == [
        "line 2: a control character is in quota"
    ]


def test_a_quota_of_more_people_than_there_are_is_not_taken() -> None:
    units, _ = read_units(UNITS)
    found = read_quota(["code,quota", "00475,99999999999", "09718,200000000"], units)
    assert found.numbers == {"09718": 200_000_000}
    assert found.problems == ["line 2: the quota of 00475 is more than 200,000,000"]


@steady()
@given(
    st.lists(st.tuples(st.sampled_from(["00475", "09718", "017", "nobody"]), st.integers(0, 3)), max_size=12)
)
def test_each_line_is_taken_or_named(lines: list[tuple[str, int]]) -> None:
    units, _ = read_units(UNITS)
    found = read_quota(["code,quota", *(f"{code},{n}" for code, n in lines)], units)
    said = {code: {n for other, n in lines if other == code} for code, _ in lines if code != "nobody"}
    assert found.numbers == {code: next(iter(numbers)) for code, numbers in said.items() if len(numbers) == 1}
    assert len(found.problems) == len(lines) - len(said)
