"""Faults of the virtual wire: what is ordered, what it does to the bytes, and what is refused."""

import asyncio
from errno import ECONNRESET, EPIPE
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import usbip_wire as wire
from drivers.usbip_wire import Submit, Submitted, Unlink, Unlinked
from fwtools.errors import ToolError
from fwtools.virtual.faults import Fault, Faults, read_fault
from fwtools.virtual.server import Bus, Connection, Port
from tests.fwtools.test_virtual_server import START, STREAM_ON, Wire, ask, imported, new_control, new_port

IDENTITY = "SERIAL".ljust(15).encode("utf-16-le")
CLEAR_HALT = bytes.fromhex("0201000082000000")
PORT_RESET = bytes.fromhex("2303040001000000")
HALT_OF_82 = bytes.fromhex("8200000082000200")


def read_id(seqnum: int) -> bytes:
    return Submit(seqnum, 0, 0, True, 30, bytes.fromhex("c025000000001e00")).encode()


def read_bulk(seqnum: int, length: int = 100) -> bytes:
    return Submit(seqnum, 0, 2, True, length).encode()


def streaming(*faults: Fault) -> tuple[Port, Connection, Wire]:
    """A scanner whose stream runs, with faults that wait."""
    port = new_port()
    connection, transport = imported(port)
    connection.data_received(Submit(1, 0, 0, False, 0, START).encode())
    connection.data_received(Submit(2, 0, 0, False, 0, STREAM_ON).encode())
    transport.take()
    for fault in faults:
        port.faults.add(fault)
    return port, connection, transport


def test_a_stalled_endpoint_stays_halted_until_it_is_cleared() -> None:
    port, connection, transport = streaming(Fault(kind="stall", on="bulk", skip=1))
    for seqnum in (3, 4, 5):
        connection.data_received(read_bulk(seqnum))
    good = Submitted(3, 0, 100, b"\xab" * 100).encode()
    assert transport.take() == good + b"".join(Submitted(n, -EPIPE, 0).encode() for n in (4, 5))
    connection.data_received(Submit(6, 0, 0, True, 2, HALT_OF_82).encode() + read_id(7))
    halted = Submitted(6, 0, 2, b"\1\0").encode()
    assert transport.take() == halted + Submitted(7, 0, 30, IDENTITY).encode(), "endpoint 0 goes on"
    connection.data_received(Submit(8, 0, 0, False, 0, CLEAR_HALT).encode() + read_bulk(9))
    cleared = Submitted(8, 0, 0).encode()
    assert transport.take() == cleared + Submitted(9, 0, 100, b"\xab" * 100).encode()
    assert port.faults.struck == {"stall": 1}
    assert port.faults.waiting == 0


@pytest.mark.parametrize("over", ["reset", "new client"])
def test_a_reset_and_a_new_client_clear_the_halt(over: str) -> None:
    port, connection, transport = streaming(Fault(kind="stall", on="bulk"))
    connection.data_received(read_bulk(3))
    assert transport.take() == Submitted(3, -EPIPE, 0).encode()
    if over == "reset":
        connection.data_received(Submit(4, 0, 0, False, 0, PORT_RESET).encode())
    else:
        transport.close()
        connection, transport = imported(port)
    connection.data_received(Submit(5, 0, 0, True, 2, HALT_OF_82).encode())
    assert transport.take().endswith(Submitted(5, 0, 2, b"\0\0").encode())


def test_a_refused_request_leaves_endpoint_0_usable() -> None:
    _, connection, transport = streaming(Fault(kind="stall", on="control", times=2))
    connection.data_received(read_id(3) + read_id(4) + read_id(5))
    refused = b"".join(Submitted(n, -EPIPE, 0).encode() for n in (3, 4))
    assert transport.take() == refused + Submitted(5, 0, 30, IDENTITY).encode()


def test_a_short_transfer_brings_fewer_bytes_than_it_would_have() -> None:
    _, connection, transport = streaming(Fault(kind="short", times=8))
    lengths = []
    for seqnum in range(3, 12):
        connection.data_received(read_bulk(seqnum) if seqnum % 2 else read_id(seqnum))
        (reply,) = wire.reply_reader(lambda _: 100).feed(transport.take())
        assert isinstance(reply, Submitted)
        assert reply.status == 0
        assert reply.data == (b"\xab" * 100 if seqnum % 2 else IDENTITY)[: reply.length]
        lengths.append(reply.length)
    assert all(n < (100 if at % 2 == 0 else 30) for at, n in enumerate(lengths[:8]))
    assert len(set(lengths[:8])) > 4
    assert lengths[8] == 100


