"""The link, against a real mosquitto and the embedded broker: it comes back, and says what it cannot do."""

import gc
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho

from edge.mqtt import INFLIGHT, OUTSTANDING, Link, LinkEvent, LinkUp, Received, Will
from edge.settings import Broker
from tests.edge.programs import SECONDS, Mosquitto, Program, ear, free_port, until

pytestmark = pytest.mark.system


@pytest.fixture
def embedded(run: Callable[..., Program]) -> Iterator[Broker]:
    """The demo's broker, which speaks MQTT 3.1.1 only."""
    port = free_port()
    program = run(sys.executable, "-m", "edge.demo.broker", str(port), name="embedded")
    until(lambda: "ready" in program.said(), "the embedded broker's start")
    yield Broker(port=port)
    assert program.end() == 0


def test_version_5_where_the_broker_takes_it(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), "a/#") as one:
        assert one.up() == "5"
        one.publish("a/b", "nội dung".encode())
        assert one.wait("a/b").decode() == "nội dung"
        one.publish("a/empty", b"")
        assert one.wait("a/empty") == b""
        assert [message.retained for message in one.heard] == [False, False]


def test_version_3_1_1_where_it_is_asked_for(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker().model_copy(update={"mqtt": "3.1.1"}), "a") as one:
        assert one.up() == "3.1.1"


def test_version_3_1_1_where_the_broker_does_not_answer_to_5(embedded: Broker) -> None:
    with ear(embedded, "a/+") as one:
        assert one.up() == "3.1.1"
        one.publish("a/b", b"x" * 300_000)
        assert len(one.wait("a/b")) == 300_000


def test_a_retained_message_is_told_as_such(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), name="first") as first:
        first.publish("state", b"old", retain=True)
        first.publish("state", b"new", retain=True)
        with ear(mosquitto.broker(), "state") as one:
            assert one.wait("state", lambda payload: payload == b"new")
            assert one.heard[-1] == Received("state", b"new", True)


def test_it_comes_back_after_the_broker_was_killed(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), "a") as one:
        for times in (2, 3):
            one.downs.clear()
            mosquitto.kill()
            one.down()
            assert not one.link.publish("a", b"lost")
            assert one.link.alive
            mosquitto.start()
            assert one.up(times) == "5"
            one.publish("a", b"%d" % times)
            until(lambda: one.on("a")[-1:] == [b"%d" % len(one.ups)], "the message")
        assert b"lost" not in one.on("a")


def test_a_broker_that_comes_late_is_found(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    with ear(mosquitto.broker(), "a", wait=False) as one:
        assert f"no broker at 127.0.0.1:{mosquitto.port}" in one.down()
        assert not one.link.publish("a", b"x")
        mosquitto.start()
        assert one.up() == "5"


def test_nothing_is_published_before_the_start() -> None:
    link = Link(Broker(port=1), "x", [], lambda event: None)
    assert not link.publish("a", b"x")
    assert not link.alive


def test_the_will_of_a_killed_client_is_published_and_kept(
    mosquitto: Mosquitto, run: Callable[..., Program]
) -> None:
    with ear(mosquitto.broker(), "status") as one:
        holder = run(sys.executable, "-m", "tests.edge.hold_link", str(mosquitto.port), "status")
        one.wait("status", lambda payload: payload == b"here")
        holder.kill()
        one.wait("status", lambda payload: payload == b"gone")
    with ear(mosquitto.broker(), "status", name="late") as late:
        assert late.wait("status") == b"gone"
        assert late.heard[0].retained


def test_whoever_says_goodbye_leaves_no_will(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), "status", "end") as one:
        with ear(mosquitto.broker(), name="holder", will=Will("status", b"gone")) as holder:
            holder.publish("status", b"here", retain=True)
        with ear(mosquitto.broker(), name="other") as other:
            other.publish("end", b"")  # behind whatever the broker had to say before
        one.wait("end")
        assert one.on("status") == [b"here"]


def test_what_was_sent_while_it_was_away_is_delivered(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), "command", name="booth"):
        pass
    with ear(mosquitto.broker(), name="console") as console:
        console.publish("command", b"1")
        console.publish("command", b"2")
    with ear(mosquitto.broker(), "command", name="booth") as booth:
        booth.wait("command", lambda payload: payload == b"2")
        assert booth.on("command") == [b"1", b"2"]


