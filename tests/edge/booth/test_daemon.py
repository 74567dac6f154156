"""The daemon as a process on a real broker, with no scanner: what it says, refuses and survives."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge import messages
from edge.booth.wire import FROM_HUB
from edge.journal import Journal, check_entry
from edge.messages import (
    COMMANDS,
    Acknowledgement,
    JournalEntry,
    Phase,
    Reply,
    Resend,
    State,
    Status,
    booth_topic,
    parse,
)
from edge.store import Store
from tests.edge.parts import NUMBER, make_keys
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, children, ear, until

pytestmark = pytest.mark.system

BOOTH = "b-1"
DIGEST = "ab" * 32
PATIENCE = 10.0  # seconds
COMPILE_SECONDS = 200.0  # a matcher whose kernels are being compiled looks up only afterwards


@dataclass
class Daemon:
    """The program, its folder, and someone at the broker who hears everything."""

    program: Program
    folder: Path
    ear: Ear

    @property
    def config(self) -> list[str]:
        return ["--config", str(self.folder / "booth.toml")]

    def command(self, name: str, payload: dict[str, Any] | bytes) -> Reply:
        """Send a command and wait for its answer; one that nobody heard is sent again, as a console does."""
        before = len(self.ear.on("/reply"))
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent_at = -PATIENCE

        def look() -> list[bytes]:
            nonlocal sent_at
            if time.monotonic() - sent_at > PATIENCE and not self.ear.on("/reply")[before:]:
                sent_at = time.monotonic()
                self.ear.publish(booth_topic(BOOTH, f"command/{name}"), raw)
            return self.ear.on("/reply")[before:]

        reply: Reply = parse(Reply, until(look, f"the reply to {name}")[0])
        return reply

    def state(self, fits: Callable[[State], object], what: str = "a state") -> State:
        """Wait until the last state fits."""

        def look() -> list[State]:
            last = [parse(State, payload) for payload in self.ear.on("/state")[-1:]]
            return [state for state in last if fits(state)]

        return until(look, what)[0]

    def online(self, wanted: bool) -> None:
        def look() -> bool:
            said = self.ear.on(f"{BOOTH}/status")
            return bool(said) and parse(Status, said[-1]).online is wanted

        until(look, f"status online={wanted}")

    def start(self) -> None:
        self.program.start()
        self.online(True)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        store = Store(self.folder / "booth" / "booth.db", read_only=True)
        try:
            yield Journal(store)
        finally:
            store.close()

    def kinds(self) -> list[str]:
        with self.journal() as journal:
            return [entry.kind for entry in journal.read()]

    def last_seq(self) -> int:
        with self.journal() as journal:
            return journal.tail()[0]


@pytest.fixture
def daemon(tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]) -> Iterator[Daemon]:
    make_keys(tmp_path)
    (tmp_path / "booth").mkdir()
    (tmp_path / "booth.toml").write_text(
        f'booth = "{BOOTH}"\ndata = "booth"\nkeys = "keys"\n'
        f"[broker]\nport = {mosquitto.port}\nkeepalive = 5\n"
        '[scanner]\nwhere = "usbip://127.0.0.1:1"\n'
    )
    program = run(VANTAY, "booth", "--config", str(tmp_path / "booth.toml"), name="booth")
    with ear(mosquitto.broker(), "vantay/#", "vantay-packet/#") as one:
        daemon = Daemon(program, tmp_path, one)
        daemon.online(True)
        yield daemon
        assert "Traceback" not in program.said()


def enrol(request_id: str, **more: Any) -> dict[str, Any]:
    return {"request_id": request_id, "identity_number": NUMBER, **more}


def check_the_wire(heard: Ear) -> None:
    """Every payload is what the page on top of edge/messages.py says of its topic."""
    models: dict[str, Any] = {"status": Status, "state": State, "journal": JournalEntry, "reply": Reply}
    heard.listen()
    for message in heard.heard:
        prefix = f"vantay/v1/booth/{BOOTH}/"
        assert message.topic.startswith(prefix), message.topic
        name = message.topic.removeprefix(prefix)
        if name.startswith("command/") or name in FROM_HUB:
            continue  # what the test itself sent
        assert name in messages.OUTBOUND, name
        said = parse(models[name], message.payload)
        assert json.loads(message.payload) == json.loads(said.payload()), (
            "nothing besides the documented keys"
        )
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.at or "1970-01-01T00:00:00.000Z")


def test_what_it_says_of_itself(daemon: Daemon, mosquitto: Mosquitto) -> None:
    state = daemon.state(lambda state: "not found" in state.scanner, "a state that names the missing scanner")
    assert (state.phase, state.enrolment, state.position) == (Phase.IDLE, None, None)
    assert "the scanner is not ready" in state.prompt
    until(lambda: len(daemon.ear.on("/journal")) == daemon.last_seq(), "the whole journal")
    with ear(mosquitto.broker(), "vantay/#", name="late") as late:
        late.wait("/status")
        late.wait("/state")
        first = {message.topic: message.retained for message in reversed(late.heard)}
        assert all(retained for topic, retained in first.items() if not topic.endswith("/journal"))
    entries = [parse(JournalEntry, payload) for payload in daemon.ear.on("/journal")]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0].kind == "booth.started"
    assert all(check_entry(entry) for entry in entries)
    assert [b.previous_hash for b in entries[1:]] == [a.hash for a in entries[:-1]]
    check_the_wire(daemon.ear)


def test_commands_are_answered_once_and_the_number_is_told_nobody(daemon: Daemon) -> None:
    refused: list[tuple[str, dict[str, Any] | bytes, str]] = [
        ("enrol", b"no JSON", "the command is no valid JSON"),
        ("enrol", b"\xff", "the command is no valid JSON"),
        ("enrol", b"[]", "the command is no JSON object with a request_id"),
        ("enrol", b'{"request_id":"\\ud800"}', "request_id of 1 to 64"),
        ("enrol", b'{"request_id":"x","a":' + b"[" * 990 + b"]" * 990 + b"}", ""),
        ("enrol", b'{"request_id":"x","a":' + b'{"a":' * 50_000, "the command"),
        ("enrol", enrol("x", expires_at="0001-01-01T00:00:00+14:00"), "the command expired"),
        (
            "enrol",
            {"request_id": "x", "identity_number": NUMBER + "1"},
            "'identity_number' must be 12 digits",
        ),
        ("enrol", enrol("x", nom="An"), "unknown key 'nom'"),
        ("reboot", {"request_id": "x"}, "unknown command 'reboot'"),
        ("abandon", {"request_id": "none", "reason": "x"}, "there is nothing to abandon"),
    ]
    for name, payload, sentence in refused:
        reply = daemon.command(name, payload)
        assert reply.outcome == "refused"
        assert sentence in reply.reason
        assert "\n" not in reply.reason
    for name in COMMANDS.keys() - {"logout", "open-shift", "close-shift"}:  # which need nothing else
        assert "is missing" in daemon.command(name, {"request_id": f"empty-{name}"}).reason
    first = daemon.command("enrol", enrol("r1", missing={"1": "amputated"}))
    assert (first.outcome, first.repeated) == ("accepted", False)
    state = daemon.state(lambda state: state.enrolment, "the enrolment")
    assert (state.position, state.attempt, state.missing, state.phase) == (2, 1, [1], Phase.WAIT)
    again = daemon.command("enrol", enrol("r1", missing={"1": "amputated"}))
    assert again == first.model_copy(update={"repeated": True, "at": again.at})
    assert daemon.command("enrol", enrol("r1")).reason.startswith("request id r1 was used before")
    assert "is not finished" in daemon.command("enrol", enrol("r2")).reason
    marked = daemon.command("mark-missing", {"request_id": "r3", "position": 2, "reason": "cut"})
    assert marked.outcome == "accepted"
    daemon.state(lambda state: state.position == 3, "the next finger")
    assert daemon.command("abandon", {"request_id": "r4", "reason": "went home"}).outcome == "accepted"
    daemon.state(lambda state: state.enrolment is None and state.phase is Phase.IDLE, "the end")
    until(lambda: len(daemon.ear.on("/journal")) == daemon.last_seq(), "the whole journal")
    assert daemon.kinds().count("enrolment.started") == 1
    assert daemon.kinds().count("command.answered") == 5  # the two refusals of state, and three accepted
    with daemon.journal() as journal:
        journal.verify()
    check_the_wire(daemon.ear)
    said = b"".join(m.payload for m in daemon.ear.heard if "/command/" not in m.topic)
    kept = b"".join(path.read_bytes() for path in (daemon.folder / "booth").iterdir())
    for place in (said, kept, daemon.program.said().encode()):
        assert NUMBER.encode() not in place


def test_a_command_waits_for_a_daemon_that_is_away(daemon: Daemon) -> None:
    daemon.program.kill()
    daemon.online(False)
    daemon.ear.publish(booth_topic(BOOTH, "command/enrol"), json.dumps(enrol("r1")).encode())
    daemon.start()
    reply = parse(Reply, daemon.ear.wait("/reply"))
    assert (reply.request_id, reply.outcome, reply.repeated) == ("r1", "accepted", False)


def test_the_hubs_word_moves_the_cursor_and_nonsense_moves_nothing(daemon: Daemon) -> None:
    first = parse(JournalEntry, daemon.ear.wait("/journal"))
    topic = booth_topic(BOOTH, "ack")
    daemon.ear.publish(topic, Acknowledgement(seq=first.seq, hash=first.hash).payload())
    daemon.state(lambda state: state.acknowledged_seq == first.seq, "the acknowledgement")
    for name in FROM_HUB:
        for nonsense in (b"", b"{}", b"\xff", b"[" * 50_000, b'{"seq":%d,"hash":"%s"}' % (2**70, b"0" * 64)):
            daemon.ear.publish(booth_topic(BOOTH, name), nonsense)
    wanted = b'{"packet":"%s","offset":%d}' % (DIGEST.encode(), 2**66)
    daemon.ear.publish(booth_topic(BOOTH, "packet-wanted"), wanted)
    daemon.ear.publish(booth_topic(BOOTH, "packet-wanted"), wanted.replace(b"%d" % 2**66, b"0"))
    daemon.ear.publish(booth_topic(BOOTH, "packet-ack"), b'{"packet":"%s","size":1}' % DIGEST.encode())
    daemon.ear.publish("vantay/v1/hub/status", b"nonsense")
    before = len(daemon.ear.on("/journal"))
    daemon.ear.publish(booth_topic(BOOTH, "resend"), Resend(from_seq=1).payload())

    def again() -> list[JournalEntry]:  # others, not yet acknowledged, may come between
        return [parse(JournalEntry, payload) for payload in daemon.ear.on("/journal")[before:]]

    until(lambda: first in again(), "the first entry again")
    assert daemon.command("abandon", {"request_id": "r", "reason": "x"}).outcome == "refused", "it lives"
    assert "packet.acknowledged" not in daemon.kinds()
    daemon.ear.publish(topic, Acknowledgement(seq=2, hash=DIGEST).payload())
    until(lambda: "two boxes use this booth's name" in daemon.program.said(), "the refusal in the log")


def test_a_killed_daemon_resumes_the_same_enrolment(daemon: Daemon) -> None:
    daemon.command("enrol", enrol("r1"))
    daemon.command("mark-missing", {"request_id": "r2", "position": 1, "reason": "cut"})
    before = daemon.state(lambda state: state.position == 2)
    workers = until(lambda: children(daemon.program.pid, "edge.booth.scanner_worker"), "the worker")
    workers += children(daemon.program.pid, "edge.booth.matcher_worker")
    assert len(workers) == 2
    daemon.program.kill()
    daemon.online(False)
    gone = lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers)  # noqa: E731
    until(gone, "the end of its workers", COMPILE_SECONDS)
    daemon.start()
    after = daemon.state(lambda state: state.last_seq > before.last_seq and state.enrolment)
    assert (after.enrolment, after.subject) == (before.enrolment, before.subject)
    assert (after.position, after.attempt, after.missing) == (2, 1, [1])
    again = daemon.command("enrol", enrol("r1"))
    assert (again.outcome, again.repeated) == ("accepted", True)
    assert daemon.kinds().count("booth.started") == 2
    with daemon.journal() as journal:
        assert journal.verify() == daemon.last_seq()


def test_it_says_goodbye(daemon: Daemon) -> None:
    pid = daemon.program.pid
    workers = until(lambda: children(pid, "edge.booth.scanner_worker"), "the worker")
    assert daemon.program.end() == 0
    daemon.online(False)
    status = parse(Status, daemon.ear.on("/status")[-1])
    assert status.at is not None, "its own word, not the broker's"
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    daemon.start()
    assert daemon.program.end() == 0


def test_ctrl_c_ends_everybody_without_a_stack_trace(daemon: Daemon) -> None:
    pid = daemon.program.pid
    workers = until(lambda: children(pid, "edge.booth.scanner_worker"), "the worker")
    workers += children(pid, "edge.booth.matcher_worker")
    assert len(workers) == 2
    os.killpg(pid, signal.SIGINT)  # as a terminal does
    assert daemon.program.wait() == 0
    daemon.online(False)
    assert "Traceback" not in daemon.program.said()
    assert "KeyboardInterrupt" not in daemon.program.said()


def test_a_second_daemon_on_the_same_folder_is_refused_and_a_reader_is_not(daemon: Daemon) -> None:
    command = [VANTAY, "booth", *daemon.config]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"vantay: another booth daemon (process {daemon.program.pid}) uses {daemon.folder / 'booth'}: "
        "stop it first\n"
    )
    assert daemon.kinds().count("booth.started") == 1
    verify = [VANTAY, "journal", "verify", *daemon.config]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=True)
    assert re.fullmatch(r"\d+ entries, the chain is whole\n", done.stdout), "reading is allowed"


def test_it_outlives_its_broker(daemon: Daemon, mosquitto: Mosquitto) -> None:
    daemon.command("enrol", enrol("r1"))
    daemon.state(lambda state: state.enrolment)
    mosquitto.kill()
    daemon.ear.down()
    daemon.ear.heard.clear()  # before there is a broker again: what is heard from now on is new
    mosquitto.start()
    daemon.ear.up(2)
    assert daemon.state(lambda state: state.enrolment, "the state on the empty broker").position == 1
    daemon.online(True)
    assert daemon.command("enrol", enrol("r1")).repeated


def test_where_a_command_stands_outlives_daemon_and_broker(daemon: Daemon, mosquitto: Mosquitto) -> None:
    first = daemon.command("enrol", enrol("r1"))
    assert first.progress
    assert first.progress.state == "running"
    daemon.state(lambda state: state.commands == [first.progress], "the command, running")
    daemon.program.kill()
    daemon.online(False)
    mosquitto.kill()
    daemon.ear.down()
    daemon.ear.heard.clear()
    mosquitto.start()
    daemon.ear.up(2)
    daemon.start()
    daemon.state(lambda state: state.commands == [first.progress], "the command on an empty broker")
    assert daemon.command("enrol", enrol("r1")).progress == first.progress
    done = daemon.command("abandon", {"request_id": "r2", "reason": "went home"})
    assert done.progress
    assert (done.progress.state, done.progress.reason) == ("succeeded", done.reason)
    ended = daemon.state(lambda state: state.commands[0].state == "failed", "its end").commands
    assert [(one.request_id, one.reason) for one in ended] == [
        ("r1", "the enrolment was given up: went home")
    ]
    again = daemon.command("enrol", enrol("r1"))
    assert (again.outcome, again.repeated, again.progress) == ("accepted", True, ended[0])
    check_the_wire(daemon.ear)


def test_a_worker_that_dies_is_started_again(daemon: Daemon) -> None:
    pid = daemon.program.pid
    for name in ("scanner", "matcher"):
        module = f"edge.booth.{name}_worker"
        (worker,) = until(lambda module=module: children(pid, module), "the worker")  # type: ignore[misc]
        os.kill(worker, signal.SIGKILL)
        until(lambda module=module, old=worker: set(children(pid, module)) - {old}, "its next life")  # type: ignore[misc]
    assert daemon.kinds().count("worker.died") == 2
    daemon.online(True)


def test_a_broker_that_refuses_its_journal_is_a_trouble(
    tmp_path: Path, run: Callable[..., Program], daemon: Daemon
) -> None:
    daemon.program.kill()
    (tmp_path / "acl").write_text(f"topic readwrite vantay/#\ntopic deny {booth_topic(BOOTH, 'journal')}\n")
    broker = Mosquitto.on_free_port(tmp_path, f"acl_file {tmp_path / 'acl'}", "user root")
    config = tmp_path / "booth.toml"
    config.write_text(re.sub(r"port = \d+", f"port = {broker.port}", config.read_text(), count=1))
    try:
        broker.start()
        with ear(broker.broker(), booth_topic(BOOTH, "state")) as one:
            daemon.program.start()
            one.wait("/state", lambda payload: b"the broker refuses this booth's journal" in payload)
        assert daemon.program.said().count("publish refused") == 1, "told once, over many connections"
    finally:
        daemon.program.kill()
        broker.kill()
