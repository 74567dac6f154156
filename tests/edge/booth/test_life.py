"""Whether a life ended as it should, and when it was last alive, whatever killed it."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from edge.booth import enrolment as core
from edge.booth.life import MARK_SECONDS, STARTED, STOPPED, Life
from edge.booth.runner import Runner, Stop
from edge.journal import Journal
from edge.keys import make_booth_keys, make_ministry_key, read_booth_keys
from edge.messages import Clock
from edge.settings import BoothSettings
from edge.store import Store
from tests.edge.booth.test_enrolment import new
from tests.edge.parts import AT

MARKING = """
import sys
from pathlib import Path
from edge.booth.life import MARK_SECONDS, STARTED, Life
from edge.journal import Journal
from edge.messages import Clock
from edge.store import Store
journal = Journal(Store(Path(sys.argv[1])))
life = Life(journal)
with journal.store.transaction():
    journal.append(STARTED, {}, "0", Clock(synchronised=True, boot="b0", monotonic_ms=0))
    life.begin(0.0, "0", Clock(synchronised=True, boot="b0", monotonic_ms=0))
for n in range(1, 10**9):
    life.mark(n * MARK_SECONDS, str(n), Clock(synchronised=True, boot="b0", monotonic_ms=60_000 * n))
    print(n, flush=True)
"""


def clock_at(seconds: float, boot: str = "b0") -> Clock:
    return Clock(synchronised=True, boot=boot, monotonic_ms=int(1000 * seconds))


def begin(store: Store, seconds: float = 0.0) -> Life:
    life = Life(Journal(store))
    with store.transaction():
        Journal(store).append(STARTED, {}, AT, clock_at(seconds))
        life.begin(seconds, AT, clock_at(seconds))
    return life


def seconds_of(store: Store) -> float | None:
    said = Life(Journal(store)).last_alive(True)
    return said["clock"]["monotonic_ms"] / 1000 if said else None


def test_the_last_mark_or_an_entry_soon_after_it_is_the_last_sign_of_life(store: Store) -> None:
    assert seconds_of(store) is None, "a box that never ran"
    life = begin(store)
    assert seconds_of(store) == 0
    for second in range(1, 200):
        life.mark(second, f"at {second}", clock_at(second))
    assert seconds_of(store) == 180, "once a minute"
    Journal(store).append("finding", {}, AT, clock_at(199))
    said = Life(Journal(store)).last_alive(False)
    assert said == {"at": AT, "clock": clock_at(199).model_dump(), "working": False}
    Journal(store).append("worklist.purged", {}, AT, clock_at(9000))
    assert seconds_of(store) == 180, "hours later that was another program"


def test_a_stop_and_a_life_without_marks_say_nothing(store: Store) -> None:
    begin(store)
    Journal(store).append(STOPPED, {}, AT, clock_at(5))
    assert seconds_of(store) is None
    begin(store, 10)
    assert seconds_of(store) == 10
    Journal(store).append(STARTED, {}, AT, clock_at(20))  # an earlier release ran in between
    assert seconds_of(store) is None, "the mark is of another life"


def test_who_has_the_file_locked_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    life = begin(store)
    words = [sys.executable, "-m", "tests.edge.hold_lock", str(tmp_path / "booth.db"), "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "locked\n"
        began = time.monotonic()
        life.mark(MARK_SECONDS, AT, clock_at(60))
        assert time.monotonic() - began < 1
        assert seconds_of(store) == 0
    life.mark(2 * MARK_SECONDS, AT, clock_at(120))
    assert seconds_of(store) == 120


def test_a_kill_while_marking_leaves_the_last_mark(tmp_path: Path) -> None:
    path = tmp_path / "booth.db"
    for _ in range(3):
        words = [sys.executable, "-c", MARKING, str(path)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as booth:
            assert booth.stdout
            for _ in range(20):
                told = int(booth.stdout.readline())
            booth.kill()
            told = max([told, *map(int, booth.stdout.read().split("\n")[:-1])])
        with closing(Store(path)) as store:
            said = Life(Journal(store)).last_alive(True)
        assert said
        assert int(said["at"]) in (told, told + 1)
        assert said["clock"]["monotonic_ms"] == 60_000 * int(said["at"])


@pytest.fixture
def settings(tmp_path: Path) -> BoothSettings:
    make_ministry_key(tmp_path / "ministry")
    make_booth_keys(tmp_path / "keys", tmp_path / "ministry" / "ministry.pub")
    return BoothSettings(booth="b-1", data=tmp_path, keys=tmp_path / "keys")


def run_once(settings: BoothSettings, monkeypatch: pytest.MonkeyPatch, break_down: bool = False) -> None:
    """Let the real loop begin and end at once, without its processes and without a broker."""
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        monkeypatch.setattr(runner._crew, "start", lambda: None)
        monkeypatch.setattr(runner._link, "start", lambda: None)
        monkeypatch.setattr(runner._link, "stop", lambda: None)
        if break_down:
            monkeypatch.setattr(runner, "_turn", lambda: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                runner.run()
            return
        runner.mailbox.put(Stop())
        runner.run()


def lives(settings: BoothSettings) -> list[tuple[str, bool | None]]:
    """Return starts, with what they say of the life before, and stops."""
    with closing(Store(settings.data / "booth.db")) as store:
        told = [e for e in Journal(store).read() if e.kind in (STARTED, STOPPED)]
    return [(e.kind, (e.body.get("last_alive") or {}).get("working")) for e in told]


def test_the_daemon_says_how_it_ended_and_whether_there_was_work(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(settings, monkeypatch)
    run_once(settings, monkeypatch, break_down=True)
    clean = [(STARTED, None), (STOPPED, None)]
    assert lives(settings) == [*clean, (STARTED, None)]
    run_once(settings, monkeypatch)
    assert lives(settings)[3:] == [(STARTED, False), (STOPPED, None)]
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        runner._record(core.start(None, new(plan="ten-flats")))
    run_once(settings, monkeypatch, break_down=True)
    assert lives(settings)[5:] == [(STARTED, None)], "it was stopped, whoever is being enrolled"
    run_once(settings, monkeypatch)
    assert lives(settings)[6:] == [(STARTED, True), (STOPPED, None)]


def test_an_end_waits_for_nobody(settings: BoothSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        runner._record_start(None)
        words = [sys.executable, "-m", "tests.edge.hold_lock", str(settings.data / "booth.db"), "2"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout
            assert other.stdout.readline() == "locked\n"
            began = time.monotonic()
            runner._record_stop()
            assert time.monotonic() - began < 1
    assert lives(settings) == [(STARTED, None)]
