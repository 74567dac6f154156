"""Nobody is begun with unless their record finds room, and a disk that fills up meanwhile loses nothing."""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from edge.booth import enrolment as core
from edge.booth import room as rooms
from edge.booth.acquisition import Acquisition
from edge.booth.plan import enrolling_plans, plan_named
from edge.booth.room import RETRY_SECONDS, Room, bytes_for
from edge.booth.runner import Runner
from edge.errors import VantayError
from edge.journal import Journal
from edge.keys import read_booth_keys
from edge.messages import Reply, State
from edge.settings import BoothSettings
from edge.store import Store
from tests.edge.booth.test_enrolment import new
from tests.edge.booth.test_runner import life, settings, shown
from tests.edge.parts import AT, CLOCK, NUMBER

__all__ = ["settings"]
NAMESPACE = ("unshare", "--map-root-user", "--mount")
may_mount = (
    shutil.which("unshare") and subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
)
PLAN = bytes_for(plan_named("ten-flats"))


def on_a_full_disk(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    program = [sys.executable, "-m", "tests.edge.booth.full_disk", str(folder), *arguments]
    return subprocess.run([*NAMESPACE, *program], capture_output=True, text=True, timeout=240)


@pytest.mark.skipif(not may_mount, reason="a file system of its own cannot be mounted here")
@pytest.mark.parametrize("plan", enrolling_plans())
def test_whoever_is_begun_with_is_sealed_though_the_disk_is_full(tmp_path: Path, plan: str) -> None:
    done = on_a_full_disk(tmp_path / "disk", plan)
    assert done.returncode == 0, done.stderr
    assert "the disk has no room for one more person (No space left on device)" in done.stdout


@pytest.mark.skipif(not may_mount, reason="a file system of its own cannot be mounted here")
@pytest.mark.parametrize("plan", ["two-index", "four-four-two"])
def test_the_room_is_still_there_after_a_kill_on_the_full_disk(tmp_path: Path, plan: str) -> None:
    done = on_a_full_disk(tmp_path / "disk", plan, "killed")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not may_mount, reason="a file system of its own cannot be mounted here")
def test_without_room_set_aside_the_full_disk_ends_it(tmp_path: Path) -> None:
    done = on_a_full_disk(tmp_path / "disk", "ten-flats", "bare")
    assert done.returncode == 1
    assert "cannot be written (database or disk is full): make room" in done.stderr