def test_garbage_has_the_right_length_and_nothing_else_right() -> None:
    port, connection, transport = streaming(Fault(kind="garbage"))
    connection.data_received(
        Submit(3, 0, 0, False, 4, bytes.fromhex("4040000000000400"), b"\4\x5c\0\0").encode()
    )
    transport.take()
    assert port.faults.waiting == 1, "what goes to the device is no garbage"
    connection.data_received(read_bulk(4) + read_bulk(5))
    first, second = wire.reply_reader(lambda _: 100).feed(transport.take())
    assert isinstance(first, Submitted)
    assert (first.status, first.length) == (0, 100)
    assert len(set(first.data)) > 40
    assert second == Submitted(5, 0, 100, b"\xab" * 100)


def test_a_slow_endpoint_keeps_its_order_and_holds_up_no_other() -> None:
    async def run() -> list[bytes]:
        _, connection, transport = streaming(Fault(kind="slow", on="bulk", seconds=0.05))
        connection.data_received(read_bulk(3) + read_bulk(4) + read_id(5))
        taken = [transport.take()]
        while not transport.written:
            await asyncio.sleep(0.01)
        return [*taken, transport.take()]

    before, after = asyncio.run(run())
    assert before == Submitted(5, 0, 30, IDENTITY).encode()
    assert after == b"".join(Submitted(n, 0, 100, b"\xab" * 100).encode() for n in (3, 4))


def test_a_slow_transfer_can_be_given_up_and_then_never_comes() -> None:
    async def run() -> list[bytes]:
        _, connection, transport = streaming(Fault(kind="slow", on="bulk", seconds=0.05))
        connection.data_received(read_bulk(3) + Unlink(4, 0, 3).encode() + read_bulk(5))
        taken = [transport.take()]
        while not transport.written:
            await asyncio.sleep(0.01)
        return [*taken, transport.take()]

    before, after = asyncio.run(run())
    assert before == Unlinked(4, -ECONNRESET).encode()
    assert after == Submitted(5, 0, 100, b"\xab" * 100).encode()


def test_a_slow_answer_is_not_given_to_the_next_client() -> None:
    async def run() -> bytes:
        port, connection, transport = streaming(Fault(kind="slow", on="control", seconds=0.02))
        connection.data_received(read_id(3))
        transport.close()
        _, second = imported(port)
        await asyncio.sleep(0.1)
        return transport.written + second.written

    assert asyncio.run(run()) == b""


@pytest.mark.parametrize("kind", ["die", "unplug"])
@pytest.mark.parametrize("allowed", [0, 1, 47, 48, 147, 148, 149, 443, 444, 500])
def test_a_connection_is_cut_after_exactly_so_many_bytes(kind: Any, allowed: int) -> None:
    port, connection, transport = streaming(Fault(kind=kind, bytes=allowed))
    whole = b"".join(Submitted(n, 0, 100, b"\xab" * 100).encode() for n in range(3, 6))
    connection.data_received(b"".join(read_bulk(n) for n in range(3, 6)))
    assert transport.take() == whole[:allowed]
    assert transport.open == (allowed > len(whole))
    if not transport.open:
        assert port.client is None
        assert port.plugged == (kind == "die")
        assert port.faults.struck == {kind: 1}
        connection.data_received(read_id(9))
        assert transport.written == b"", "a cut connection answers nothing"
        port.replug()
        imported(port)


def test_an_unplugged_scanner_of_a_script_comes_back_by_itself() -> None:
    async def run() -> tuple[bool, bool]:
        port, connection, _ = streaming(Fault(kind="unplug", bytes=10, seconds=0.02))
        connection.data_received(read_id(3))
        out = port.plugged
        while not port.plugged:
            await asyncio.sleep(0.01)
        return out, port.plugged

    assert asyncio.run(run()) == (False, True)


