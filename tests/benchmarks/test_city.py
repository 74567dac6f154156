"""The city's benchmark on a small scale: what it counts is what happened, and it fails where it should."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.city import beyond, postgres, told
from benchmarks.city_events import STEPS, lines
from benchmarks.city_load import Load, load, percentile
from benchmarks.city_replay import BUSY_DAY, Replay, ask, replay
from edge.campaign.events import event_of
from edge.campaign.lists import read_units
from edge.hub.campaign_import import _json_lines
from tests.system.production import needed

UNITS = ["district_code,district,commune_code,commune,kind"]
UNITS += [f"{n % 3:03},District {n % 3},{10000 + n},Commune {n},xa" for n in range(9)]
CODES = [str(10000 + n) for n in range(9)]
GOOD = Load(579, connect_s=6, committed_per_s=2200, waits_ms=[50.0])
WHOLE = Replay(25_000_000, 900, 500, reports={"summary": 900.0})


@pytest.fixture
def units(tmp_path: Path) -> Path:
    path = tmp_path / "units.csv"
    path.write_text("\n".join(UNITS) + "\n")
    return path


def test_events_are_valid_in_order_and_the_same_again() -> None:
    made = list(lines(CODES, 400))
    assert made == list(lines(CODES, 400))
    known, problems = read_units(UNITS)
    events = [event_of(row, known) for _, row in _json_lines(made)]
    assert not problems
    assert Counter(event.kind for event in events) == {kind: 400 for kind, _ in STEPS}
    assert len({event.id for event in events}) == len(events)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert {event.unit for event in events} == set(CODES)


@pytest.mark.system
def test_a_small_campaign_is_replayed_and_asked_for(units: Path, tmp_path: Path) -> None:
    (tmp_path / "replay").mkdir()
    found = replay(tmp_path / "replay", units, 300)
    ask(tmp_path / "replay", found, 300, ("manifest",))
    assert (found.wrong, found.events) == ([], 1200)
    assert set(found.reports) == {f"manifest at {BUSY_DAY}", f"summary at {BUSY_DAY}T20:00:00+07:00"}
    assert found.peak_mib > 10


@pytest.mark.system
def test_a_few_booths_report_over_mutual_tls(tmp_path: Path) -> None:
    needed("mosquitto", "mosquitto")
    (tmp_path / "load").mkdir()
    found = load(tmp_path / "load", 3, 20, 0.5, 0.5)
    assert found.wrong == []
    assert (found.burst_entries, len(found.waits_ms)) == (60, 250)
    assert found.committed_per_s > 0


@pytest.mark.system
def test_a_few_booths_report_to_two_collectors_on_postgresql(tmp_path: Path) -> None:
    needed("mosquitto", "mosquitto")
    (tmp_path / "load").mkdir()
    with postgres(True) as url:
        found = load(tmp_path / "load", 3, 20, 0.5, 0.5, url)
    assert found.wrong == []
    assert (found.burst_entries, len(found.waits_ms)) == (60, 250)


def test_each_limit_is_held_against_what_was_measured() -> None:
    assert beyond(GOOD, WHOLE) == []
    bad = Load(579, connect_s=60, committed_per_s=1999, waits_ms=[1.0, 2000.0])
    slow = Replay(24_999_999, 1200, 1024, reports={"summary": 900.0, "manifest": 2000.0})
    assert [text.split(" ")[0] for text in beyond(bad, slow)] == [
        "connect_s",
        "p99_ms",
        "replay_s",
        "peak_mib",
        "report_ms",
        "committed_per_s",
        "replay_events",
    ]
    assert len(beyond(Load(579), Replay(0, 0, 0))) == 4  # nothing measured holds no limit
    assert percentile([], 0.99) == float("inf")


def test_the_exit_code_says_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(GOOD, WHOLE, short=False) == 0
    assert capsys.readouterr().out == (
        "booths=579 connect_s=6.0 committed_per_s=2200 p99_ms=50 replay_events=25000000 replay_s=900 "
        "peak_mib=500 report_ms=900\n"
    )
    assert told(GOOD, Replay(1, 1, 1, reports={"summary": 1.0}), short=False) == 1
    assert told(GOOD, WHOLE, short=True) == 2
    assert told(GOOD, Replay(25_000_000, 9, 9, reports={"summary": 1.0}, wrong=["it"]), short=False) == 2
