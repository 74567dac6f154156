"""Imported lists: units by official code, quotas, rounds. A line that is wrong is named, none is guessed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.csv_lines import cells_of, columns_of

CODE = r"^[0-9A-Z]{2,8}$"  # an official code
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LARGEST_QUOTA = 200_000_000  # people; the whole country has some hundred million
UNIT_COLUMNS = ("district_code", "district", "commune_code", "commune", "kind")


class Unit(NamedTuple):
    """One unit; a district's own code is its units' district."""

    code: str
    name: str
    district: str


@dataclass(frozen=True, slots=True)
class Units:
    """Communes and districts by official code. Names repeat (25 in Hanoi): nothing is looked up by them."""

    communes: dict[str, Unit]
    districts: dict[str, str]  # code -> name

    def __contains__(self, code: object) -> bool:
        return code in self.communes or code in self.districts

    def name(self, code: str) -> str:
        """Return the name of a commune or a district, for people to read."""
        return self.communes[code].name if code in self.communes else self.districts[code]

    def district(self, code: str) -> str:
        """Return the district of a commune; a district is its own."""
        return self.communes[code].district if code in self.communes else code

    def within(self, code: str) -> list[str]:
        """Return the communes of a district, or the one commune."""
        return (
            [code]
            if code in self.communes
            else [u.code for u in self.communes.values() if u.district == code]
        )

    def sizes(self) -> Counter[str]:
        """Return how many communes each district has."""
        return Counter(unit.district for unit in self.communes.values())


@dataclass(slots=True)
class Imported:
    """What came of a list: numbers by code, and one sentence for each line that was not taken."""

    numbers: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Stop(NamedTuple):
    """A team's turn in a unit."""

    round: int
    team: str
    code: str


def rows_of(
    lines: Iterable[str], columns: tuple[str, ...], problems: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, cells) of a CSV with a header; a line that cannot be read is told among the problems.

    ValueError when a column is missing, or is there twice.
    """
    rows = cells_of(lines)
    names = columns_of(next(rows, (1, list[str]()))[1])
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"the column {missing[0]} is missing: the first line must name {', '.join(columns)}")
    for line, cells in rows:
        if isinstance(cells, str):
            problems.append(f"line {line}: {cells}")
        elif any(cells[len(names) :]):  # as a comma in a name makes, without quotes around it
            problems.append(f"line {line}: the line has more cells than the first")
        else:
            row = dict(zip(names, map(str.strip, cells), strict=False))
            if spoilt := next((name for name in columns if CONTROL.search(row.get(name, ""))), None):
                problems.append(f"line {line}: a control character is in {spoilt}")
            else:
                yield line, {name: row.get(name, "") for name in columns}


def read_units(lines: Iterable[str]) -> tuple[Units, list[str]]:
    """Read the official list; a line without commune_code is a district alone, as an office that collects."""
    units, problems = Units({}, {}), list[str]()
    for line, row in rows_of(lines, UNIT_COLUMNS, problems):
        district, code = row["district_code"], row["commune_code"]
        if not district:
            problems.append(f"line {line}: no district_code")
        elif spoilt := next((one for one in (district, code) if one and not re.fullmatch(CODE, one)), None):
            problems.append(f"line {line}: '{spoilt}' is no official code, which is 2 to 8 of 0-9A-Z")
        elif units.districts.setdefault(district, row["district"]) != row["district"]:
            problems.append(f"line {line}: district {district} has another name than above")
        elif code in units:
            problems.append(f"line {line}: the code {code} is there already")
        elif code:
            units.communes[code] = Unit(code, row["commune"], district)
    return units, problems


def read_quota(lines: Iterable[str], units: Units) -> Imported:
    """Read `code,quota`. A code that comes again is a duplicate, or a conflict, which counts nowhere."""
    found, first, conflicts = Imported(), dict[str, int](), set[str]()
    for line, row in rows_of(lines, ("code", "quota"), found.problems):
        code, text = row["code"], row["quota"]
        if code not in units:
            found.problems.append(f"line {line}: no unit has the code {code or '(empty)'}")
        elif not _whole(text):
            found.problems.append(f"line {line}: the quota of {code} must be a whole number")
        elif int(text) > LARGEST_QUOTA:
            found.problems.append(f"line {line}: the quota of {code} is more than {LARGEST_QUOTA:,}")
        elif code not in first:
            first[code], found.numbers[code] = line, int(text)
        elif found.numbers[code] == int(text):
            found.problems.append(f"line {line}: {code} is a duplicate of line {first[code]}")
        else:
            found.problems.append(
                f"line {line}: {code} conflicts with line {first[code]} ({text}, not {found.numbers[code]}): "
                "neither is taken"
            )
            conflicts.add(code)
    for code in conflicts:
        del found.numbers[code]
    return found


def read_rounds(lines: Iterable[str], units: Units) -> tuple[list[Stop], list[str]]:
    """Read `round,team,code`: which team goes where in which round."""
    stops: dict[tuple[int, str], Stop] = {}
    problems = list[str]()
    for line, row in rows_of(lines, ("round", "team", "code"), problems):
        if row["code"] not in units.communes:
            problems.append(f"line {line}: no commune has the code {row['code'] or '(empty)'}")
        elif not _whole(row["round"]):
            problems.append(f"line {line}: the round must be a whole number")
        elif (key := (int(row["round"]), row["code"])) in stops:
            problems.append(
                f"line {line}: {row['code']} is in round {key[0]} already, with {stops[key].team}"
            )
        else:
            stops[key] = Stop(key[0], row["team"], row["code"])
    return list(stops.values()), problems


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12
