"""The pcapng codec and usbmon's header: what is written is read, and nothing else is believed."""

import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwtools.recording.pcapng import BadRecording, file_head, packet_block, read_packets
from fwtools.recording.urb import HEAD_BYTES, pack, parse, read_urbs, write_urbs
from tests.fwtools.recording.parts import usbmon

PACKETS = st.lists(st.binary(max_size=90), max_size=6)


def pcapng(packets: list[bytes]) -> bytes:
    return file_head("usbmon1") + b"".join(packet_block(packet, 5, len(packet)) for packet in packets)


def one_sentence(error: BadRecording) -> None:
    assert len(str(error).splitlines()) == 1


@given(PACKETS)
def test_what_is_written_is_read(packets: list[bytes]) -> None:
    assert list(read_packets(pcapng(packets))) == packets


@given(PACKETS, st.data())
def test_a_file_cut_anywhere_gives_its_first_packets_or_one_sentence(
    packets: list[bytes], data: st.DataObject
) -> None:
    whole = pcapng(packets)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    read: list[bytes] = []
    try:
        for packet in read_packets(cut):
            read.append(packet)
        assert len(read) < len(packets) or cut == whole or not packets
    except BadRecording as error:
        one_sentence(error)
    assert read == packets[: len(read)]


def test_a_file_cut_at_every_byte() -> None:
    packets = [usbmon("S"), usbmon("C", b"abcde")]
    whole, told = pcapng(packets), 0
    for end in range(len(whole)):
        try:
            assert len(list(read_urbs(whole[:end]))) < len(packets)
        except BadRecording:
            told += 1
    assert told == len(whole) - 3  # all but at the ends of the four blocks, of which the last is the file's


@given(PACKETS.filter(bool), st.data())
def test_one_wrong_byte_never_raises_anything_else(packets: list[bytes], data: st.DataObject) -> None:
    wrong = bytearray(pcapng(packets))
    wrong[data.draw(st.integers(0, len(wrong) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        list(read_packets(bytes(wrong)))
    except BadRecording as error:
        one_sentence(error)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadRecording, match="no pcapng file"):
        list(read_packets(data))


@given(st.binary(max_size=200))
def test_arbitrary_blocks_are_refused_or_passed_over(data: bytes) -> None:
    try:
        list(read_urbs(file_head("usbmon1") + data))
    except BadRecording as error:
        one_sentence(error)


@pytest.mark.parametrize("length", [0, 8, 13, 2**31, 2**32 - 4])
def test_hostile_lengths_take_no_memory(length: int) -> None:
    data = file_head("usbmon1") + struct.pack("<II", 6, length) + bytes(400)
    tracemalloc.start()
    with pytest.raises(BadRecording, match="block at byte"):
        list(read_packets(data))
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_a_packet_that_claims_more_than_its_block_has_is_refused() -> None:
    block = bytearray(packet_block(b"abcd", 0, 4))
    block[20:24] = (2**32 - 1).to_bytes(4, "little")
    with pytest.raises(BadRecording, match="claims 4294967295 bytes"):
        list(read_packets(file_head("usbmon1") + block))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            file_head("usbmon1").replace(struct.pack("<HH", 220, 0), struct.pack("<HH", 249, 0)),
            "link type 249",
        ),
        (struct.pack(">IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28), "big endian"),
        (file_head("usbmon1")[:28] + packet_block(b"", 0, 0), "not described"),
        (file_head("usbmon1") + struct.pack("<IIII", 3, 16, 0, 16), "of type 3"),
    ],
)
def test_what_is_not_read_is_named(wrong: bytes, told: str) -> None:
    with pytest.raises(BadRecording, match=told):
        list(read_packets(wrong))


def test_an_event_of_usbmon_is_understood() -> None:
    urb = parse(usbmon("C", b"hello", length=5))
    assert (urb.device, urb.bus, urb.endpoint, urb.data) == (9, 2, 0x82, b"hello")
    assert urb.microseconds == 1_700_000_000_000_042
    assert urb.inward
    assert urb.carries
    assert urb.whole
    assert not parse(usbmon("C", b"hello", length=6)).whole  # cut off
    assert parse(usbmon("S", b"", length=6)).whole  # an IN that is only asked for carries nothing


def test_a_setup_packet_belongs_to_the_submission_of_a_control_transfer() -> None:
    packet = bytearray(usbmon("S", b"xy", kind=2, endpoint=0))
    packet[14] = 0  # usbmon's sign for: there is one
    packet[40:48] = bytes.fromhex("40040700000001 00")
    assert parse(bytes(packet)).setup == bytes.fromhex("4004070000000100")
    assert parse(usbmon("S", b"xy")).setup is None


@given(st.binary(max_size=HEAD_BYTES + 20))
def test_a_packet_is_kept_as_it_is_or_refused(packet: bytes) -> None:
    try:
        urb = parse(packet)
    except BadRecording as error:
        one_sentence(error)
        return
    assert pack(urb) == packet[: HEAD_BYTES + len(urb.data)]


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_events_survive_the_file(datas: list[bytes]) -> None:
    urbs = [parse(usbmon("C", data)) for data in datas]
    assert list(read_urbs(b"".join(write_urbs(urbs, "usbmon1")))) == urbs


def test_other_data_must_have_the_same_length() -> None:
    urb = parse(usbmon("C", b"hello"))
    assert pack(urb.with_data(b"HELLO")) == usbmon("C", b"HELLO")
    with pytest.raises(ValueError, match="4 bytes cannot stand for 5"):
        urb.with_data(b"HELL")
