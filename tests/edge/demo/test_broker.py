"""The demo's embedded broker: ready when it says so, quiet, and one sentence when its port is taken."""

import socket
import sys
from collections.abc import Callable

import pytest

from edge.settings import Broker
from tests.edge.programs import Program, ear, free_port, until

pytestmark = pytest.mark.system

MODULE = (sys.executable, "-m", "edge.demo.broker")


def test_it_serves_3_1_1_and_ends_without_a_word(run: Callable[..., Program]) -> None:
    port = free_port()
    program = run(*MODULE, str(port))
    until(lambda: "ready" in program.said(), "its start")
    broker = Broker(port=port, mqtt="3.1.1")
    with ear(broker, "a/#") as one, ear(broker, name="other") as other:
        assert one.up() == "3.1.1"
        other.publish("a/state", b"kept", retain=True)
        one.wait("a/state")
    with ear(broker, "a/#", name="late") as late:
        late.wait("a/state")
        assert late.heard[0].retained
        assert program.end() == 0, "even while somebody is connected"
    assert program.said() == "ready\n"


def test_a_port_in_use_is_one_sentence(run: Callable[..., Program]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        program = run(*MODULE, str(port))
        assert program.wait() == 2
    assert program.said() == f"port {port} cannot be used (Address already in use): stop what uses it\n"
