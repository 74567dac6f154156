"""The USB/IP server and the control socket by their bytes, without a network."""

import asyncio
import json
from errno import ECONNRESET, EPIPE
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drivers import usbip_wire as wire
from drivers.usbip_wire import Submit, Submitted, Unlink, Unlinked
from fwtools.virtual.control import MOST_LINE_BYTES, Control, ControlConnection
from fwtools.virtual.hamster import HamsterPro20
from fwtools.virtual.platen import Platen
from fwtools.virtual.rig import Bench, Wanted
from fwtools.virtual.server import Bus, Connection, Port
from tests.drivers.bench import optics, ridges

READ_ID = bytes.fromhex("c025000000001e00")
START, STREAM_ON = bytes.fromhex("4005010000000000"), bytes.fromhex("4001000000000000")
IMPORT = wire.encode_op(wire.REQUEST_IMPORT) + wire.encode_busid("1-1")


class Wire(asyncio.Transport):
    """Keeps what a protocol writes."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.written, self.open, self._protocol = b"", True, protocol
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.open:
            self.written += bytes(data)

    def close(self) -> None:
        if self.open:
            self.open = False
            self._protocol.connection_lost(None)

    abort = close

    def take(self) -> bytes:
        taken, self.written = self.written, b""
        return taken


def new_port() -> Port:
    return Port(HamsterPro20("SERIAL", bytes(22_942), lambda led: b"\xab" * 657_920))


def imported(port: Port) -> tuple[Connection, Wire]:
    connection = Connection(Bus([port]))
    transport = Wire(connection)
    connection.data_received(IMPORT)
    assert transport.take() == wire.encode_op(wire.REPLY_IMPORT) + port.exported.encode()
    return connection, transport


def test_the_list_follows_the_plug() -> None:
    port = new_port()
    for plugged in (True, False, True):
        (port.replug if plugged else port.unplug)()
        connection = Connection(Bus([port]))
        transport = Wire(connection)
        connection.data_received(wire.encode_op(wire.REQUEST_DEVICES))
        devices = bytes((0, 0, 0, 1)) + port.exported.encode() + b"\xff\xff\xff\0" if plugged else bytes(4)
        assert transport.written == wire.encode_op(wire.REPLY_DEVICES) + devices
        assert not transport.open


def test_one_client_at_a_time() -> None:
    port = new_port()
    _, first = imported(port)
    second = Connection(Bus([port]))
    refused = Wire(second)
    second.data_received(IMPORT)
    assert refused.written == wire.encode_op(wire.REPLY_IMPORT, wire.BUSY)
    assert not refused.open
    assert first.open
    port.device.led = True
    first.close()
    assert not port.device.led, "a client that goes leaves the device as after power-on"
    imported(port)


@pytest.mark.parametrize("busid", ["1-2", ""])
def test_a_device_that_is_not_there(busid: str) -> None:
    connection = Connection(Bus([new_port()]))
    transport = Wire(connection)
    connection.data_received(wire.encode_op(wire.REQUEST_IMPORT) + wire.encode_busid(busid))
    assert transport.written == wire.encode_op(wire.REPLY_IMPORT, wire.NO_DEVICE)


def test_control_bulk_and_unlink() -> None:
    port = new_port()
    connection, transport = imported(port)
    identity = "SERIAL".ljust(15).encode("utf-16-le")
    connection.data_received(Submit(1, 0, 0, True, 30, READ_ID).encode())
    assert transport.take() == Submitted(1, 0, 30, identity).encode()
    for seqnum in (2, 3, 4):
        connection.data_received(Submit(seqnum, 0, 2, True, 100).encode())
    assert transport.take() == b"", "nothing streams: the reads wait"
    connection.data_received(Unlink(5, 0, 3).encode() + Unlink(6, 0, 3).encode())
    assert transport.take() == Unlinked(5, -ECONNRESET).encode() + Unlinked(6, 0).encode()
    connection.data_received(Submit(7, 0, 0, False, 0, START).encode())
    connection.data_received(Submit(8, 0, 0, False, 0, STREAM_ON).encode())
    frames = [Submitted(seqnum, 0, 100, b"\xab" * 100).encode() for seqnum in (2, 4)]
    ok = [Submitted(seqnum, 0, 0).encode() for seqnum in (7, 8)]
    assert transport.take() == b"".join(ok + frames)
    connection.data_received(Unlink(9, 0, 4).encode())
    assert transport.take() == Unlinked(9, 0).encode(), "it had been answered"
    connection.data_received(
        Submit(10, 0, 5, True, 8).encode() + Submit(11, 0, 0, True, 8, bytes(8)).encode()
    )
    assert transport.take() == Submitted(10, -EPIPE, 0).encode() + Submitted(11, -EPIPE, 0).encode()


def test_unplugging_ends_the_connection_and_its_reads() -> None:
    port = new_port()
    connection, transport = imported(port)
    connection.data_received(Submit(1, 0, 2, True, 100).encode())
    port.unplug()
    assert not transport.open
    assert transport.written == b""
    assert port.client is None


@given(st.lists(st.binary(max_size=200), max_size=6), st.booleans())
def test_any_bytes_are_answered_or_cut_off(chunks: list[bytes], lend: bool) -> None:
    port = new_port()
    connection = Connection(Bus([port]))
    transport = Wire(connection)
    if lend:
        connection.data_received(IMPORT)
    for chunk in chunks:
        if transport.open:
            connection.data_received(chunk)
    assert len(transport.written) < 1 << 21
    if not transport.open:
        assert port.client is None
        imported(port)


def test_a_client_cannot_leave_reads_unanswered_without_end() -> None:
    port = new_port()
    connection, transport = imported(port)
    for seqnum in range(2000):
        if transport.open:
            connection.data_received(Submit(seqnum, 0, 2, True, 100).encode())
    assert not transport.open


def new_control(folder: Path) -> Control:
    return Control([Bench(Wanted("hamster", "SERIAL", folder), Platen(optics()), new_port())])


@pytest.fixture
def control(tmp_path: Path) -> Control:
    Image.fromarray(ridges()).save(tmp_path / "1_1.png")
    (tmp_path / "bad.png").write_text("no picture")
    return new_control(tmp_path)


def ask(control: Control, line: bytes) -> dict[str, Any]:
    answer = control.answer(line)
    assert answer.endswith(b"\n")
    assert answer.count(b"\n") == 1
    reply: dict[str, Any] = json.loads(answer)
    return reply


EMPTY = {
    "ok": True,
    "finger": False,
    "image": None,
    "frames_since_put": 0,
    "led": False,
    "plugged": True,
    "connected": False,
    "faults_waiting": 0,
    "faults_struck": {},
}


def test_commands_change_what_the_status_tells(control: Control) -> None:
    assert ask(control, b'{"do": "status"}') == EMPTY
    assert ask(control, b'{"do": "put", "image": "1_1.png"}') == {"ok": True}
    assert ask(control, b'{"do": "status"}') == {**EMPTY, "finger": True, "image": "1_1.png"}
    assert ask(control, b'{"do": "lift"}') == ask(control, b'{"do": "unplug"}') == {"ok": True}
    assert ask(control, b'{"do": "status"}') == {**EMPTY, "plugged": False}
    assert ask(control, b'{"do": "replug"}') == {"ok": True}
    assert ask(control, b'{"do": "status"}') == EMPTY


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"put 1_1.png", "this line is no JSON"),
        (b"\xff\xfe", "this line is no JSON"),
        (b"[1]", "an order is a JSON object"),
        (b"{}", "an order is"),
        (b'{"do": "dance"}', "lift, unplug, replug, stall, short, garbage, slow, die, heal or status"),
        (b'{"do": "put"}', '"image": NAME'),
        (b'{"do": "put", "image": 7}', '"image": NAME'),
        (b'{"do": "lift", "image": "1_1.png"}', "an order is"),
        (b'{"do": "put", "image": "2_1.png"}', "there is no image '2_1.png'"),
        (b'{"do": "put", "image": "../1_1.png"}', "lies outside"),
        (b'{"do": "put", "image": "/etc/passwd"}', "lies outside"),
        (b'{"do": "put", "image": "bad.png"}', "bad.png is not a readable image"),
        (b'{"do": "put", "image": "a\\u0000b"}', "there is no image"),
        (b'{"do": "put", "image": "' + b"x" * 5000 + b'"}', "there is no image"),
    ],
)
def test_a_bad_command_is_one_sentence_and_changes_nothing(
    control: Control, line: bytes, sentence: str
) -> None:
    reply = ask(control, line)
    assert reply["ok"] is False
    assert sentence in reply["error"]
    assert "\n" not in reply["error"]
    assert ask(control, b'{"do": "status"}') == EMPTY


@given(st.binary(max_size=60))
def test_any_line_is_answered(line: bytes) -> None:
    control = new_control(Path("/nowhere"))
    assert ask(control, line.replace(b"\n", b""))["ok"] is False


def test_lines_in_any_pieces(control: Control) -> None:
    connection = ControlConnection(control)
    transport = Wire(connection)
    for byte in b'{"do": "lift"}\n{"do": "sta':
        connection.data_received(bytes([byte]))
    assert transport.take() == b'{"ok": true}\n'
    connection.data_received(b'tus"}\n{"do": "lift"}\n')
    assert [json.loads(line) for line in transport.take().splitlines()] == [EMPTY, {"ok": True}]


def test_a_line_that_is_too_long_is_answered_once_and_the_next_one_is_taken(control: Control) -> None:
    too_long = b'{"do": "' + b"x" * 300_000 + b'"}\n'
    for piece in (len(too_long), 65_536, 1000):
        connection = ControlConnection(control)
        transport = Wire(connection)
        for at in range(0, len(too_long), piece):
            connection.data_received(too_long[at : at + piece])
            assert len(connection._line) <= MOST_LINE_BYTES + piece, "what is skipped is not kept"
        answer = json.loads(transport.take())
        assert answer == {"ok": False, "error": "a line has at most 65536 bytes: send a shorter order"}
        connection.data_received(b'{"do": "lift"}\n')
        assert transport.take() == b'{"ok": true}\n'
        assert transport.open
