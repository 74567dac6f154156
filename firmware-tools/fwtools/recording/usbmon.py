"""/dev/usbmonN: the kernel's binary interface to what passes on one USB bus.

The Linux kernel's Documentation/usb/usbmon.rst: MON_IOCX_GETX takes one event, MON_IOCT_RING_SIZE sets the
buffer, MON_IOCG_STATS tells how many events were lost. An event holds at most a fifth of the buffer.
"""

import ctypes
import errno
import fcntl
import os
import select
from pathlib import Path
from types import TracebackType

from fwtools.errors import ToolError
from fwtools.recording.urb import HEAD_BYTES

RING_BYTES = 1_228_800  # the most that the kernel takes (BUFF_MAX)
MOST_DATA = RING_BYTES // 5
_SET_RING, _STATS, _TAKE = 0x9204, 0x80089203, 0x4018920A  # of a 64-bit machine


class _Request(ctypes.Structure):
    _fields_ = [("head", ctypes.c_void_p), ("data", ctypes.c_void_p), ("room", ctypes.c_size_t)]


class _Stats(ctypes.Structure):
    _fields_ = [("waiting", ctypes.c_uint32), ("lost", ctypes.c_uint32)]


class Usbmon:
    """One bus, listened to from its opening on."""

    def __init__(self, bus: int) -> None:
        self.name = f"usbmon{bus}"
        self._head = ctypes.create_string_buffer(HEAD_BYTES)
        self._data = ctypes.create_string_buffer(MOST_DATA)
        self._request = _Request(ctypes.addressof(self._head), ctypes.addressof(self._data), MOST_DATA)
        self._file = _opened(Path("/dev") / self.name)
        try:
            fcntl.ioctl(self._file, _SET_RING, RING_BYTES)
        except OSError as error:
            os.close(self._file)
            raise ToolError(
                f"/dev/{self.name} does not take a buffer of {RING_BYTES} bytes ({error.strerror}): "
                "this kernel cannot record whole pictures"
            ) from error

    def __enter__(self) -> "Usbmon":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        os.close(self._file)

    def take(self, seconds: float) -> bytes | None:
        """The next event, header and data; None when none came in this time."""
        select.select([self._file], [], [], seconds)
        try:
            fcntl.ioctl(self._file, _TAKE, self._request)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return None
            raise ToolError(f"/dev/{self.name} cannot be read: {error.strerror}") from error
        head = self._head.raw
        return head + ctypes.string_at(self._data, int.from_bytes(head[36:40], "little"))

    def lost_since_last(self) -> int:
        """How many events the buffer had no room for since this was asked last."""
        stats = _Stats()
        fcntl.ioctl(self._file, _STATS, stats)
        return int(stats.lost)


def _opened(node: Path) -> int:
    try:
        return os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ToolError(f"there is no {node}: load the kernel's module (modprobe usbmon), as root") from None
    except PermissionError:
        raise ToolError(f"this user may not read {node}: record as root") from None
    except OSError as error:
        raise ToolError(f"{node} cannot be opened: {error.strerror}") from error
