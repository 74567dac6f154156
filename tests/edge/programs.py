"""Real programs on loopback for the tests: brokers, hub, booth daemon; every one ended by pid in the end."""

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from edge.mqtt import Link, LinkDown, LinkEvent, LinkUp, Received, Refused, Will
from edge.settings import Broker

SECONDS = 60.0  # after which whatever is awaited will never come; nothing waits this long on a good day
LOOK_SECONDS = 0.01  # between two looks at what is awaited
VANTAY = str(Path(sys.executable).parent / "vantay")

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str = "it", seconds: float = SECONDS) -> Found:
    """Look again and again until there is something; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(LOOK_SECONDS)
    return found


def children(pid: int, module: str) -> list[int]:
    """Return the pids of a process's children that run `python -m module`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError, ValueError):
                continue
            if parent == pid and module.encode() in words:
                found.append(int(entry.name))
    return found


def kill_child(pid: int, module: str) -> bool:
    """Kill a worker of a process; tell whether there was one."""
    pids = children(pid, module)
    for child in pids:
        os.kill(child, signal.SIGKILL)
    return bool(pids)


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def needed(program: str, package: str) -> str:
    """Return a program's path; without it the test is skipped, and in CI it fails."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        message = f"{program} is missing: apt-get install {package}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    return path


@dataclass
class Program:
    """One program, its output in a file, started again as often as wanted."""

    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Program":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                process_group=0,  # as a shell gives it
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal, as long as the process is there."""
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it without warning, as a power cut would."""
        if self.process is not None:
            self.send(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def end(self) -> int:
        """End it politely; return its exit code."""
        assert self.process is not None
        self.send(signal.SIGTERM)
        code = self.process.wait(SECONDS)
        self.process = None
        return code

    def wait(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self.process is not None
        code = self.process.wait(SECONDS)
        self.process = None
        return code


@dataclass
class Mosquitto(Program):
    """A mosquitto that keeps nothing: a kill loses all it had."""

    port: int = 0

    @classmethod
    def on_free_port(cls, folder: Path, *options: str) -> "Mosquitto":
        path, port = needed("mosquitto", "mosquitto"), free_port()
        configuration = folder / f"mosquitto-{port}.conf"
        lines = [f"listener {port} 127.0.0.1", "persistence false", "max_queued_messages 0"]
        if not any("anonymous" in option for option in options):
            lines.append("allow_anonymous true")
        configuration.write_text("\n".join([*lines, *options, ""]))
        return cls([path, "-c", str(configuration)], folder / f"mosquitto-{port}.log", port=port)

    def start(self) -> "Mosquitto":
        super().start()
        until(self._listens, "mosquitto listening")
        return self

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def broker(self) -> Broker:
        return Broker(port=self.port, keepalive=5)


@dataclass
class Ear:
    """A link, and everything it heard."""

    link: Link
    mailbox: "queue.SimpleQueue[LinkEvent]"
    heard: list[Received] = field(default_factory=list)
    ups: list[str] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # topics

    def listen(self) -> None:
        """Sort what has come since the last time."""
        with contextlib.suppress(queue.Empty):
            while True:
                match self.mailbox.get_nowait():
                    case Received() as message:
                        self.heard.append(message)
                    case LinkUp(version):
                        self.ups.append(version)
                    case LinkDown(reason):
                        self.downs.append(reason)
                    case Refused(topic):
                        self.refused.append(topic)

    def up(self, times: int = 1) -> str:
        """Wait for a connection; return the version of MQTT."""

        def look() -> bool:
            self.listen()
            return len(self.ups) >= times

        until(look, f"connection number {times} ({self.downs[-3:]})")
        return self.ups[-1]

    def down(self) -> str:
        """Wait until a loss is told; return why."""

        def look() -> bool:
            self.listen()
            return bool(self.downs)

        until(look, "a loss of the connection")
        return self.downs[-1]

    def on(self, topic: str) -> list[bytes]:
        """Return what came on topics that end like this."""
        self.listen()
        return [message.payload for message in self.heard if message.topic.endswith(topic)]

    def wait(self, topic: str, fits: Callable[[bytes], object] = lambda payload: True) -> bytes:
        """Wait for a message; return the first that fits."""

        def look() -> list[bytes]:
            return [payload for payload in self.on(topic) if fits(payload)]

        return until(look, f"a message on {topic}")[0]

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish, waiting for room."""
        until(lambda: self.link.publish(topic, payload, retain=retain), f"publishing on {topic}")


@contextlib.contextmanager
def ear(
    broker: Broker, *topics: str, name: str = "test-ear", will: Will | None = None, wait: bool = True
) -> Iterator[Ear]:
    """A link that listens, up when it is handed out."""
    mailbox: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    one = Ear(Link(broker, name, list(topics), mailbox.put, will), mailbox)
    one.link.start()
    try:
        if wait:
            one.up()
        yield one
    finally:
        one.link.stop()
