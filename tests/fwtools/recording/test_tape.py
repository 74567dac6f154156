"""A recording as transfers, and with other data in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwtools.recording.chosen import numbers_of
from fwtools.recording.folder import read_recording
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.tape import IoctlTape, PcapngTape, Transfer
from fwtools.recording.urb import parse, write_urbs
from tests.fwtools.recording.parts import RECORDINGS, usbmon

TREE = (
    b"@DEV /dev/bus/usb/001/003\nUSBDEVFS_GET_CAPABILITIES 0 FD010000\n"
    b"USBDEVFS_REAPURBNDELAY 0 3 2 0 0 3 3 0 80AB01\n USBDEVFS_REAPURB 0 3 131 0 0 8 2 0 C0DE\n"
    b"USBDEVFS_REAPURB 0 2 0 0 0 9 1 0 C00407000000010042\n"
)


def test_data_that_went_over_the_wire_are_transfers() -> None:
    setup = bytes.fromhex("c004070000000200")
    asked = bytearray(usbmon("S", kind=2, endpoint=0x80, length=2, number=5))
    asked[14], asked[40:48] = 0, setup
    events = [
        bytes(asked),
        usbmon("S", length=64),
        usbmon("C", b"ab", kind=2, endpoint=0x80, number=5),
        usbmon("C", b"picture"),
        usbmon("S", b"out", endpoint=2),
        usbmon("C", b"", endpoint=2, length=3),
    ]
    tape = PcapngTape(b"".join(write_urbs(map(parse, events), "usbmon2")))
    assert tape.transfers == [
        Transfer(0x80, setup, b"ab"),
        Transfer(0x82, b"", b"picture"),
        Transfer(2, b"", b"out"),
    ]
    other = PcapngTape(tape.replaced({1: b"PICTURE"}))
    assert [one.data for one in other.transfers] == [b"ab", b"PICTURE", b"out"]
    assert other.replaced({1: b"picture"}) == tape.replaced({})


def test_a_tree_of_ioctls_is_transfers_and_stays_as_it_is_elsewhere() -> None:
    tape = IoctlTape(TREE)
    assert tape.transfers == [
        Transfer(2, b"", bytes.fromhex("80ab01")),
        Transfer(0x83, b"", bytes.fromhex("c0de")),
        Transfer(0, bytes.fromhex("c004070000000100"), b"\x42"),
    ]
    assert tape.replaced({}) == TREE
    assert tape.replaced({1: b"\xbe\xef", 2: b"\x43"}) == TREE.replace(b"C0DE", b"BEEF").replace(
        b"042\n", b"043\n"
    )
    with pytest.raises(ValueError, match="1 bytes cannot stand for 2"):
        tape.replaced({1: b"x"})


@given(st.binary(max_size=80), st.integers(0, len(TREE)))
def test_whatever_a_tree_holds_is_read_or_refused(wrong: bytes, at: int) -> None:
    try:
        tape = IoctlTape(TREE[:at] + wrong + TREE[at:])
    except BadRecording as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
        return
    assert len(tape.replaced({}).splitlines()) > 0


def test_the_host_s_numbers_are_found_in_what_it_sent() -> None:
    numbers = {}
    for folder in sorted(RECORDINGS.iterdir()):
        if folder.is_dir():
            recording = read_recording(folder)
            numbers[recording.driver.model] = set(
                numbers_of(recording.driver.model, recording.tape.transfers)
            )
    assert numbers["NEXT NB-1010-U"] == numbers["DigitalPersona U.are.U 4000/4500"] == {1}
    assert numbers_of("SecuGen Hamster Pro 20", [Transfer(2, b"", b"\x80\x38\x07\0\x08\0\0\0")]) == []
