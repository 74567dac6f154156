"""The rules on a subject's number, birth and sex: each by name, beside twins that count otherwise."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import BadCommand
from edge.subject import (
    PROVINCES,
    Birth,
    Remark,
    Sex,
    Stated,
    age_range,
    birth_of,
    number_said,
    remarks_on,
    sex_of,
)
from tests.edge.parts import NUMBER, steady

TODAY = date(2026, 11, 26)
days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
births = st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(lambda d: Birth(d.year, d.month, d.day))
digits = st.text("0123456789", min_size=12, max_size=12)


def on(
    number: str, *, least_age: int = 14, sure: bool = True, today: date = TODAY, **stated: object
) -> list[Remark]:
    return remarks_on(Stated(number, **stated), today, least_age, sure)  # type: ignore[arg-type]


def names(remarks: list[Remark]) -> list[str]:
    return [remark.name for remark in remarks]


def refusals(remarks: list[Remark]) -> list[str]:
    return [remark.name for remark in remarks if remark.refused]


@pytest.mark.parametrize(
    ("digit", "sex", "century"),
    [
        (0, "male", 1900),
        (1, "female", 1900),
        (2, "male", 2000),
        (3, "female", 2000),
        (4, "male", 2100),
        (5, "female", 2100),
        (6, "male", 2200),
        (7, "female", 2200),
        (8, "male", 2300),
        (9, "female", 2300),
    ],
)
def test_the_fourth_digit_says_century_and_sex(digit: int, sex: str, century: int) -> None:
    for year in (0, 7, 99):
        said = number_said(f"001{digit}{year:02}000001")
        assert said == ("001", sex, century + year)


@pytest.mark.parametrize(
    "number", ["", "00109000001", "0010900000012", "00109000000a", " 001090000001", "1090000001"]
)
def test_a_number_has_12_digits_or_the_9_of_an_old_card(number: str) -> None:
    with pytest.raises(BadCommand, match="must be 12 digits, leading zeros included, or the 9 of an old"):
        number_said(number)


def test_digits_of_other_scripts_and_line_ends_are_no_digits() -> None:
    for number in ("٠٠١٠٩٠٠٠٠٠٠١", f"{NUMBER}\n"):
        with pytest.raises(BadCommand):
            number_said(number)


def test_an_old_number_tells_nothing_and_is_warned_of() -> None:
    assert number_said("012345678") is None
    remarks = on("012345678", birth=Birth(1990), sex="female")
    assert names(remarks) == ["old-number"]
    assert refusals(remarks) == []
    assert names(on("012345678")) == ["old-number", "age-unknown"]
    assert refusals(on("012345678", birth=Birth(2020, 1, 1))) == ["too-young"]


def test_the_table_has_63_provinces() -> None:
    assert len(PROVINCES) == 63
    assert {"001", "002", "004", "006", "096"} <= PROVINCES
    assert not {"000", "003", "005", "007", "097", "101"} & PROVINCES
    assert sorted(PROVINCES)[-1] == "096"


@steady(100)
@given(digits)
def test_an_unknown_province_is_a_warning_and_never_an_error(number: str) -> None:
    found = [remark for remark in on(number) if remark.name == "unknown-province"]
    assert bool(found) == (number[:3] not in PROVINCES)
    assert not any(remark.refused for remark in found)


@steady(50)
@given(st.text("0123456789", min_size=6, max_size=6))
def test_there_is_no_check_digit(tail: str) -> None:
    assert on(f"001090{tail}", name="Nguyễn Văn An", birth=Birth(1990, 5, 1), sex="male") == []


@steady(200)
@given(digits, births, st.sampled_from(["male", "female"]))
def test_number_sex_and_birth_year_must_agree(number: str, birth: Birth, sex: Sex) -> None:
    """The twin writes the number's beginning from sex and year, as the decree has it."""
    begins = f"{(birth.year // 100 - 19) * 2 + (sex == 'female')}{birth.year % 100:02}"
    found = refusals(on(number, birth=birth, sex=sex, today=date(2200, 1, 1)))
    assert ("number-sex" in found or "number-year" in found) == (number[3:6] != begins)
    assert ("number-sex" in found) == (int(number[3]) % 2 != int(begins[0]) % 2)


def test_where_nothing_is_stated_nothing_is_compared() -> None:
    assert on(NUMBER) == []


@steady(300)
@given(births, days)
def test_the_birthday_counts(birth: Birth, day: date) -> None:
    """The twin counts birthdays one by one."""
    age = -1 if day < date(*birth) else 0
    for year in range(birth.year + 1, day.year + 1):
        birthday = date(year, 3, 1) if birth[1:] == (2, 29) and year % 4 else None
        if birth[1:] == (2, 29) and year % 100 == 0 and year % 400:
            birthday = date(year, 3, 1)
        age += (birthday or date(year, birth.month, birth.day)) <= day
    if age >= 0:
        assert age_range(birth, day) == (age, age)
    else:
        assert age_range(birth, day)[1] < 0


@steady(100)
@given(births, days)
def test_a_year_alone_leaves_two_ages(birth: Birth, day: date) -> None:
    least, greatest = age_range(Birth(birth.year), day)
    assert greatest - least == 1
    assert least <= age_range(birth, day)[0] <= greatest


