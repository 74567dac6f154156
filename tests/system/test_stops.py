"""What stops work at a real booth is in the hub's report `faults`, with its cause and minutes."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.commands.demo import Bar, synthetic_people
from edge.demo.stage import vantay
from edge.errors import VantayError
from edge.messages import Abandon, Enrol, MarkMissing, Phase
from edge.store import Store
from tests.edge.programs import until
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

LASTS = 3.0  # seconds, where a booth waits for a minute
QUICK = f"""
import sys
from edge.booth import hub_away, reporter
from edge.cli import main
hub_away.LASTS = {LASTS}
reporter.LONGEST_PATIENCE = 2.0
sys.exit(main(sys.argv[1:]))
"""
CAMPAIGN = """
[campaign]
name = "Order 01"
legal_basis = ["Order 01"]
start = {start}
units = "units.csv"
[campaign.targets.all]
title = "everyone"
total = 100
[campaign.booths]
{booth} = {{unit = "00091"}}
"""


class CampaignStage(MosquittoStage):
    """The hub counts; the booth's patience with its hub is short."""

    def _configure(self) -> None:
        super()._configure()
        units = "district_code,district,commune_code,commune,kind\n003,One,00091,First,city\n"
        (self.folder / "units.csv").write_text(units)
        start = (datetime.now(UTC) - timedelta(days=2)).date()
        with (self.folder / "hub.toml").open("a") as file:
            file.write(CAMPAIGN.format(start=start, booth=self.booth))

    def start_booth(self) -> None:
        words = ["booth", "--config", str(self.folder / "booth.toml")]
        self.spawn("booth", [sys.executable, "-c", QUICK, *words])

    def faults(self) -> dict[str, tuple[int, int]]:
        """Return faults and minutes by cause, of which there are any, since yesterday."""
        found: dict[str, tuple[int, int]] = {}
        config = str(self.folder / "hub.toml")
        for day in (0, 1):  # the business day may change meanwhile
            at = (datetime.now(UTC) + timedelta(hours=4) - timedelta(days=day)).date().isoformat()
            words = [*vantay("hub"), "report", "faults", "--at", at, "--format", "json", "--config", config]
            said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
            for row in json.loads(said)["rows"]:
                if row["faults"]:
                    before = found.get(row["cause"], (0, 0))
                    found[row["cause"]] = before[0] + row["faults"], before[1] + row["minutes"]
        return found

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return what the hub's journal of the booth has of a kind."""
        try:
            store = Store(self.folder / "hub" / "hub.db", read_only=True)
        except VantayError:  # the hub has not begun
            return []
        try:
            rows = store.db.execute("SELECT body FROM entry WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
        finally:
            store.close()
        return [json.loads(row[0]) for row in rows]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[CampaignStage]:
    stage = CampaignStage(tmp_path, synthetic_people(Bar()), mqtt="auto")
    try:
        stage.set_up()
        yield stage
    finally:
        stage.tear_down()


def begin(console: Console, request_id: str = "r-1") -> None:
    assert console.ask(Enrol(request_id=request_id, identity_number="001090000009")).outcome == "accepted"
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")


def restart(stage: CampaignStage, console: Console, starts: int) -> None:
    console.forget()
    stage.start_booth()
    until(lambda: len(stage.told("booth.started")) == starts, "the start at the hub")
    console.until(lambda: console.state is not None, "the booth")


def test_a_daemon_that_is_killed_at_work_is_a_fault_and_one_that_is_stopped_is_none(
    stage: CampaignStage, console: Console
) -> None:
    until(lambda: stage.told("booth.started"), "the booth at the hub")
    stage.kill("booth")
    restart(stage, console, 2)
    assert stage.faults() == {}, "nobody worked there"
    begin(console)
    stage.end("booth")
    restart(stage, console, 3)
    assert stage.faults() == {}, "it was stopped"
    assert stage.told("booth.stopped") == [{}]
    stage.kill("booth")
    restart(stage, console, 4)
    assert [(body["last_alive"] or {"working": None})["working"] for body in stage.told("booth.started")] == [
        None,
        False,
        None,
        True,
    ]
    assert stage.faults() == {"software": (1, 0)}
    assert console.ask(Abandon(request_id="r-2", reason="x"), "abandon").outcome == "accepted"
    until(lambda: stage.told("enrolment.abandoned"), "the end at the hub")
    stage.kill("booth")
    restart(stage, console, 5)
    assert stage.faults() == {"software": (1, 0)}, "the work was over"
    stage.end("hub")
    stage.start_hub()
    assert stage.faults() == {"software": (1, 0)}


def test_a_station_that_is_gone_for_longer_is_a_fault_of_the_network(
    stage: CampaignStage, console: Console
) -> None:
    until(lambda: stage.told("booth.started"), "the booth at the hub")
    begin(console)
    until(lambda: stage.told("enrolment.started"), "the enrolment at the hub")
    stage.kill("station")
    mark = MarkMissing(request_id="r-2", position=10, reason="bandaged")
    assert console.ask(mark, "mark-missing").outcome == "accepted"
    time.sleep(31)
    assert stage.told("network.back") == []
    stage.start_broker("station")
    (back,) = until(lambda: stage.told("network.back"), "the end of the outage at the hub", 90)
    assert (back["times"], back["seconds"]) == (1, back["ago"])
    assert 30 <= back["seconds"] < 150
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", back["since"])
    assert stage.faults() == {"network": (1, round(back["seconds"] / 60))}
