"""What goes wrong on a wire, sorted by who must act."""

import errno

import pytest
from usb.core import USBError, USBTimeoutError

from drivers.errors import FaultKind
from drivers.usb_transport import fault_of


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (
            USBError("No such device", -4, errno.ENODEV),
            FaultKind.UNPLUGGED,
            "was unplugged while X",
        ),
        (
            USBTimeoutError("Timed out", -7, errno.ETIMEDOUT),
            FaultKind.TIMEOUT,
            "did not answer in time",
        ),
        (USBError("Access denied", -3, errno.EACCES), FaultKind.PERMISSION, "60-vantay.rules"),
        (USBError("Resource busy", -6, errno.EBUSY), FaultKind.BUSY, "in use by another program"),
        (
            USBError("Pipe error", -9, errno.EPIPE),
            FaultKind.PROTOCOL,
            "it refused a request, at usb:1-2",
        ),
        (USBError("Other error", -99, None), FaultKind.PROTOCOL, "Other error, at usb:1-2"),
        (NotImplementedError("iso_read"), FaultKind.PROTOCOL, "iso_read, at usb:1-2"),
        (TimeoutError("timed out"), FaultKind.TIMEOUT, "did not answer in time"),
        (OSError(errno.ENOENT, "nobody there"), FaultKind.NOT_FOUND, "nobody there"),
    ],
)
def test_every_error_becomes_one_sentence(
    error: OSError | NotImplementedError, kind: FaultKind, sentence: str
) -> None:
    fault = fault_of(error, "usb:1-2", "X")
    assert fault.kind is kind
    assert sentence in fault.detail
    assert "\n" not in fault.detail
