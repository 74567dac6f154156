"""FunctionFS's bytes: what the kernel is told of each model, and whatever it may say."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwtools.commands.gadget import described
from fwtools.errors import ToolError
from fwtools.gadget.functionfs import (
    FULL_SPEED,
    HIGH_SPEED,
    BadDescriptor,
    Endpoint,
    Event,
    Identity,
    Layout,
    no_strings,
    read_events,
)
from fwtools.virtual.models import MODELS
from fwtools.virtual.server import Device

CONFIGURATION = bytes.fromhex("0902200001010080640904000002ffffff00 07058103400008 07058202400000")


def device_of(model: str) -> Device:
    return MODELS[model].device("S", 1, lambda led: b"")


def parts(data: bytes) -> list[bytes]:
    found = []
    while data:
        found.append(data[: data[0]])
        data = data[data[0] :]
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_kernel_is_told_the_models_own_identity_and_endpoints(model: str) -> None:
    device = device_of(model)
    exported = device.exported("1-1")
    identity, layout = described(device)
    assert (identity.vendor, identity.product) == (exported.vendor, exported.product)
    assert identity.release == exported.release
    assert identity.device_class == exported.device_class
    addresses = {one.address for one in layout.endpoints}
    used = {0x80 | device.bulk_in, device.bulk_out, device.interrupt_in and 0x80 | device.interrupt_in}
    assert used - {None} <= addresses
    told = layout.descriptors(exported.speed, 77)
    speeds = 2 if exported.speed == HIGH_SPEED else 1
    magic, length, flags, eventfd, *counts = struct.unpack_from(f"<{4 + speeds}I", told)
    assert (magic, length, eventfd) == (3, len(told), 77)
    assert flags == (64 | 32 | 1) + (2 if speeds == 2 else 0)
    own = parts(device.control(bytes.fromhex("800600020000ff00"), b""))[1:]
    assert counts == [len(own)] * speeds
    said = parts(told[4 * (4 + speeds) :])
    for packet, one_speed in zip((64, 512), (said[: len(own)], said[len(own) :]), strict=True):
        for ours, theirs in zip(own, one_speed, strict=False):
            bulk = ours[1] == 5 and ours[3] == 2
            assert theirs == (ours[:4] + struct.pack("<H", packet) + ours[6:] if bulk else ours)
    assert len(said) == len(own) * speeds


def test_no_strings_are_told() -> None:
    assert struct.unpack("<4I", no_strings()) == (2, 16, 0, 0)


@given(st.binary(max_size=200))
def test_whatever_the_kernel_says_is_events_or_nothing(data: bytes) -> None:
    events = read_events(data)
    assert len(events) <= len(data) // 12
    assert all(len(setup) == 8 for _, setup in events)


@given(
    st.lists(st.tuples(st.sampled_from(Event), st.binary(min_size=8, max_size=8)), max_size=4),
    st.binary(max_size=11),
)
def test_events_come_in_their_order_and_a_torn_one_is_none(
    said: list[tuple[Event, bytes]], torn: bytes
) -> None:
    data = b"".join(setup + bytes([event, 1, 2, 3]) for event, setup in said)
    assert read_events(data + torn) == said


def test_an_event_of_a_newer_kernel_is_left_out() -> None:
    assert read_events(bytes(8) + b"\7\0\0\0" + bytes(8) + b"\2\0\0\0") == [(Event.ENABLE, bytes(8))]


@given(st.binary(max_size=64))
def test_any_bytes_are_descriptors_or_refused(data: bytes) -> None:
    for parse in (Identity.parse, Layout.parse, Endpoint.parse):
        with contextlib.suppress(BadDescriptor):
            parse(data)


@given(st.data())
def test_a_configuration_with_a_byte_changed_is_refused_or_told_as_it_is(data: st.DataObject) -> None:
    changed = bytearray(CONFIGURATION)
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        layout = Layout.parse(bytes(changed))
    except BadDescriptor:
        return
    told = layout.descriptors(FULL_SPEED, 0)
    assert struct.unpack_from("<I", told, 4) == (len(told),)
    assert len(parts(told[20:])) == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda own: own + own[9:18], "2 interfaces or settings"),
        (lambda own: own.replace(b"\x82\x02", b"\x82\x01"), "neither bulk nor interrupt"),
        (lambda own: own.replace(b"\x82\x02", b"\x81\x02"), "two endpoints have one number"),
        (lambda own: own.replace(b"\x81\x03\x40\x00", b"\x81\x03\x00\x04"), "longer than full speed"),
        (lambda own: own.replace(b"\x82\x02", b"\x80\x02"), "the number 0x80"),
        (lambda own: own[:17] + b"\4" + own[18:], "has a name"),
        (lambda own: own[:-1], "breaks off"),
        (lambda own: own + bytes.fromhex("0921100100012200 00"), "more than one interface and its endpoints"),
        (lambda own: b"", "is none"),
    ],
)
def test_what_functionfs_cannot_serve_is_one_sentence(change: object, sentence: str) -> None:
    assert callable(change)
    with pytest.raises(BadDescriptor, match=sentence):
        Layout.parse(change(CONFIGURATION))


def test_a_model_that_cannot_be_served_is_named_as_such() -> None:
    device = device_of("uru4500")
    answer = device.control
    device.control = lambda setup, data: answer(setup, data)[:30]  # type: ignore[method-assign]
    with pytest.raises(
        ToolError, match="FunctionFS cannot serve this model: its configuration descriptor breaks off"
    ):
        described(device)
