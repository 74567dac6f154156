"""What a device says of itself over USB/IP: as USB wants it, or it is refused; never another exception."""

from contextlib import suppress
from typing import Any

import pytest
import usb.core
from hypothesis import example, given
from hypothesis import strategies as st

from drivers import usbip_backend
from drivers.api import BulkOut
from drivers.errors import DeviceFault, FaultKind
from drivers.usb_transport import UsbTransport
from drivers.usbip_backend import UsbipBackend
from fwtools.virtual.nb1010 import Nb1010U

GOOD = bytes.fromhex(
    "09022700010100a032 0904000003000000 00 07058103400005 07050202400000 07058302400000".replace(" ", "")
)


def transport_of(described: bytes) -> UsbTransport:
    """Open a device that answers every control read with this."""

    class Client:
        def __init__(self, *_: Any) -> None:
            self.control_out = lambda setup, data, seconds: len(data)

        def control(self, setup: bytes, _data: bytes, _seconds: float) -> bytes:
            return described[: int.from_bytes(setup[6:8], "little")]

        def write(self, _endpoint: int, data: bytes, _seconds: float) -> int:
            return len(data)

        def stop(self) -> None:
            pass

        close = stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usbip_backend, "UsbipClient", Client)
        backend = UsbipBackend("127.0.0.1", 1, Nb1010U.exported("1-1"))
        return UsbTransport(usb.core.find(backend=backend), "bench:1", lambda: backend.client)


def test_a_device_that_describes_itself_is_opened() -> None:
    wire = transport_of(GOOD)
    assert wire.perform(BulkOut(0x02, b"12345678", 0.5)) == b""
    wire.close()


@pytest.mark.parametrize(
    "described",
    [
        b"",
        GOOD[:2],
        GOOD[:9],
        GOOD[:18],
        GOOD[:-7],
        GOOD[:-1],
        GOOD[9:],
        GOOD[:4] + b"\2" + GOOD[5:],
        b"\xa5" * 39,
    ],
)
def test_a_device_that_does_not_is_a_protocol_fault(described: bytes) -> None:
    with pytest.raises(DeviceFault) as fault:
        transport_of(described)
    assert fault.value.kind is FaultKind.PROTOCOL


@given(
    st.one_of(
        st.binary(max_size=60),
        st.tuples(st.integers(0, 38), st.integers(0, 255)).map(
            lambda change: GOOD[: change[0]] + bytes([change[1]]) + GOOD[change[0] + 1 :]
        ),
    )
)
@example(GOOD[:5] + b"\7" + GOOD[6:])
def test_whatever_it_says_is_opened_or_a_device_fault(described: bytes) -> None:
    with suppress(DeviceFault):
        wire = transport_of(described)
        wire.perform(BulkOut(0x02, b"12345678", 0.5))
        wire.close()
