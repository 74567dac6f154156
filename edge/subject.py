"""What a subject's number, birth, sex and name must be, pure. No sentence repeats a value: others read them.

The personal number, PPP G YY NNNNNN (Decree 137/2015, article 13; Circular 07/2016, article 7):
    PPP     where the birth was registered: a province, or a country
    G       century and sex: 1900 to 1999 male 0, female 1; 2000 to 2099 2, 3; ... 2300 to 2399 8, 9
    YY      the last two digits of the birth year
    NNNNNN  at random; there is no check digit
An old identity card's number has 9 digits and tells nothing.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from edge.errors import BadCommand
from edge.names import has_foreign_letters, is_one_word

Sex = Literal["male", "female"]
SEXES: dict[str, Sex] = {"male": "male", "nam": "male", "female": "female", "nữ": "female", "nu": "female"}
LEAST_AGE = 14  # years (Law on Citizen Identification 2014); from 6 where a campaign asks for it
OLDEST = 130  # years
FIRST_CENTURY = 19
PROVINCES = frozenset(
    f"{code:03}"
    for code in (
        *(1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38),
        *(40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79),
        *(80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96),
    )
)  # the 63 of 2015 to 2025; 001 is Hanoi
_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2}))?")
_TYPED = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


class Birth(NamedTuple):
    """A date, or a year alone: month and day are 0."""

    year: int
    month: int = 0
    day: int = 0

    @property
    def whole(self) -> bool:
        """Whether the day is known."""
        return self.month > 0

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}-{self.day:02}" if self.whole else f"{self.year}"

    def fits(self, other: "Birth") -> bool:
        """Whether both may be one: the same day, or where one is a year alone, the same year."""
        return self == other if self.whole and other.whole else self.year == other.year


class Number(NamedTuple):
    """What the personal number says."""

    place: str
    sex: Sex
    year: int


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about a subject's data, in one sentence; `refused`: nobody is enrolled with it."""

    name: str
    text: str
    refused: bool
    about: str  # the key that is probably wrong


@dataclass(frozen=True, slots=True)
class Stated:
    """What is said of a subject; None where nothing is."""

    number: str
    name: str | None = None
    birth: Birth | None = None
    sex: Sex | None = None


def number_said(number: str) -> Number | None:
    """Return what a number of 12 digits says, None for an old one of 9; BadCommand when it is neither."""
    if not re.fullmatch(r"[0-9]{9}|[0-9]{12}", number):
        raise BadCommand(
            "the identity number must be 12 digits, leading zeros included, or the 9 of an old identity card"
        )
    if len(number) == 9:
        return None
    century, sex = divmod(int(number[3]), 2)
    year = (FIRST_CENTURY + century) * 100 + int(number[4:6])
    return Number(number[:3], "female" if sex else "male", year)


def birth_of(text: str) -> Birth:
    """Read d/m/yyyy, yyyy-mm-dd or a year alone; BadCommand when it is none of them."""
    if typed := _TYPED.fullmatch(text.strip()):
        day, month, year = (int(part) for part in typed.groups())
    elif iso := _ISO.fullmatch(text.strip()):
        year, month, day = (int(part or -1) for part in iso.groups())
    else:
        raise BadCommand(
            "the birth must be day/month/year, as 5/9/1990, or where only that is known, the year"
        )
    try:
        if month < 0:
            return Birth(date(year, 1, 1).year)
        return Birth(*date(year, month, day).timetuple()[:3])
    except ValueError:
        raise BadCommand(
            "the birth is no day of the calendar: give the year alone where only that is known"
        ) from None


def sex_of(text: str) -> Sex:
    """Read male, female, nam or nữ."""
    if (sex := SEXES.get(text.strip().casefold())) is None:
        raise BadCommand("the sex must be male or female (nam, nữ)")
    return sex


def age_range(birth: Birth, day: date) -> tuple[int, int]:
    """Return the least and the greatest age in whole years on a day; the birthday counts.

    Whoever was born on 29 February is a year older on 1 March where there is no such day.
    """
    years = day.year - birth.year
    if birth.whole:
        age = years - ((day.month, day.day) < (birth.month, birth.day))
        return age, age
    return years - 1, years


def remarks_on(
    stated: Stated, day: date, least_age: int = LEAST_AGE, day_is_sure: bool = True
) -> list[Remark]:
    """Apply every rule; with a day that is not sure, an age is warned of and not refused."""
    number = number_said(stated.number)
    found = _number_remarks(number, stated)
    birth = stated.birth or (Birth(number.year) if number else None)
    if birth:
        found += _age_remarks(birth, day, least_age, day_is_sure)
    elif number is None:
        found.append(
            _warn("age-unknown", "the age is not known: an old number needs the birth stated", "birth")
        )
    if stated.name is not None:
        found += _name_remarks(stated.name)
    return found


def _number_remarks(number: Number | None, stated: Stated) -> list[Remark]:
    if number is None:
        return [
            _warn(
                "old-number", "this is an old number of 9 digits: take the 12 where there are any", "number"
            )
        ]
    found = []
    if number.place not in PROVINCES:
        text = "the number begins with no province's code: right only where the birth was registered abroad"
        found.append(_warn("unknown-province", text, "number"))
    if stated.sex and stated.sex != number.sex:
        text = "the sex is not the one that the number says: correct what was typed wrong"
        found.append(_refuse("number-sex", text, "sex"))
    if stated.birth and stated.birth.year != number.year:
        text = "the birth year is not the one that the number says: correct what was typed wrong"
        found.append(_refuse("number-year", text, "birth"))
    return found


def _age_remarks(birth: Birth, day: date, least_age: int, day_is_sure: bool) -> list[Remark]:
    least, greatest = age_range(birth, day)
    unsure = "" if day_is_sure else "by a clock that is not set, "
    judge = _refuse if day_is_sure else _warn
    if greatest < 0:
        return [
            judge("not-born", f"{unsure}the birth is in the future: correct the number or the birth", "birth")
        ]
    if least > OLDEST:
        return [
            judge("too-old", f"{unsure}the person is over {OLDEST}: correct the number or the birth", "birth")
        ]
    if greatest < least_age:
        return [
            judge(
                "too-young", f"{unsure}the person is not yet {least_age}, the least age of a holder", "birth"
            )
        ]
    if least < least_age:
        text = f"whether the person is {least_age} today cannot be told from a year alone: look at a document"
        return [_warn("age-unsure", text, "birth")]
    return []


def _name_remarks(name: str) -> list[Remark]:
    found = []
    if is_one_word(name):
        found.append(
            _warn("one-word", "the name is one word: check that family and given name are there", "name")
        )
    if has_foreign_letters(name):
        text = "the name has a letter that Vietnamese is not written with: check it, letter by letter"
        found.append(_warn("foreign-letter", text, "name"))
    return found


def _warn(name: str, text: str, about: str) -> Remark:
    return Remark(name, text, False, about)


def _refuse(name: str, text: str, about: str) -> Remark:
    return Remark(name, text, True, about)