@given(
    st.lists(st.tuples(st.sampled_from(["control", "bulk", "interrupt"]), st.booleans(), st.integers(0, 9)))
)
def test_each_fault_strikes_as_often_as_ordered_and_only_where_it_can(transfers: list[Any]) -> None:
    faults = Faults(1)
    faults.add(Fault(kind="short", on="bulk", skip=1, times=2))
    faults.add(Fault(kind="garbage", on="any"))
    faults.add(Fault(kind="die", bytes=10))
    struck = []
    for way, incoming, size in transfers:
        fault = faults.strike(way, incoming, size)
        if fault is not None:
            assert size > 0
            assert fault.on in ("any", way)
            assert incoming or fault.kind != "garbage"
            struck.append(fault.kind)
    assert struck.count("short") <= 2
    assert struck.count("garbage") <= 1
    assert dict(faults.struck) == {kind: struck.count(kind) for kind in set(struck)}
    faults.clear()
    assert faults.waiting == 0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"kind": "dance"}, "'kind': must be 'stall', 'short', 'garbage', 'slow', 'die' or 'unplug'"),
        ({}, "'kind' is missing"),
        ({"kind": "stall", "often": 2}, "'often' is unknown"),
        ({"kind": "stall", "times": 0}, "'times': must be at least 1"),
        ({"kind": "stall", "times": "2"}, "'times': must be a whole number"),
        ({"kind": "stall", "seconds": 1.0}, "'seconds' does not belong to the fault stall"),
        ({"kind": "die", "on": "bulk"}, "'on' does not belong to the fault die"),
        ({"kind": "short", "on": "wire"}, "'on': must be 'any', 'control', 'bulk' or 'interrupt'"),
        ({"kind": "slow", "seconds": float("nan")}, "'seconds': must be"),
    ],
)
def test_a_bad_fault_is_one_sentence_that_names_the_key(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ToolError) as error:
        read_fault(table)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_orders_of_faults_over_the_control_socket(tmp_path: Path) -> None:
    control = new_control(tmp_path)
    for line in (
        b'{"do": "stall"}',
        b'{"do": "short", "on": "control", "skip": 3}',
        b'{"do": "garbage", "times": 2}',
        b'{"do": "slow", "seconds": 1}',
        b'{"do": "die", "bytes": 1000}',
        b'{"do": "unplug", "bytes": 1000}',
    ):
        assert ask(control, line) == {"ok": True}
    assert ask(control, b'{"do": "status"}')["faults_waiting"] == 6
    assert ask(control, b'{"do": "status"}')["plugged"]
    assert ask(control, b'{"do": "heal"}') == {"ok": True}
    assert ask(control, b'{"do": "status"}')["faults_waiting"] == 0
    for line, sentence in (
        (b'{"do": "stall", "kind": "die"}', "an order is"),
        (b'{"do": "die", "bytes": -1}', "'bytes': must be at least 0"),
        (b'{"do": "lift", "scanner": "1-2"}', 'there is no such scanner here: "scanner" is one of 1-1'),
        (b'{"do": "lift", "scanner": 1}', "there is no such scanner here"),
    ):
        reply = ask(control, line)
        assert reply["ok"] is False
        assert reply["error"].startswith(sentence)
    assert ask(control, b'{"do": "status", "scanner": "SERIAL"}')["ok"]


def test_two_scanners_on_one_bus_are_lent_each_by_itself() -> None:
    first, second = Port(new_port().device, "1-1", 1), Port(new_port().device, "1-2", 2)
    bus = Bus([first, second])

    def client(busid: str) -> Wire:
        connection = Connection(bus)
        transport = Wire(connection)
        connection.data_received(wire.encode_op(wire.REQUEST_IMPORT) + wire.encode_busid(busid))
        return transport

    for port in (first, second):
        answer = wire.encode_op(wire.REPLY_IMPORT) + port.exported.encode()
        assert client(port.busid).written == answer
    assert first.exported.devnum != second.exported.devnum
    assert client("1-2").written == wire.encode_op(wire.REPLY_IMPORT, wire.BUSY)
    assert client("1-3").written == wire.encode_op(wire.REPLY_IMPORT, wire.NO_DEVICE)
    first.unplug()
    assert first.client is None
    assert second.client is not None
    lister = Connection(bus)
    listed = Wire(lister)
    lister.data_received(wire.encode_op(wire.REQUEST_DEVICES))
    expected = bytes((0, 0, 0, 1)) + second.exported.encode() + b"\xff\xff\xff\0"
    assert listed.written == wire.encode_op(wire.REPLY_DEVICES) + expected
