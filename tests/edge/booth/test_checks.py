"""docs/CHECKS.md names the seven checks: its rates, journal entries and sentences are the program's."""

import re
from pathlib import Path

import pytest

from edge import harmless
from edge.booth import entries, second_look
from edge.settings import Comparison

ROOT = Path(__file__).parents[3]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "CHECKS.md").read_text("utf-8").splitlines()
    if re.match(r"\| [0-9]\.", line)
]
FINDINGS = {value for name, value in vars(entries).items() if name.isupper() and isinstance(value, str)}
SOURCE = " ".join(
    re.sub(r'"\s*f?"', "", path.read_text("utf-8")) for path in sorted((ROOT / "edge" / "booth").glob("*.py"))
)


def test_all_seven_are_there_and_each_says_who_may_override() -> None:
    assert [row[0][:2] for row in ROWS] == [f"{number}." for number in range(1, 8)]
    assert all(len(row) == 5 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:1])
def test_each_row_is_true(row: list[str]) -> None:
    _, rates, journal, sentences, _ = row
    known = {
        **Comparison().model_dump(),
        **{n: getattr(second_look, n) for n in ("AT_ONCE", "TOGETHER", "ASK")},
    }
    for name, value in re.findall(r"`(\w+)` ([0-9.e-]+)", rates):
        assert known[name] == float(value), name
    named = re.findall(r"`([^`]+)`", journal)
    assert named
    for word in named:
        assert word in (harmless.KINDS if "." in word else FINDINGS), word
    told = re.findall(r'"([^"]+)"', sentences)
    assert told
    for sentence in told:
        for part in filter(None, (part.strip(" ,:") for part in sentence.split("…"))):
            assert part in SOURCE, part
