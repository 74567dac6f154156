"""Starts a worker process, hands on what it says, and starts it again when it dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.booth.channel import Channel, Message

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds before a dead worker is started again
LONG_LIFE = 10.0  # seconds after which a death counts as the first one again


@dataclass(frozen=True, slots=True)
class FromWorker:
    """A worker said something. `life` counts the worker's starts: words of an earlier life are void."""

    worker: str
    life: int
    message: Message
    blobs: list[bytes]


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker's process ended."""

    worker: str
    life: int
    reason: str = field(default="", compare=False)  # for the log
    killed: bool = field(default=False, compare=False)  # by SIGKILL: it did not end by itself


class Worker:
    """One worker process; `on_event` is called from its reader thread and must only enqueue."""

    def __init__(
        self, name: str, arguments: list[str], on_event: Callable[[FromWorker | WorkerDied], None]
    ) -> None:
        self.name, self.life, self.pid = name, 0, 0
        self.module = f"edge.booth.{name}_worker"
        self._started_at, self._pause, self._due = 0.0, FIRST_PAUSE, None  # type: float, float, float | None
        self.arguments, self._on_event = arguments, on_event  # of the next life
        self._channel: Channel | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a new life; the daemon's own descriptors stay closed to it."""
        self.life += 1
        self._started_at, self._due = time.monotonic(), None
        ours, theirs = Channel.pair()
        command = [sys.executable, "-m", self.module, str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C on a terminal is the daemon's alone
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        finally:
            theirs.close()
        self.pid, self._channel = self._process.pid, ours
        reader = threading.Thread(
            target=self._read, args=(self.life, ours, self._process), name=self.name, daemon=True
        )
        reader.start()

    def send(self, message: Message, *blobs: bytes) -> None:
        """Tell the worker; one that is dead or does not listen is ended, and WorkerDied says so."""
        if self._channel:
            try:
                self._channel.send(message, *blobs)
            except OSError:
                self.kill()

    def stop(self) -> None:
        """Close the channel, which ends the worker; kill it if it does not listen."""
        if self._channel:
            self._channel.close()
        if self._process:
            try:
                self._process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def bury(self, now: float) -> float:
        """Plan the next life of a dead worker; return the seconds until then, more after each early death."""
        lived_long = now - self._started_at > LONG_LIFE
        self._pause = FIRST_PAUSE if lived_long else min(self._pause * 2, LONGEST_PAUSE)
        self._due = now + self._pause
        return self._pause

    def due(self, now: float) -> bool:
        """Whether the time of a planned life has come."""
        return self._due is not None and now >= self._due

    def kill(self) -> None:
        """End a worker that hangs; WorkerDied follows."""
        if self._process:
            self._process.kill()

    def _read(self, life: int, ours: Channel, process: subprocess.Popen[bytes]) -> None:
        reason = "its process ended"
        try:
            while (received := ours.receive()) is not None:
                self._on_event(FromWorker(self.name, life, *received))
        except ValueError as error:  # nonsense from a worker ends that worker
            reason = f"it said what the daemon does not know: {error}"
        ours.close()
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._on_event(WorkerDied(self.name, life, reason, process.returncode == -signal.SIGKILL))
