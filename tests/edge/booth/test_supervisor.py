"""The supervisor: a worker's words are handed on, its death is noticed, its next life waits ever longer."""

import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.booth import channel
from edge.booth.supervisor import FIRST_PAUSE, LONGEST_PAUSE, FromWorker, Worker, WorkerDied

pytestmark = pytest.mark.system

SECONDS = 60.0
NO_SCANNER = ["usbip://127.0.0.1:1", "0.1"]

Heard = queue.SimpleQueue[FromWorker | WorkerDied]


@pytest.fixture
def heard() -> Heard:
    return queue.SimpleQueue()


@pytest.fixture
def start(heard: Heard) -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def begin(*arguments: str) -> Worker:
        worker = Worker("scanner", list(arguments), heard.put)
        started.append(worker)
        worker.start()
        return worker

    yield begin
    for worker in started:
        worker.kill()
        worker.stop()


def program(folder: Path, text: str) -> str:
    """Return the path of a program that stands in for the interpreter: `text` runs with `end`, its socket."""
    path = folder / "worker"
    head = f"#!{sys.executable}\nimport os, socket, sys, time\nend = socket.socket(fileno=int(sys.argv[3]))\n"
    path.write_text(head + text + "\n")
    path.chmod(0o700)
    return str(path)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def word(heard: Heard) -> FromWorker:
    """Wait for something that is more than a sign of life."""
    while True:
        event = heard.get(timeout=SECONDS)
        assert isinstance(event, FromWorker)
        if not isinstance(event.message, channel.Alive):
            return event


def death(heard: Heard) -> WorkerDied:
    while True:
        event = heard.get(timeout=SECONDS)
        if isinstance(event, WorkerDied):
            return event


def test_words_and_death_are_told_with_the_life_they_belong_to(
    start: Callable[..., Worker], heard: Heard
) -> None:
    worker = start(*NO_SCANNER)
    first = word(heard)
    assert (first.worker, first.life, type(first.message)) == ("scanner", 1, channel.ScannerFault)
    os.kill(worker.pid, signal.SIGKILL)
    assert death(heard) == WorkerDied("scanner", 1)
    worker.start()
    assert word(heard).life == 2


@pytest.mark.parametrize(
    "text",
    [
        "end.send(b'nonsense'); time.sleep(600)",
        "end.send(b'{\"type\":\"disarm\"}' + b' ' * 70000); time.sleep(600)",
        'socket.send_fds(end, [b\'{"type":"disarm"}\'], [os.pipe()[0]]); time.sleep(600)',
        "end.close(); time.sleep(600)",
        "sys.exit(3)",
    ],
    ids=["nonsense", "too long", "a pipe for a blob", "deaf", "ended"],
)
def test_a_worker_that_says_nonsense_or_falls_silent_is_ended(
    start: Callable[..., Worker],
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str,
) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path, text))
    worker = start()
    died = death(heard)
    assert died == WorkerDied("scanner", 1)
    assert "\n" not in died.reason
    assert died.reason
    assert gone(worker.pid)


def test_talking_to_a_dead_worker_is_no_error(start: Callable[..., Worker], heard: Heard) -> None:
    worker = Worker("scanner", NO_SCANNER, heard.put)
    worker.send(channel.Disarm())
    worker.stop()
    worker.kill()
    worker.start()
    worker.kill()
    death(heard)
    worker.send(channel.Disarm(), b"blob")
    worker.stop()


def test_stopping_ends_the_process(start: Callable[..., Worker], heard: Heard) -> None:
    worker = start(*NO_SCANNER)
    word(heard)
    worker.stop()
    assert death(heard) == WorkerDied("scanner", 1)
    assert gone(worker.pid)


def test_stopping_ends_a_process_that_does_not_listen(
    start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path, "time.sleep(600)"))
    worker = start()
    worker.stop()
    assert gone(worker.pid)


def test_a_worker_inherits_nothing_but_its_channel(
    start: Callable[..., Worker],
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    secret = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        text = f"open({str(tmp_path / 'seen')!r}, 'w').write(str(os.path.exists('/proc/self/fd/{secret}')))"
        monkeypatch.setattr(sys, "executable", program(tmp_path, text))
        start()
        death(heard)
    finally:
        os.close(secret)
    assert (tmp_path / "seen").read_text() == "False"


def test_early_deaths_make_the_next_life_wait_and_a_long_life_forgives() -> None:
    worker = Worker("scanner", [], lambda event: None)
    pauses = [worker.bury(now) for now in (0.1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_PAUSE, LONGEST_PAUSE]
    assert worker.bury(1000.0) == FIRST_PAUSE


def test_the_next_life_begins_when_it_is_due(start: Callable[..., Worker], heard: Heard) -> None:
    worker = start(*NO_SCANNER)
    assert not worker.due(1e9), "nobody died"
    worker.kill()
    death(heard)
    pause = worker.bury(1e9)
    assert not worker.due(1e9 + pause / 2)
    assert worker.due(1e9 + pause)
    worker.start()
    assert not worker.due(1e9 + pause)
