"""USB/IP bytes: the kernel documentation's own capture, round trips in any pieces, garbage."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import usbip_wire as wire
from drivers.usbip_wire import ExportedDevice, Submit, Submitted, Unlink, Unlinked, WireError

# Linux, Documentation/usb/usbip_protocol.rst, section EXAMPLE: captured from the wire. The eighth word is the
# first frame of an isochronous transfer, which nobody reads here.
START_FRAME = slice(28, 32)
CMD_IN = (
    "00000001 00000d05 0001000f 00000001 00000001 00000200 00000040 ffffffff 00000000 00000004" + " 00" * 8
)
CMD_OUT = (
    "00000001 00000d06 0001000f 00000000 00000001 00000000 00000040 ffffffff 00000000 00000004" + " 00" * 8
)
OUT_DATA = "ffffffff860008a784ce5ae212376300" + "00" * 48
RET_OUT = (
    "00000003 00000d06 00000000 00000000 00000000 00000000 00000040 ffffffff 00000000 00000000" + " 00" * 8
)
RET_IN = (
    "00000003 00000d05 00000000 00000000 00000000 00000000 00000040 ffffffff 00000000 00000000" + " 00" * 8
)
IN_DATA = "ffffffff860011a784ce5ae2123763612891b1020100000400000000" + "00" * 36


def without_start_frames(stream: bytes, *headers: int) -> bytes:
    changed = bytearray(stream)
    for header in headers:
        assert changed[header + START_FRAME.start : header + START_FRAME.stop] == b"\xff" * 4
        changed[header + START_FRAME.start : header + START_FRAME.stop] = bytes(4)
    return bytes(changed)


def test_commands_of_the_kernel_documentation() -> None:
    incoming = Submit(0xD05, 0x1000F, 1, True, 64, flags=0x200, interval=4)
    outgoing = Submit(0xD06, 0x1000F, 1, False, 64, data=bytes.fromhex(OUT_DATA), interval=4)
    stream = bytes.fromhex(CMD_IN + CMD_OUT + OUT_DATA)
    assert incoming.encode() + outgoing.encode() == without_start_frames(stream, 0, 48)
    assert wire.command_reader().feed(stream) == [incoming, outgoing]


def test_replies_of_the_kernel_documentation() -> None:
    stream = bytes.fromhex(RET_OUT + RET_IN + IN_DATA)
    replies = [Submitted(0xD06, 0, 64), Submitted(0xD05, 0, 64, bytes.fromhex(IN_DATA))]
    assert b"".join(reply.encode() for reply in replies) == without_start_frames(stream, 0, 48)
    assert wire.reply_reader({0xD05: 64, 0xD06: 0}.__getitem__).feed(stream) == replies


U32 = st.integers(0, 2**32 - 1)
STATUS = st.integers(-200, 0)


@st.composite
def submits(draw: st.DrawFn) -> Submit:
    data = draw(st.binary(max_size=100))
    incoming = draw(st.booleans())
    length = draw(U32) if incoming else len(data)
    setup = draw(st.binary(min_size=8, max_size=8))
    endpoint = draw(st.integers(0, 15))
    return Submit(draw(U32), draw(U32), endpoint, incoming, length, setup, b"" if incoming else data)


COMMANDS = st.lists(st.one_of(submits(), st.builds(Unlink, U32, U32, U32)), max_size=8)


def in_pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@given(COMMANDS, st.lists(U32, max_size=12))
def test_commands_in_any_pieces(commands: list[wire.Command], cuts: list[int]) -> None:
    reader = wire.command_reader()
    stream = b"".join(command.encode() for command in commands)
    assert [m for piece in in_pieces(stream, cuts) for m in reader.feed(piece)] == commands


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[wire.Reply], dict[int, int]]:
    replies: list[wire.Reply] = []
    capacity: dict[int, int] = {}
    for seqnum in draw(st.lists(U32, unique=True, max_size=8)):
        data = draw(st.binary(max_size=100))
        kind = draw(st.sampled_from(["in", "out", "unlink"]))
        if kind == "in":
            capacity[seqnum] = len(data) + draw(st.integers(0 if data else 1, 50))
            replies.append(Submitted(seqnum, draw(STATUS), len(data), data))
        elif kind == "out":
            capacity[seqnum] = 0
            replies.append(Submitted(seqnum, draw(STATUS), draw(U32)))
        else:
            replies.append(Unlinked(seqnum, draw(STATUS)))
    return replies, capacity


@given(answers(), st.lists(U32, max_size=12))
def test_replies_in_any_pieces(
    given_answers: tuple[list[wire.Reply], dict[int, int]], cuts: list[int]
) -> None:
    replies, capacity = given_answers
    reader = wire.reply_reader(capacity.__getitem__)
    stream = b"".join(reply.encode() for reply in replies)
    assert [m for piece in in_pieces(stream, cuts) for m in reader.feed(piece)] == replies


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_messages_or_a_wire_error(data: bytes, as_reply: bool) -> None:
    reader = wire.reply_reader({}.__getitem__) if as_reply else wire.command_reader()
    with suppress(WireError):
        reader.feed(data)


def test_a_reply_never_brings_more_than_was_asked_for() -> None:
    reader = wire.reply_reader({1: 64}.__getitem__)
    with pytest.raises(WireError, match="brings 65 bytes where 64"):
        reader.feed(Submitted(1, 0, 65, bytes(65)).encode()[:48])
    with pytest.raises(WireError, match="unknown request 2"):
        wire.reply_reader({}.__getitem__).feed(Submitted(2, 0, 0).encode())
    with pytest.raises(WireError, match="longer than"):
        wire.command_reader().feed(Submit(1, 0, 2, False, wire.MOST_OUT_BYTES + 1).encode())
    packets = bytearray(Submit(1, 0, 2, True, 8).encode())
    packets[32:36] = (5).to_bytes(4, "big")
    with pytest.raises(WireError, match="not spoken"):
        wire.command_reader().feed(bytes(packets))


@given(
    st.builds(
        ExportedDevice,
        st.text("abc/", max_size=255),
        st.text("123-.", max_size=31),
        *[U32] * 3,
        *[st.integers(0, 0xFFFF)] * 3,
        st.tuples(*[st.integers(0, 255)] * 3),
        *[st.integers(0, 255)] * 3,
    )
)
def test_devices_keep_their_places(device: ExportedDevice) -> None:
    data = device.encode()
    assert len(data) == wire.DEVICE_BYTES
    assert ExportedDevice.decode(data) == device
    # offsets of OP_REP_IMPORT in the documentation, less the eight bytes before the device
    assert data[0x108 - 8 :].startswith(device.busid.encode())
    assert int.from_bytes(data[0x134 - 8 :][:2], "big") == device.vendor
    assert data[0x13F - 8] == device.interfaces


@given(st.binary(min_size=8, max_size=8))
def test_the_head_of_a_reply(data: bytes) -> None:
    try:
        code, status = wire.decode_op(data, wire.REPLY_IMPORT)
    except WireError:
        assert data[:4] != bytes.fromhex("01110003")
    else:
        assert data == bytes.fromhex("01110003") + status.to_bytes(4, "big")
        assert code == wire.REPLY_IMPORT
    assert wire.encode_op(wire.REQUEST_DEVICES) == bytes.fromhex("0111800500000000")


@given(st.text("0123456789-.", max_size=31))
def test_bus_ids(busid: str) -> None:
    assert wire.decode_busid(wire.encode_busid(busid)) == busid
    assert len(wire.encode_busid(busid)) == 32