def test_too_much_outstanding_is_refused_and_goes_on_when_the_broker_does(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker().model_copy(update={"keepalive": 600}), "a") as one:
        mosquitto.send(signal.SIGSTOP)  # connected, and silent
        taken = [one.link.publish("a", b"%d" % n) for n in range(OUTSTANDING + 20)]
        assert taken == [True] * OUTSTANDING + [False] * 20
        mosquitto.send(signal.SIGCONT)
        until(lambda: len(one.on("a")) == OUTSTANDING, "everything taken arriving")
        assert one.on("a") == [b"%d" % n for n in range(OUTSTANDING)], "once and in order"
        until(lambda: one.link.publish("a", b"more"), "room")


def test_the_last_word_is_said_even_with_much_outstanding(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), "status", "a") as one:
        with ear(mosquitto.broker().model_copy(update={"keepalive": 600}), name="leaving") as leaving:
            mosquitto.send(signal.SIGSTOP)
            for n in range(INFLIGHT * 5):  # most of them wait in the client
                assert leaving.link.publish("a", b"%d" % n)
            assert leaving.link.publish("status", b"offline", retain=True)
            mosquitto.send(signal.SIGCONT)
        one.wait("status", lambda payload: payload == b"offline")
        assert len(one.on("a")) == INFLIGHT * 5


def test_stopping_at_any_moment_ends_the_thread_soon(mosquitto: Mosquitto) -> None:
    chance = random.Random(1)
    for n in range(12):
        link = Link(mosquitto.broker(), f"brief-{n}", ["a"], lambda event: None)
        link.start()
        time.sleep(chance.uniform(0, 0.03))  # whatever it is just doing
        link.stop()
        assert not link.alive


def test_stopping_while_it_connects_ends_the_thread_too(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, going_on = threading.Event(), threading.Event()
    connect = paho.Client.connect

    def slowly(self: paho.Client, *arguments: Any, **options: Any) -> Any:
        connecting.set()
        going_on.wait(SECONDS)
        return connect(self, *arguments, **options)

    monkeypatch.setattr(paho.Client, "connect", slowly)
    link = Link(mosquitto.broker(), "hasty", ["a"], lambda event: None)
    link.start()
    connecting.wait(SECONDS)
    stopping = threading.Thread(target=link.stop)
    stopping.start()
    until(link._stop.is_set, "the stop")
    going_on.set()
    stopping.join(SECONDS)
    until(lambda: not link.alive, "the end of the thread", seconds=10)


def test_stopping_does_not_wait_for_a_silent_broker(mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker().model_copy(update={"keepalive": 600})) as one:
        mosquitto.send(signal.SIGSTOP)
        assert one.link.publish("a", b"x")
        one.link.stop()
        assert not one.link.alive
        mosquitto.send(signal.SIGCONT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_recovers_when_the_clients_thread_was_ended_by_an_exception(mosquitto: Mosquitto) -> None:
    ups: list[str] = []
    heard: list[bytes] = []

    def hear(event: LinkEvent) -> None:
        if isinstance(event, LinkUp):
            ups.append(event.version)
        if isinstance(event, Received):
            heard.append(event.payload)
            if len(heard) == 1:
                raise RuntimeError("a bug in a callback")

    link = Link(mosquitto.broker(), "buggy", ["a"], hear)
    link.start()
    try:
        until(lambda: len(ups) == 1, "the connection")
        with ear(mosquitto.broker()) as one:
            one.publish("a", b"boom")
            until(lambda: len(ups) == 2, "the connection after the exception")
        assert heard == [b"boom", b"boom"], "the broker says again what was not taken"
        assert until(lambda: link.publish("b", b"x"), "publishing again")
    finally:
        link.stop()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_link_that_is_let_go_leaves_nothing_open(mosquitto: Mosquitto) -> None:
    up = threading.Event()
    gc.disable()  # nothing may depend on when it runs
    try:
        before = open_files()
        link = Link(mosquitto.broker(), "brief", [], lambda event: up.set())
        link.start()
        up.wait(SECONDS)
        link.stop()
        del link
        assert open_files() == before
    finally:
        gc.enable()


def test_being_turned_away_is_told(tmp_path: Path) -> None:
    broker = Mosquitto.on_free_port(tmp_path, "allow_anonymous false")
    try:
        broker.start()
        with ear(broker.broker(), "a", wait=False) as one:
            one.down()
            assert one.downs[0] == "the broker turned us away: Not authorized"
            assert not one.link.publish("a", b"x")
    finally:
        broker.kill()
