"""The crew's watch over the scanner's process: one that is silent is ended, from its first moment on."""

import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.booth import channel
from edge.booth.crew import SILENCE_SECONDS, START_SECONDS, Crew
from edge.booth.supervisor import FromWorker, WorkerDied
from edge.settings import BoothSettings, Scanner
from tests.edge.booth.worker_process import SECONDS

pytestmark = pytest.mark.system

Heard = queue.SimpleQueue[FromWorker | WorkerDied]


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def __getattr__(self, _level: str) -> Callable[..., None]:
        return lambda event, **_: self.events.append(event)


@pytest.fixture
def heard() -> Heard:
    return queue.SimpleQueue()


@pytest.fixture
def crew(heard: Heard, tmp_path: Path) -> Iterator[Crew]:
    place = Scanner(where="usbip://127.0.0.1:1", serial="A B")
    settings = BoothSettings(booth="b-1", data=tmp_path, keys=tmp_path, scanner=place)
    crew = Crew(
        settings, {"model": "m", "serial": "A B", "firmware": "", "location": "here"}, heard.put, Log()
    )
    yield crew
    for worker in crew._workers.values():
        worker.kill()
    crew.stop()


def of_scanner(heard: Heard, kind: type[Any]) -> Any:
    while not (isinstance(event := heard.get(timeout=SECONDS), kind) and event.worker == "scanner"):
        pass
    return event


def dies(crew: Crew, heard: Heard) -> WorkerDied:
    died: WorkerDied = of_scanner(heard, WorkerDied)
    crew.bury(died, time.monotonic())
    return died


def test_one_that_never_says_a_word_is_ended_and_counts(
    crew: Crew, heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mute = tmp_path / "mute"
    mute.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    mute.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(mute))
    crew.start()
    now = time.monotonic()
    crew.watch(now + START_SECONDS - 5)
    assert heard.empty()
    crew.watch(now + START_SECONDS + 5)
    assert dies(crew, heard).killed
    assert crew.scanner.processes == 1


def test_one_that_falls_silent_is_ended_and_counts_one_that_is_killed_does_not(
    crew: Crew, heard: Heard
) -> None:
    crew.start()
    of_scanner(heard, FromWorker)
    crew.heard_scanner(time.monotonic())
    os.kill(crew._workers["scanner"].pid, signal.SIGSTOP)  # as in a call into libusb that does not return
    crew.watch(time.monotonic() + SILENCE_SECONDS + 1)
    assert dies(crew, heard).killed
    assert crew.scanner.processes == 1
    crew.watch(time.monotonic() + SECONDS)
    assert crew._workers["scanner"].life == 2
    os.kill(crew._workers["scanner"].pid, signal.SIGKILL)
    assert dies(crew, heard).killed
    assert crew.scanner.processes == 1


def test_the_next_life_knows_of_the_ones_before(crew: Crew, heard: Heard, tmp_path: Path) -> None:
    crew.scanner.processes = 2
    crew.start()
    words = ["usbip://127.0.0.1:1", "0.1", "--processes=2", "--serial=A B", "--before=here"]
    words.insert(3, f"--memory={tmp_path / 'scanners'}")
    assert crew._workers["scanner"].arguments == words
    first = of_scanner(heard, FromWorker)
    assert first.message == channel.Alive(processes=2)


def test_a_comparison_is_asked_once_and_is_void_when_the_matcher_died_with_it(
    crew: Crew, heard: Heard
) -> None:
    assert not crew.compare(b"probe", b"candidate", 1e-4), "no matcher is there"
    crew.matcher_ready()
    assert crew.compare(b"probe", b"candidate", 1e-4)
    assert not crew.compare(b"probe", b"candidate", 1e-4), "one is under way"
    assert crew.is_ordered(0), "an order to the scanner stands"
    assert not crew.take_comparison(7)
    assert crew.take_comparison(1)
    assert not crew.take_comparison(1), "answered once"
    assert crew.compare(b"probe", b"candidate", 1e-4)
    crew.bury(WorkerDied("matcher", 0), time.monotonic())
    assert not crew.take_comparison(2), "of an earlier life"
    crew.matcher_ready()
    assert crew.compare(b"probe", b"candidate", 1e-4)
    assert crew.take_comparison(3)
