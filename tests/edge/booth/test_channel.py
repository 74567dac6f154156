"""The channel between daemon and worker: whole messages or none; a hostile worker harms nobody but itself."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from edge.booth import channel
from edge.booth.channel import MAXIMUM_BLOB_BYTES, MAXIMUM_BLOBS, PACKET_BYTES, Channel, Message
from tests.edge.parts import steady

KINDS: list[type[BaseModel]] = list(get_args(get_args(channel.AnyMessage)[0]))
finite = st.floats(allow_nan=False, allow_infinity=False)


positions = st.integers(1, 10)
hits = st.builds(channel.Hit, score=finite, position=positions)
found = st.builds(channel.FoundFinger, score=finite, position=positions, shown=positions)


def filled(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Messages of one kind, with every number one that JSON knows."""
    said = kind.model_fields.get("type")
    values: dict[str, st.SearchStrategy[Any]] = {"type": st.just(said.default)} if said else {}
    for name, field in kind.model_fields.items():
        if field.annotation is float:
            values[name] = finite
        elif name in ("width", "height", "quality"):
            values[name] = st.integers(1, 100)
        elif name == "parts":
            values[name] = st.dictionaries(st.text("abc", max_size=3), finite, max_size=3)
        elif name in ("same_finger", "already"):
            values[name] = st.lists(hits, max_size=3).map(tuple)
        elif name == "positions":
            values[name] = st.lists(positions, max_size=10).map(tuple)
        elif name == "hits":
            values[name] = st.lists(found, max_size=3).map(tuple)
        elif field.annotation == tuple[channel.SlapFinger, ...]:
            values[name] = st.lists(filled(channel.SlapFinger), max_size=4).map(tuple)
    return st.builds(kind, **values)


def with_blobs(message: Any) -> st.SearchStrategy[tuple[Any, list[bytes]]]:
    least, most = (0, MAXIMUM_BLOBS) if message.blobs is None else (message.blobs, message.blobs)
    return st.tuples(st.just(message), st.lists(st.binary(max_size=2000), min_size=least, max_size=most))


messages = st.sampled_from(KINDS).flatmap(filled).flatmap(with_blobs)
EXAMINE = channel.Examine(
    token=1,
    position=2,
    width=3,
    height=4,
    ppi=500,
    accepted=(),
    same_finger_fmr=0.1,
    already_enrolled_fmr=0.1,
)  # comes with any number of blobs
WORDS = EXAMINE.model_dump_json().encode()


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, raw = Channel.pair()
    theirs = Channel(raw)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def raw() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = Channel.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture(autouse=True)
def _no_descriptor_leaks() -> Iterator[None]:
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_there_is_a_kind_for_every_word() -> None:
    assert set(KINDS) == {*Message.__subclasses__(), channel.Examined} - {
        channel.JudgedFinger,
        channel.Attack,
        channel.Hit,
        channel.FoundFinger,
        channel.GalleryFinger,
        channel.AttendantFinger,
        channel.AttendantHit,
    }
    assert len({kind.model_fields["type"].default for kind in KINDS}) == len(KINDS)


@steady(150)
@given(messages)
def test_messages_and_blobs_arrive_as_they_were_sent(sent: tuple[Any, list[bytes]]) -> None:
    message, blobs = sent
    ours, raw = Channel.pair()
    theirs = Channel(raw)
    try:
        ours.send(message, *blobs)
        assert theirs.receive() == (message, blobs)
        theirs.send(message, *blobs)
        assert ours.receive() == (message, blobs)
    finally:
        ours.close()
        theirs.close()