def log_of(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_blocks * 512


def test_room_is_blocks_on_the_disk_and_given_back(store: Store, tmp_path: Path) -> None:
    path = Path(store.db.execute("PRAGMA database_list").fetchone()["file"])
    room = Room(store, path)
    assert room.take(5_000_000)
    assert log_of(path) >= 5_000_000
    Journal(store).append("enrolment.started", {"enrolment": "e"}, AT, CLOCK)
    with closing(Store(path)) as other:
        for program in (store, other):
            program.purged = True
            with program.transaction():
                program.move_cursor("x", 1)
    assert log_of(path) >= 5_000_000, "what is purged meanwhile, by whichever program, cuts nothing off"
    with store.transaction():
        Journal(store).append("enrolment.abandoned", {"enrolment": "e"}, AT, CLOCK)
    assert (log_of(path), store.purged) == (0, False), "nor stays longer than until its end"
    assert room.take(5_000_000)
    room.give_back(0.0)
    assert (log_of(path), store.purged, room.held) == (0, False, False)


def test_what_another_program_cut_off_before_the_start_is_set_aside_anew(store: Store) -> None:
    path = Path(store.db.execute("PRAGMA database_list").fetchone()["file"])
    room = Room(store, path)
    assert room.take(5_000_000)
    with closing(Store(path)) as other:
        other.purged = True
        with other.transaction():
            other.move_cursor("x", 1)
    assert log_of(path) < 5_000_000
    room.keep(5_000_000, 0.0)
    assert log_of(path) >= 5_000_000


def test_room_of_a_former_life_is_kept_and_where_it_is_gone_it_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(store.db.execute("PRAGMA database_list").fetchone()["file"])
    assert Room(store, path).take(5_000_000)
    monkeypatch.setattr(rooms, "_free", lambda folder: 100_000)
    room = Room(store, path)
    assert room.take(5_000_000, begun=True)
    assert not room.take(50_000_000, begun=True)
    room.keep(50_000_000, RETRY_SECONDS / 2)
    assert room.trouble
    monkeypatch.undo()
    room.keep(50_000_000, RETRY_SECONDS / 2)
    assert room.trouble, "it was tried a moment ago"
    room.keep(50_000_000, RETRY_SECONDS * 2)
    assert room.trouble is None


def test_room_is_not_set_aside_on_top_of_room_and_is_given_back_when_the_last_reader_left(
    store: Store,
) -> None:
    path = Path(store.db.execute("PRAGMA database_list").fetchone()["file"])
    room = Room(store, path)
    with closing(Store(path)) as reader:
        store.move_cursor("x", 1)
        reader.db.execute("BEGIN")
        reader.cursor_at("x")
        for begun in range(1, 5):
            store.move_cursor("x", 1 + begun)
            assert room.take(5_000_000)
            assert 5_000_000 <= log_of(path) < 6_500_000
            room.give_back(10.0 * begun)
            assert room.held, "it is read"
        reader.db.execute("ROLLBACK")
        room.give_back(41.0)
        assert room.held, "that was tried a moment ago"
        room.give_back(60.0)
        assert not room.held
        assert log_of(path) == 0


def test_no_other_program_writes_into_the_room_of_somebody_on_a_nearly_full_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(store.db.execute("PRAGMA database_list").fetchone()["file"])
    assert Room(store, path).take(5_000_000)
    free = shutil.disk_usage(path)._replace(free=63_999_999)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    with closing(Store(path)) as other:
        other.move_cursor("x", 1)
        Journal(store).append("enrolment.started", {"enrolment": "e"}, AT, CLOCK)
        with pytest.raises(
            VantayError, match=r"somebody is being enrolled, and the disk has only 63 MB free"
        ):
            other.move_cursor("x", 2)
        assert store.cursor_at("x") == 1
        store.move_cursor("x", 3)
        free = free._replace(free=64_000_000)
        other.move_cursor("x", 4)


def test_who_only_reads_leaves_the_log_alone_where_no_daemon_runs(tmp_path: Path) -> None:
    path = tmp_path / "booth.db"
    program = (
        "import os, pathlib, sys; from edge.store import Store; from edge.booth.room import Room\n"
        "store = Store(pathlib.Path(sys.argv[1])); Room(store, store.path).take(5_000_000)\n"
        "store.move_cursor('x', 7); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, path]).returncode == -9
    with closing(Store(path, read_only=True)) as reader:
        assert reader.cursor_at("x") == 7
    assert log_of(path) >= 5_000_000


# The daemon.


def enrol(runner: Runner) -> Reply:
    said: list[bytes] = []

    def publish(topic: str, payload: bytes, retain: bool = False) -> bool:
        said.append(payload)
        return True

    runner._link.publish = publish  # type: ignore[method-assign]
    command = f'{{"request_id":"{os.urandom(4).hex()}","identity_number":"{NUMBER}"}}'
    runner._command("enrol", command.encode())
    return Reply.model_validate_json(said[-1])


def test_nobody_is_begun_with_on_a_full_disk(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        monkeypatch.setattr(rooms, "_free", lambda folder: PLAN - 1)
        reply = enrol(runner)
        assert reply.outcome == "refused"
        assert "nobody can be enrolled here: the disk has no room for one more person" in str(reply.reason)
        assert "47 MB are needed, 46 MB are free; make room there" in str(reply.reason)
        runner._keep_room(0.0)
        assert shown(runner).trouble, "also to whoever asks for nobody"
        monkeypatch.undo()
        runner._keep_room(0.0)
        assert shown(runner).trouble is None
        assert enrol(runner).outcome == "accepted"
        assert log_of(settings.data / "booth.db") >= PLAN
        runner._keep_room(1.0)
        assert runner._room.held
        runner._record([("enrolment.abandoned", {"enrolment": "e", "subject": "s", "reason": "x"})])
        runner._keep_room(2.0)
        assert not runner._room.held
        assert log_of(settings.data / "booth.db") == 0


def test_a_booth_on_a_full_disk_is_not_ready_for_anybody(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        monkeypatch.setattr(type(runner._crew.equipment), "ready", property(lambda self: True))
        assert shown(runner).prompt == "ready for the next subject"
        monkeypatch.setattr(rooms, "_free", lambda folder: 0)
        runner._keep_room(0.0)
        state = shown(runner)
        assert state.prompt == f"nobody can be enrolled here: {state.trouble}"
        assert "no room for one more person (No space left on device)" in str(state.trouble)
        monkeypatch.undo()
        monkeypatch.setattr(type(runner._crew.equipment), "ready", property(lambda self: True))
        runner._keep_room(1.0)
        assert shown(runner).prompt == "ready for the next subject"


def test_a_daemon_that_finds_no_room_for_who_stands_there_asks_for_no_finger(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        runner._record(core.start(None, new(plan="ten-flats")))
        monkeypatch.setattr(rooms, "_free", lambda folder: 0)
        runner._keep_room(10.0)
        state: State = shown(runner)
        assert state.trouble
        assert "no room" in state.trouble
        armed: list[bool] = []
        monkeypatch.setattr(runner._crew, "arm", lambda rolled: armed.append(rolled))
        monkeypatch.setattr(type(runner._crew.equipment), "ready", property(lambda self: True))
        runner._acquisition = Acquisition(scanner=True)
        runner._reconcile(10.0)
        assert armed == []
        monkeypatch.setattr(rooms, "_free", lambda folder: 10 * PLAN)
        runner._keep_room(20.0)
        runner._reconcile(20.0)
        assert armed == [False]


def test_the_warning_comes_before_the_disk_is_full_and_does_not_flap(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At a limit of 20: from 19 on, until there is room for 25."""
    free = [20 * PLAN]
    monkeypatch.setattr(rooms, "_free", lambda folder: free[0])
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)

        def noticed(room_for: int) -> bool:
            free[0] = room_for * PLAN
            runner._keep_room(0.0)
            state = shown(runner)
            assert state.trouble is None, "nothing is refused yet"
            return state.notices == [
                "the disk has room for fewer than 20 more people: have a technician make room in time"
            ]

        told = [(room_for, noticed(room_for)) for room_for in (20, 19, 20, 24, 2, 24, 25, 20, 24, 19)]
        assert [room_for for room_for, said in told if said] == [19, 20, 24, 2, 24, 19]
        assert told[-4:] == [(25, False), (20, False), (24, False), (19, True)]
        assert enrol(runner).outcome == "accepted"
    assert capsys.readouterr().out.count("disk nearly full") == 2, "once each time that it begins"


def test_the_limit_of_the_warning_is_a_setting(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "_free", lambda folder: 3 * PLAN)
    for least, said in ((0, []), (3, []), (4, ["fewer than 4"])):
        with closing(Store(settings.data / "booth.db")) as store:
            runner = life(settings.model_copy(update={"disk_warning": least}), store)
            runner._keep_room(0.0)
            assert [text[22:34] for text in shown(runner).notices] == said
    assert [rooms.is_short(left, 1, short=True) for left in (0, 1, 2, 3)] == [True, True, True, False]
    assert not rooms.is_short(0, 0, short=True), "where none is wanted, none stays"
