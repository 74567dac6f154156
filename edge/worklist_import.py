"""A list of people from a school, an employer or a hamlet, pure: each line taken, known already, or named.

    number,name,birth,sex[,source][,state][,reason]

What is said of a line names line, field and what to do, never a value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from edge.csv_lines import cells_of, columns_of
from edge.errors import BadCommand
from edge.names import fold, same_name, typed_name
from edge.subject import LEAST_AGE, Birth, Remark, Stated, birth_of, remarks_on, sex_of
from edge.worklist import DUE, Listed, check_line, check_state

NEEDED, OPTIONAL = ("number", "name", "birth", "sex"), ("source", "state", "reason")
AGES = ("too-young",)  # who is not old enough today may be when the booth comes
COMPARED = ("name", "birth", "sex")
Cells = dict[str, str]
T = TypeVar("T")


@dataclass(slots=True)
class Plan:
    """What an import is going to do: every line is new, corrects, is known, or is refused."""

    new: list[Listed] = field(default_factory=list)
    corrected: list[Listed] = field(default_factory=list)
    again: list[Listed] = field(default_factory=list)  # held, and on this list, too
    known: int = 0  # says what is held already, or what a line above said
    refused: int = 0
    remarks: list[tuple[int, str, str]] = field(default_factory=list)  # line, field, what to do

    @property
    def told(self) -> list[str]:
        """One sentence for each line that needs a look, in their order."""
        return [f"line {line}, {about}: {text}" for line, about, text in sorted(self.remarks)]

    def tell(self, line: int, about: str, text: str) -> None:
        """Say something of a line that is taken, or known."""
        self.remarks.append((line, about, text))

    def refuse(self, line: int, about: str, text: str) -> None:
        """Say why a line is not taken."""
        self.refused += 1
        self.tell(line, about, text)


def plan_import(
    lines: Iterable[str],
    held: Mapping[str, Listed],
    source: str,
    today: date,
    least_age: int = LEAST_AGE,
    correct: bool = False,
    day_is_sure: bool = True,
) -> Plan:
    """Compare a file with what is held, by number; BadCommand when it is no such list.

    With a day that is not sure, an age refuses no line.
    """
    check_line("source", source)
    plan = Plan()
    by_number: dict[str, list[tuple[int, Listed]]] = {}
    for line, cells in _rows(lines):
        if isinstance(cells, str):
            plan.refuse(line, "cells", f"{cells}; correct the line")
            continue
        try:
            person, remarks = _person(cells, source, today, least_age, day_is_sure)
        except _BadLine as bad:
            plan.refuse(line, bad.about, str(bad))
        else:
            for remark in remarks:
                plan.tell(line, remark.about, f"{remark.text} (no reason to refuse the line)")
            by_number.setdefault(person.number, []).append((line, person))
    taken = [one for same in by_number.values() if (one := _only_one(plan, same))]
    for line, person in taken:
        _against_held(plan, line, person, held.get(person.number), correct)
    _look_alikes(plan, taken, held)
    return plan


def _only_one(plan: Plan, same: list[tuple[int, Listed]]) -> tuple[int, Listed] | None:
    """Return the first of lines that say the same of one number; None when they do not."""
    (first, person), *others = same
    differing = {line: _differing(person, other, (*COMPARED, "state")) for line, other in others}
    if not any(differing.values()):
        for line in differing:
            plan.known += 1
            plan.tell(line, "number", f"a duplicate of line {first}: nothing to do")
        return first, person
    for line, fields in differing.items():
        text = (
            f"conflicts with line {first}, which has the same number: none is taken; correct and import again"
        )
        plan.refuse(line, fields[0] if fields else "number", text)
    plan.refuse(first, "number", "a line below conflicts with it: none is taken; correct and import again")
    return None


def _against_held(plan: Plan, line: int, person: Listed, held: Listed | None, correct: bool) -> None:
    if held is None:
        plan.new.append(person)
        return
    if fields := _differing(held, person, COMPARED):
        if correct:
            plan.corrected.append(replace(person, state=held.state, reason=held.reason))
            plan.tell(line, fields[0], "was otherwise at the booth: corrected")
            return
        text = "the booth holds otherwise: find out which is right, then correct the line or use --correct"
        plan.refuse(line, fields[0], text)
        return
    plan.known += 1
    plan.again.append(held)
    if person.state not in (DUE, held.state):
        text = f"the booth holds '{held.state}': nothing is changed; where the list is right use set-state"
        plan.tell(line, "state", text)
    elif person.source != held.source:
        plan.tell(line, "source", "the person is held already, from another list: nothing is changed")


def _look_alikes(plan: Plan, taken: list[tuple[int, Listed]], held: Mapping[str, Listed]) -> None:
    """Two numbers with one name, birth and sex are two people, or one number is wrong."""
    seen = {_looks(person): (person.number, "somebody at the booth") for person in held.values()}
    new = {person.number for person in plan.new}
    for line, person in taken:
        if person.birth.whole and person.number in new:
            number, whom = seen.setdefault(_looks(person), (person.number, f"line {line}"))
            if number != person.number:
                text = f"name, birth and sex are those of {whom}: check that these are two people (taken)"
                plan.tell(line, "number", text)


def _looks(person: Listed) -> tuple[str, Birth, str]:
    return fold(person.name), person.birth, person.sex


def _differing(one: Listed, other: Listed, fields: tuple[str, ...]) -> list[str]:
    """Name the fields in which two lines about one number differ; spellings of one name are the same."""
    differing = [name for name in fields if getattr(one, name) != getattr(other, name)]
    return [name for name in differing if name != "name" or not same_name(one.name, other.name)]


class _BadLine(Exception):
    def __init__(self, about: str, text: str) -> None:
        super().__init__(text)
        self.about = about


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, Cells | str]]:
    """Yield (line, its cells), or (line, what is wrong with it); empty lines are passed over."""
    lines = iter(lines)
    header = next(lines, "")
    delimiter = max(",;\t", key=header.count)
    try:
        names = columns_of(next(cells_of([header.casefold()], delimiter), (1, list[str]()))[1])
    except ValueError as error:
        raise BadCommand(f"{error}; nothing was taken") from None
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in NEEDED + OPTIONAL]
    if missing or unknown:
        wrong = f"{missing[0]} is missing" if missing else "another is there"
        raise BadCommand(
            f"the first line must name the columns {', '.join(NEEDED)}, and may name "
            f"{', '.join(OPTIONAL)}: {wrong}"
        )
    for line, cells in cells_of(lines, delimiter):
        if isinstance(cells, str):
            yield line + 1, cells
        elif any(cell.strip() for cell in cells):
            if len(cells) == len(names):
                yield line + 1, dict(zip(names, map(str.strip, cells), strict=True))
            else:
                yield line + 1, "another number of cells than in the first line"


def _checked(about: str, check: Callable[[], T]) -> T:
    try:
        return check()
    except BadCommand as error:
        raise _BadLine(about, f"{error}") from None


def _person(
    cells: Cells, source: str, today: date, least_age: int, day_is_sure: bool
) -> tuple[Listed, list[Remark]]:
    """Return who a line names, and what is odd about it."""
    name = _checked("name", lambda: typed_name(cells["name"]))
    birth = _checked("birth", lambda: birth_of(cells["birth"]))
    sex = _checked("sex", lambda: sex_of(cells["sex"]))
    stated = Stated(cells["number"], name, birth, sex)
    remarks = _checked("number", lambda: remarks_on(stated, today, least_age, day_is_sure))
    for remark in remarks:
        if remark.refused and remark.name not in AGES:
            raise _BadLine(remark.about, remark.text)
    state, reason = cells.get("state", "").casefold() or DUE, cells.get("reason", "")
    _checked("state", lambda: check_state(state, reason))
    source = cells.get("source", "") or source
    _checked("source", lambda: check_line("source", source))
    return Listed(stated.number, name, birth, sex, source, state, reason), remarks
