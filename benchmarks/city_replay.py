"""The whole campaign of a city into the hub's file by `vantay hub import`, then every report from it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import IO

from benchmarks.city_events import DAYS, START, STEPS, shares, units_of
from edge.campaign.reports.catalogue import NAMES
from edge.demo.stage import vantay

BUSY_DAY = (
    START + timedelta(hours=7, days=DAYS - 3)
).date()  # the last day on which people come from morning on
HUB = """data = "."
[campaign]
name = "The whole city"
legal_basis = ["none: a replay"]
start = {start}
span_days = 120
units = "{units}"
deadlines = {{city = 2023-06-30, ministry = 2023-07-31}}
[campaign.targets.all]
title = "everybody"
file = "quota.csv"
"""


@dataclass
class Replay:
    """What a replay came to."""

    events: int
    seconds: float
    peak_mib: float  # of the importing process
    file_mib: float = 0.0
    reports: dict[str, float] = field(default_factory=dict)  # milliseconds, of a process that knew nothing
    wrong: list[str] = field(default_factory=list)


def replay(folder: Path, units: Path, people: int) -> Replay:
    """Import the events of so many people as they are made, then ask for every report."""
    codes = units_of(units)
    _configure(folder, units, codes, people)
    script = Path(__file__).with_name("city_events.py")
    with subprocess.Popen([sys.executable, script, units, str(people)], stdout=subprocess.PIPE) as source:
        begin = time.monotonic()
        out, peak, code = measured(
            [*vantay("hub"), "import", "/dev/stdin", "--config", str(folder / "hub.toml")], source.stdout
        )
        seconds = time.monotonic() - begin
        assert source.stdout
        source.stdout.close()  # one that still writes ends
        if source.wait(timeout=60) or code:
            return Replay(0, seconds, peak, wrong=[f"the import ended with {code}: {out[-300:]}"])
    events = people * len(STEPS)
    found = Replay(events, seconds, peak, (folder / "hub.db").stat().st_size / 2**20)
    if out.strip() != f"new={events} known=0 refused=0":
        found.wrong.append(f"of {events} events the import said: {out.strip()[-300:]}")
    return found


def ask(folder: Path, found: Replay, people: int, names: tuple[str, ...] = NAMES) -> None:
    """Ask for reports, each by a process of its own; time until it has ended."""
    config = ["--config", str(folder / "hub.toml")]
    for name, at in (*((name, str(BUSY_DAY)) for name in names), ("summary", f"{BUSY_DAY}T20:00:00+07:00")):
        begin = time.monotonic()
        out, _, code = measured([*vantay("hub"), "report", name, "--at", at, *config])
        found.reports[f"{name} at {at}"] = (time.monotonic() - begin) * 1000
        if code or not out.strip():
            found.wrong.append(f"the report {name} ended with {code}: {out[-300:]}")
    out, _, _ = measured(
        [*vantay("hub"), "report", "summary", "--format", "json", "--at", str(BUSY_DAY), *config]
    )
    rows = json.loads(out)["rows"]
    collected = next(row["number"] for row in rows if row["what"] == "collected")
    if not 0.95 * people < collected <= people:  # a little is collected after that day
        found.wrong.append(f"of {people} people the summary has {collected}")


def measured(command: list[str], stdin: IO[bytes] | None = None) -> tuple[str, float, int]:
    """Run a command; return what it said, its peak of resident memory in MiB, and its exit code."""
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    with process.stdout:
        out = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return out, usage.ru_maxrss / 1024, process.returncode


def _configure(folder: Path, units: Path, codes: list[str], people: int) -> None:
    parts = [0.0, *shares(codes)]
    quotas = [round(people * (b - a)) for a, b in pairwise(parts)]
    lines = ["code,quota", *(f"{code},{max(1, quota)}" for code, quota in zip(codes, quotas, strict=True))]
    (folder / "quota.csv").write_text("\n".join(lines) + "\n")
    start = (START + timedelta(hours=7)).date()
    (folder / "hub.toml").write_text(HUB.format(start=start, units=units.resolve()))