def test_messages_keep_their_order_and_their_blobs(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    for token in range(20):
        ours.send(channel.Captured(token=token, width=2, height=3, ppi=500.0), bytes([token]) * 6)
    for token in range(20):
        received = theirs.receive()
        assert received == (channel.Captured(token=token, width=2, height=3, ppi=500.0), [bytes([token]) * 6])


def test_a_frame_is_no_burden(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    frame = os.urandom(3 * 1024 * 1024)
    ours.send(EXAMINE, frame, b"", frame[:7])
    assert theirs.receive() == (EXAMINE, [frame, b"", frame[:7]])


def test_the_end_of_the_other_side_is_noticed(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    theirs.send(channel.MatcherReady())
    theirs.close()
    assert ours.receive() == (channel.MatcherReady(), [])
    assert ours.receive() is None
    with pytest.raises(BrokenPipeError):
        ours.send(channel.Disarm(), b"blob")


def test_closing_wakes_whoever_waits(ends: tuple[Channel, Channel]) -> None:
    ours, _ = ends
    heard: list[object] = []
    waiting = threading.Thread(target=lambda: heard.append(ours.receive()))
    waiting.start()
    ours.close()
    waiting.join(timeout=10)
    assert heard == [None]


@pytest.mark.parametrize(
    "words",
    [
        b"no JSON",
        b"{}",
        b'{"type":"reboot"}',
        b'{"type":"arm"}',
        b'{"type":"arm","token":"x"}',
        b'{"type":"arm","token":1,"more":2}',
        b"\xff\xfe",
        b"[" * 60_000,
    ],
)
def test_nonsense_is_refused(raw: tuple[Channel, socket.socket], words: bytes) -> None:
    ours, theirs = raw
    theirs.send(words)
    with pytest.raises(ValueError, match=r"^no message of this release: [^\n]+$"):
        ours.receive()
    theirs.send(b'{"type":"disarm"}')
    assert ours.receive() == (channel.Disarm(), []), "the next message is whole again"


def memory(size: int) -> int:
    file = os.memfd_create("test")
    os.ftruncate(file, size)  # takes no memory
    return file


def send(end: socket.socket, words: bytes, *files: int) -> None:
    socket.send_fds(end, [words], list(files))
    for file in files:
        os.close(file)


def test_a_message_that_is_too_long_is_refused(raw: tuple[Channel, socket.socket]) -> None:
    ours, theirs = raw
    send(theirs, b'{"type":"disarm"}' + b" " * (PACKET_BYTES - 17))
    assert ours.receive() == (channel.Disarm(), [])
    send(theirs, b'{"type":"disarm"}' + b" " * (PACKET_BYTES - 16), memory(3))
    with pytest.raises(ValueError, match="more than 65536 bytes or 17 blobs in one message"):
        ours.receive()


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_blobs_is_refused(ends: tuple[Channel, Channel], count: int) -> None:
    ours, theirs = ends
    theirs.send(channel.Captured(token=1, width=2, height=3, ppi=500.0), *[b"frame!"] * count)
    with pytest.raises(ValueError, match=f"a message 'captured' with {count} blobs, not 1"):
        ours.receive()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"quality":50', '"quality":101'), ('"quality":50', '"quality":-1'), ('"position":3', '"position":11')],
)
def test_numbers_that_mean_nothing_are_refused(
    raw: tuple[Channel, socket.socket], old: str, new: str
) -> None:
    ours, theirs = raw
    message = channel.Examined(
        token=1,
        quality=50,
        parts={},
        hint=None,
        minutiae=9,
        same_finger=(channel.Hit(position=3, score=1.0, fmr=0.5),),
        already=(),
        milliseconds=1.0,
    )
    send(theirs, message.model_dump_json().replace(old, new).encode(), *(memory(1) for _ in range(4)))
    with pytest.raises(ValueError, match="no message of this release: Input should be"):
        ours.receive()


def test_a_blob_that_is_too_large_is_refused(raw: tuple[Channel, socket.socket]) -> None:
    ours, theirs = raw
    send(theirs, WORDS, memory(5), memory(MAXIMUM_BLOB_BYTES + 1), memory(6))
    with pytest.raises(ValueError, match="a worker sent 67108865 bytes where at most 67108864 are taken"):
        ours.receive()


def test_too_many_blobs_are_refused(raw: tuple[Channel, socket.socket]) -> None:
    ours, theirs = raw
    send(theirs, WORDS, *(memory(1) for _ in range(MAXIMUM_BLOBS + 1)))
    with pytest.raises(ValueError, match="17 blobs in one message"):
        ours.receive()


def test_a_descriptor_that_is_no_memory_is_refused(raw: tuple[Channel, socket.socket]) -> None:
    ours, theirs = raw
    reader, writer = os.pipe()
    os.close(writer)
    for file in (reader, os.open("/dev/zero", os.O_RDONLY), os.open(Path("/proc/self"), os.O_RDONLY)):
        send(theirs, WORDS, file)
        with pytest.raises(ValueError, match="a descriptor that is no memory file"):
            ours.receive()


def test_a_blob_that_its_sender_moved_on_in_is_read_from_its_start(
    raw: tuple[Channel, socket.socket],
) -> None:
    ours, theirs = raw
    file = memory(0)
    os.write(file, b"abc")  # the offset stands at the end
    send(theirs, WORDS, file)
    assert ours.receive() == (EXAMINE, [b"abc"])


def talk(end: Channel) -> None:
    for token in range(100_000):
        end.send(channel.Arm(token=token))


def test_a_worker_that_does_not_listen_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "SEND_SECONDS", 1)
    ours, theirs = Channel.pair()
    with theirs, pytest.raises(BlockingIOError):
        talk(ours)
    ours.close()


def test_every_message_is_frozen_and_takes_nothing_unknown() -> None:
    for kind in KINDS:
        assert issubclass(kind, Message)
        assert kind.model_config["frozen"]
        assert kind.model_config["extra"] == "forbid"


@given(st.lists(st.binary(max_size=9)))
def test_parts_come_back(parts: list[bytes]) -> None:
    lengths, blob = channel.joined(parts)
    assert channel.parted(lengths, blob) == parts


@pytest.mark.parametrize("lengths", [(), (2,), (4,), (5, -2), (-1, 4)])
def test_lengths_that_are_not_those_of_the_blob_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a blob of 3 bytes"):
        channel.parted(lengths, b"abc")
