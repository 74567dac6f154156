"""Transfers in flight on an endpoint's file: Linux's own asynchronous I/O, for one asyncio loop.

A blocking write to an endpoint cannot be taken back once the host is not to have it; this can. Source:
include/uapi/linux/aio_abi.h. The C library has no names for these calls, so they are made by number.
"""

import asyncio
import contextlib
import ctypes
import os
import platform
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_int,
    c_int16,
    c_int64,
    c_long,
    c_uint16,
    c_uint32,
    c_uint64,
    c_ulong,
)

from fwtools.errors import ToolError

DEPTH = 16  # transfers in flight, at most
_NUMBERS = {  # io_setup, io_destroy, io_getevents, io_submit, io_cancel
    "x86_64": (206, 207, 208, 209, 210),
    "aarch64": (0, 1, 4, 2, 3),
}
_READ, _WRITE, _TELL = 0, 1, 1


class _Order(Structure):
    _fields_ = (
        ("data", c_uint64),
        ("key", c_uint32),
        ("rw_flags", c_int),
        ("opcode", c_uint16),
        ("priority", c_int16),
        ("descriptor", c_uint32),
        ("buffer", c_uint64),
        ("bytes", c_uint64),
        ("offset", c_int64),
        ("reserved", c_uint64),
        ("flags", c_uint32),
        ("eventfd", c_uint32),
    )


class _Ended(Structure):
    _fields_ = (("data", c_uint64), ("order", c_uint64), ("result", c_int64), ("result2", c_int64))


class Flight:
    """One transfer; `done` is how many bytes went, or a negative errno."""

    def __init__(self, buffer: "ctypes.Array[ctypes.c_char]") -> None:
        self.order, self.buffer = _Order(), buffer
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def data(self) -> bytes:
        """What a read has brought."""
        return self.buffer.raw[: max(0, self.done.result())]


class Aio:
    """The transfers of one gadget."""

    def __init__(self) -> None:
        numbers = _NUMBERS.get(platform.machine())
        if numbers is None or ctypes.sizeof(c_long) != 8:
            raise ToolError(
                f"a gadget runs on 64-bit Linux on x86-64 or Arm, and this is {platform.machine()}"
            )
        self._setup, self._destroy, self._get, self._submit, self._cancel = numbers
        self._context = c_ulong(0)
        self._flying: dict[int, Flight] = {}
        _call(self._setup, c_long(DEPTH), byref(self._context))
        self._told = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._told, self._reap)

    def write(self, descriptor: int, data: bytes) -> Flight:
        """Begin a write; OSError when the endpoint is not there."""
        buffer = (ctypes.c_char * max(1, len(data))).from_buffer_copy(data or b"\0")
        return self._begin(_WRITE, descriptor, buffer, len(data))

    def read(self, descriptor: int, length: int) -> Flight:
        """Begin a read; OSError when the endpoint is not there."""
        return self._begin(_READ, descriptor, ctypes.create_string_buffer(length), length)

    def _begin(
        self, opcode: int, descriptor: int, buffer: "ctypes.Array[ctypes.c_char]", length: int
    ) -> Flight:
        flight = Flight(buffer)
        order = flight.order
        order.data, order.opcode, order.descriptor = id(flight), opcode, descriptor
        order.buffer, order.bytes = ctypes.addressof(buffer), length
        order.flags, order.eventfd = _TELL, self._told
        _call(self._submit, self._context, c_long(1), (POINTER(_Order) * 1)(ctypes.pointer(order)))
        self._flying[id(flight)] = flight
        return flight

    def cancel(self, flight: Flight) -> None:
        """Ask for a transfer back; it ends with a negative result, unless it was over before."""
        with contextlib.suppress(OSError):
            _call(self._cancel, self._context, byref(flight.order), byref(_Ended()))

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._told)
        ended = (_Ended * DEPTH)()
        for one in ended[: _call(self._get, self._context, c_long(0), c_long(DEPTH), ended, None)]:
            flight = self._flying.pop(one.data)
            if not flight.done.done():  # whoever waited for it may have been cancelled
                flight.done.set_result(one.result)

    def close(self) -> None:
        """End everything; the kernel takes back what is in flight."""
        self._loop.remove_reader(self._told)
        _call(self._destroy, self._context)
        os.close(self._told)
        self._flying.clear()


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = c_long


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
