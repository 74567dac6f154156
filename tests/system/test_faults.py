"""Two hundred kills and cuts while three booths report: the short form of `make test-faults`."""

from pathlib import Path

import pytest

from tests.system.faults import run

KILLS, ENTRIES = 200, 5_000
PAUSE = (0.0, 0.3)  # seconds between two of them


@pytest.mark.system
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_stored_twice_after_two_hundred_kills(tmp_path: Path) -> None:
    result = run(tmp_path, KILLS, ENTRIES, 3, PAUSE)
    assert result.wrong == []
    assert (result.lost, result.duplicated) == (0, 0)
    assert result.kills >= KILLS
    assert result.entries >= ENTRIES
