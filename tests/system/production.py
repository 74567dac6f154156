"""The demo's stage with what production has instead: mosquitto at the station and in the box, bridged."""

import contextlib
import os
import queue
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.demo.check import Checker
from edge.demo.stage import Stage, vantay
from edge.journal import Journal
from edge.messages import Command, Login, Phase, Reply, State, booth_topic, parse
from edge.mqtt import Link, LinkEvent, Received
from edge.packet import OpenedPacket
from edge.sealed_word import seal_word
from edge.store import Store

SECONDS = 40.0
CONFIGURATION = Path(__file__).parents[2] / "systemd"


def needed(program: str, package: str) -> str:
    """Return a program's path; without it the test is skipped, and in CI it fails."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        message = f"{program} is missing: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


class MosquittoStage(Stage):
    """Brokers started from the configuration files in systemd/, on free ports."""

    def start_broker(self, name: str) -> None:
        """Start mosquitto on the port it had, or on a free one."""
        port = self.port_of(name)
        text = (CONFIGURATION / f"mosquitto-{name}.conf").read_text().replace("BOOTH", self.booth)
        text = text.replace("listener 1883", f"listener {port}")
        if name == "box":
            assert self.cable
            text = text.replace("STATION:1883", f"127.0.0.1:{self.cable.port}")
        file = self.folder / f"mosquitto-{name}.conf"
        file.write_text(text)
        self.spawn(name, [needed("mosquitto", "mosquitto"), "-c", str(file)])
        self.wait_for_port(name, port)

    def start_bridge(self) -> None:
        """The box's mosquitto is the bridge."""

    def with_plan(self, name: str) -> None:
        """Start the booth anew, with another plan."""
        self.end("booth")
        with (self.folder / "booth.toml").open("a") as file:
            file.write(f'\n[plan]\nname = "{name}"\n')
        self.start_booth()

    def add_person(self, name: str, role: str, pin: str) -> None:
        """Let somebody work at the booth."""
        words = [*vantay("people"), "add", name, "--role", role]
        words += ["--config", str(self.folder / "booth.toml")]
        subprocess.run(words, input=f"{pin}\n", text=True, check=True, capture_output=True, timeout=60)


class Console:
    """Reads what the booth says and speaks to it, on the box's broker."""

    def __init__(self, stage: MosquittoStage) -> None:
        self.mailbox: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self.booth = stage.booth
        topics = [booth_topic(self.booth, "state"), booth_topic(self.booth, "reply")]
        self.link = Link(stage.box_broker(), "test-console", topics, self.mailbox.put)
        self.link.start()
        self.state: State | None = None
        self.replies: dict[str, Reply] = {}

    def until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not true():
            assert time.monotonic() < deadline, f"{what} did not come; the last state: {self.state}"
            self.listen(0.2)

    def listen(self, seconds: float = 0.0) -> None:
        """Take what has come, after waiting a little for the first."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self.mailbox.get(timeout=seconds) if seconds else self.mailbox.get_nowait())
                seconds = 0.0

    def forget(self) -> None:
        """Know nothing of the booth any more."""
        self.listen()
        self.state = None

    def _take(self, event: LinkEvent) -> None:
        if isinstance(event, Received) and event.topic.endswith("/state"):
            self.state = parse(State, event.payload)
        elif isinstance(event, Received):
            reply: Reply = parse(Reply, event.payload)
            self.replies[reply.request_id or ""] = reply

    def say(self, name: str, payload: bytes) -> None:
        self.until(lambda: self.state is not None, "the booth")  # what nobody hears yet is gone
        self.until(lambda: self.link.publish(booth_topic(self.booth, name), payload), "a connection")

    def ask(self, command: Command, name: str = "enrol") -> Reply:
        self.replies.pop(command.request_id, None)
        self.say(f"command/{name}", command.model_dump_json(exclude_none=True).encode())
        self.until(lambda: command.request_id in self.replies, "a reply")
        return self.replies[command.request_id]

    def sealed(self, pin: str, request_id: str) -> str:
        """Seal a PIN to the key that the booth shows, for one request."""
        self.until(lambda: bool(self.state and self.state.login_key), "a booth where people log in")
        assert self.state
        return seal_word(pin, str(self.state.login_key), f"{self.booth}/{request_id}")

    def log_in(self, name: str, pin: str, request_id: str) -> None:
        """Have somebody work at the booth from now on."""
        login = Login(request_id=request_id, person=name, pin=self.sealed(pin, request_id))
        assert self.ask(login, "login").outcome == "accepted"

    def asked_again(self) -> int:
        """Wait for the wish for one finger once more, to confirm; return its position."""
        self.until(lambda: bool(self.state and self.state.confirming and self.state.position), "that wish")
        assert self.state
        assert self.state.position
        return self.state.position

    def shows(self, phase: Phase) -> bool:
        return self.state is not None and self.state.phase is phase


def kill_booth(stage: MosquittoStage, console: Console) -> None:
    """Kill the booth, and wait until it stands there again."""
    stage.kill("booth")
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    written, _ = Journal(store).tail()
    store.close()
    stage.start_booth()
    console.until(lambda: bool(console.state and console.state.last_seq > written), "the booth again")


def only_packet(stage: MosquittoStage, console: Console) -> OpenedPacket:
    """Return the one sealed record that the hub has, as the ministry opens it, when all has arrived."""
    checker = Checker(stage.folder, stage.scans, stage.booth)
    console.until(checker.settled, "the hub's last acknowledgement")
    (packet,) = checker.packets().values()
    checker.close()
    return packet
