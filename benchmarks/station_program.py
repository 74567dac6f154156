"""The programs of `benchmarks/station.py`: `vantay gallery`, a mosquitto on loopback, and booths that ask."""

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.people import POSITIONS, Finger
from benchmarks.station_people import asked
from edge.gallery.question import Question, written
from edge.keys import read_key
from edge.messages import (
    GALLERY_STATUS_TOPIC,
    GalleryAnswer,
    GalleryStatus,
    booth_topic,
    gallery_topic,
    parse,
)
from edge.mqtt import Link, LinkEvent, LinkUp, Received
from tests.edge.programs import VANTAY, Mosquitto, Program

SECONDS = 120.0  # after which whatever is awaited will never come
PATIENCE = 5.0  # seconds before a question is asked again


class Gallery:
    """One station: broker and gallery in a folder that has `keys` and `data`."""

    def __init__(self, folder: Path) -> None:
        self.key = read_key(folder / "keys" / "gallery.pub", secret=False)
        self._mosquitto = Mosquitto.on_free_port(folder, "set_tcp_nodelay true").start()
        self.broker = self._mosquitto.broker()
        config = folder / "gallery.toml"
        config.write_text(
            f'data = "data"\nkeys = "keys"\n\n[broker]\nport = {self.broker.port}\nkeepalive = 5\n'
        )
        self._program = Program([VANTAY, "gallery", "--config", str(config)], folder / "gallery.log")
        self._events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self._link = Link(self.broker, "bench-ear", [GALLERY_STATUS_TOPIC], self._events.put)
        self._link.start()
        self._status: GalleryStatus | None = None

    def start(self) -> float:
        """Start the program; return after how many seconds it answers."""
        began = time.perf_counter()
        self._program.start()
        self._wait(True)
        return time.perf_counter() - began

    def restart(self) -> float:
        """Kill it without warning, with its matcher, and start it again; return as `start`."""
        children = self._children()
        self._program.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._wait(False)
        return self.start()

    def people(self) -> int:
        """Return how many people it says it holds."""
        self._listen(0.5)
        return self._status.people if self._status else 0

    def memory(self) -> str:
        """Return what the program and its matcher take."""
        sizes = [_resident(pid) for pid in (self._program.pid, *self._children())]
        return f"program {sizes[0]} MiB, matcher {sum(sizes[1:])} MiB"

    def log(self) -> str:
        """Return what the program said."""
        return self._program.said()

    def end(self) -> None:
        """End everything."""
        self._link.stop()
        for program in (self._program, self._mosquitto):
            if program.process is not None:
                program.end()

    def _children(self) -> list[int]:
        path = Path(f"/proc/{self._program.pid}/task/{self._program.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def _wait(self, online: bool) -> None:
        deadline = time.monotonic() + SECONDS
        while self._status is None or self._status.online != online:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the gallery does not come: {self.log()[-500:]}")
            self._listen(0.05)

    def _listen(self, seconds: float) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                match self._events.get(timeout=seconds):
                    case Received(_, payload):
                        self._status = parse(GalleryStatus, payload)


class Asker:
    """One booth's questions, one at a time, each again when it is not answered."""

    def __init__(self, gallery: Gallery, booth: str, number: int) -> None:
        self.booth, self._key = booth, gallery.key
        self._next = (number + 1) << 40  # ids of questions
        self.times: list[float] = []  # ms from each question to its answer
        self._events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        topic = booth_topic(booth, "gallery-answer")
        self._link = Link(gallery.broker, f"bench-{booth}", [topic], self._events.put)
        self._link.start()
        while not isinstance(self._events.get(timeout=SECONDS), LinkUp):
            pass

    def send(self, question: Question) -> None:
        """Ask, and do not wait."""
        while not self._link.publish(gallery_topic(self.booth), written(question, self._key)):
            time.sleep(0.01)

    def ask(self, kind: str, person: int, fingers: dict[int, bytes], before: int = 0) -> GalleryAnswer:
        """Ask until it is answered."""
        self._next += 1
        question = asked(kind, person if kind == "add" else self._next, person, self.booth, fingers, before)
        began, deadline = time.perf_counter(), time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            self.send(question)
            again = time.monotonic() + PATIENCE
            while (left := again - time.monotonic()) > 0:
                with contextlib.suppress(queue.Empty):
                    match self._events.get(timeout=left):
                        case Received(_, payload):
                            answer = parse(GalleryAnswer, payload)
                            if answer.question == question.id:
                                if answer.refused:
                                    raise RuntimeError(answer.refused)
                                self.times.append(1000 * (time.perf_counter() - began))
                                return answer
        raise RuntimeError(f"{self.booth} is not answered")

    def add(self, number: int, shown: dict[Finger, bytes], person: int) -> float:
        """Add ten fingers of a person as a record of this number; return the ms until it is answered."""
        began = time.perf_counter()
        self.ask("add", number, {p: shown[Finger(person, p)] for p in POSITIONS})
        return 1000 * (time.perf_counter() - began)

    @contextlib.contextmanager
    def flooding(self, shown: dict[Finger, bytes]) -> Iterator[None]:
        """Ask fifty times a second, whatever is answered."""
        over = threading.Event()

        def flood() -> None:
            while not over.wait(0.02):
                self._next += 1
                self.send(asked("search", self._next, 0, self.booth, {1: shown[Finger(1, 1)]}, 0))

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0