@pytest.mark.parametrize(
    ("birth", "found"),
    [
        (Birth(2012, 11, 26), []),  # fourteen today
        (Birth(2012, 11, 27), ["too-young"]),
        (Birth(2011, 12, 31), []),
        (Birth(2012), ["age-unsure"]),
        (Birth(2011), []),
        (Birth(2013), ["too-young"]),
        (Birth(2026, 11, 27), ["not-born"]),
        (Birth(2027), ["not-born"]),
        (Birth(1894), ["too-old"]),
    ],
)
def test_the_least_age_on_the_day_of_the_capture(birth: Birth, found: list[str]) -> None:
    remarks = on("012345678", birth=birth)
    assert [name for name in names(remarks) if name != "old-number"] == found
    assert refusals(remarks) == [name for name in found if name != "age-unsure"]


def test_the_least_age_is_settable() -> None:
    for birth, least, refused in (
        (Birth(2020, 11, 26), 6, False),
        (Birth(2020, 11, 27), 6, True),
        (Birth(2013, 1, 1), 14, True),
        (Birth(2013, 1, 1), 13, False),
    ):
        assert bool(refusals(on("012345678", birth=birth, least_age=least))) == refused


def test_where_no_birth_is_stated_the_number_says_the_year() -> None:
    assert names(on("001213000001")) == ["too-young"]
    assert names(on("001212000001")) == ["age-unsure"]
    assert names(on("001211000001")) == []


def test_by_a_clock_that_is_not_set_an_age_is_only_warned_of() -> None:
    for birth in (Birth(2020), Birth(2030), Birth(1800)):
        remarks = on("012345678", birth=birth, sure=False)
        assert refusals(remarks) == []
        assert "by a clock that is not set" in remarks[-1].text
    assert refusals(on(NUMBER, sex="female", sure=False)) == ["number-sex"]


@pytest.mark.parametrize(
    ("text", "birth"),
    [
        ("17/5/1990", Birth(1990, 5, 17)),
        ("1/12/2001", Birth(2001, 12, 1)),
        ("07/05/1990", Birth(1990, 5, 7)),
        ("1990-05-17", Birth(1990, 5, 17)),
        (" 1990 ", Birth(1990)),
        ("29/2/2012", Birth(2012, 2, 29)),
    ],
)
def test_births_are_written_day_month_year_or_the_year_alone(text: str, birth: Birth) -> None:
    assert birth_of(text) == birth
    assert birth.whole == ("/" in text or "-" in text)


@pytest.mark.parametrize(
    "text", ["", "5/1990", "17/5/90", "17.5.1990", "May 1990", "90", "1990-5-17", "1990-05", "１９９０"]
)
def test_a_birth_that_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(BadCommand, match="must be day/month/year"):
        birth_of(text)


@pytest.mark.parametrize("text", ["29/2/2011", "31/4/1990", "0/0/1990", "5/17/1990", "0000", "1990-00-00"])
def test_a_day_that_never_was_is_refused(text: str) -> None:
    with pytest.raises(BadCommand, match="no day of the calendar"):
        birth_of(text)


@steady(100)
@given(births)
def test_a_birth_survives_its_text(birth: Birth) -> None:
    assert birth_of(str(birth)) == birth
    assert birth_of(str(birth.year)) == Birth(birth.year)
    assert birth_of(f"{birth.day}/{birth.month}/{birth.year}") == birth


@steady(100)
@given(births, births)
def test_births_fit_where_nothing_speaks_against_it(one: Birth, other: Birth) -> None:
    assert one.fits(Birth(one.year))
    assert Birth(one.year).fits(one)
    assert one.fits(other) == other.fits(one) == (one == other)
    assert one.fits(Birth(other.year)) == (one.year == other.year)


def test_the_sex_is_typed_in_two_languages() -> None:
    assert [sex_of(text) for text in ("male", " Nam ", "FEMALE", "Nữ", "nu")] == [
        "male",
        "male",
        *["female"] * 3,
    ]
    for text in ("", "m", "0", "khác"):
        with pytest.raises(BadCommand, match="must be male or female"):
            sex_of(text)


def test_a_name_of_one_word_or_with_foreign_letters_is_warned_of() -> None:
    assert names(on(NUMBER, name="An")) == ["one-word"]
    assert names(on(NUMBER, name="Nguyễn Vаn")) == ["foreign-letter"], "a Cyrillic а"
    assert refusals(on(NUMBER, name="An")) == []


@steady(300)
@given(
    digits | st.text("0123456789", min_size=9, max_size=9),
    st.none() | st.just("Lê An") | st.just("X"),
    st.none() | births | births.map(lambda b: Birth(b.year)),
    st.sampled_from([None, "male", "female"]),
    days,
    st.integers(6, 25),
)
def test_every_remark_is_one_sentence_without_a_value(
    number: str, name: str | None, birth: Birth | None, sex: Sex | None, day: date, least_age: int
) -> None:
    remarks = remarks_on(Stated(number, name, birth, sex), day, least_age)
    assert len(set(names(remarks))) == len(remarks)
    for remark in remarks:
        assert "\n" not in remark.text
        assert re.fullmatch(r"[a-z-]+", remark.name)
        assert remark.about in ("number", "name", "birth", "sex")
        assert number not in remark.text
        assert not re.search(r"\b[0-9]{4}\b", remark.text), "no year"
        assert name is None or name not in remark.text
        assert "male" not in remark.text


def test_a_day_later_nobody_is_younger() -> None:
    for n in range(1000):
        day = TODAY + timedelta(days=n)
        assert age_range(Birth(2012, 2, 29), day) <= age_range(Birth(2012, 2, 29), day + timedelta(days=1))
