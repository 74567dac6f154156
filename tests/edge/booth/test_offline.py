"""The journal is the only queue: a million entries that wait for the hub cost disk and no memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.booth.reporter import WINDOW

MILLION = 1_000_000
MEMORY_MIB = 16  # beyond the interpreter with its modules
FIRST_SECONDS = 1.0  # until the first window is out
REPORTED = 10_000


def offline(what: str, path: Path, entries: int) -> dict[str, Any]:
    program = [sys.executable, "-m", "tests.edge.booth.offline", what, str(path), str(entries)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def check(path: Path, entries: int, reported: int) -> None:
    for told in (offline("write", path, entries), offline("report", path, reported)):
        assert told["entries"] == entries
        assert told["peak_mib"] - told["before_mib"] < MEMORY_MIB, told
    assert (told["acknowledged"], told["most"]) == (reported, WINDOW)
    assert told["first_s"] < FIRST_SECONDS, told


@pytest.mark.slow
def test_a_million_entries_offline_cost_disk_and_no_memory(tmp_path: Path) -> None:
    check(tmp_path / "booth.db", MILLION, REPORTED)
    assert (tmp_path / "booth.db").stat().st_size > 200 * MILLION, "that is where they are"


def test_some_thousand_entries_offline_cost_no_memory(tmp_path: Path) -> None:
    check(tmp_path / "booth.db", 20_000, 1000)
