"""Reads in flight on libusb, which pyusb cannot do: one always pending on an interrupt endpoint, and a
bulk read that the device has before the request that starts it.

There is no thread: whoever waits for any transfer of this device, pyusb included, serves them all, and a
read that ends is put back at once. Source: libusb 1.0's "asynchronous device I/O"; its struct
libusb_transfer is stable.
"""

import contextlib
import ctypes
import errno
import os
import time
from collections import deque
from collections.abc import Callable
from ctypes import POINTER, byref, c_int, c_long, c_ubyte, c_uint, c_void_p
from typing import Any

BULK, INTERRUPT = 2, 3
MOST_MESSAGES = 64  # that wait to be heard; then the oldest are forgotten
CANCEL_SECONDS = 1.0  # how long the kernel may take to give up a read
_PUMP_SECONDS = 1.0
_COMPLETED, _CANCELLED = 0, 3
_STATUS = {1: errno.EIO, 2: errno.ETIMEDOUT, 4: errno.EPIPE, 5: errno.ENODEV, 6: errno.EOVERFLOW}
_INTERRUPTED = -10
_ERRORS = {
    -1: errno.EIO,
    -3: errno.EACCES,
    -4: errno.ENODEV,
    -5: errno.ENOENT,
    -6: errno.EBUSY,
    -7: errno.ETIMEDOUT,
    -11: errno.ENOMEM,
}


class _Transfer(ctypes.Structure):
    pass


_Callback = ctypes.CFUNCTYPE(None, POINTER(_Transfer))
_Transfer._fields_ = [
    ("dev_handle", c_void_p),
    ("flags", c_ubyte),
    ("endpoint", c_ubyte),
    ("type", c_ubyte),
    ("timeout", c_uint),  # milliseconds; 0: none
    ("status", c_int),
    ("length", c_int),
    ("actual_length", c_int),
    ("callback", _Callback),
    ("user_data", c_void_p),
    ("buffer", c_void_p),
    ("num_iso_packets", c_int),
]


class _Timeval(ctypes.Structure):
    _fields_ = [("seconds", c_long), ("microseconds", c_long)]


class LibusbReads:
    """The reads of one open device. For one thread."""

    def __init__(self, library: str, context: c_void_p, handle: c_void_p) -> None:
        self._lib, self._context, self._handle = _load(library), context, handle
        self._ear: _Read | None = None
        self._messages: deque[bytes] = deque(maxlen=MOST_MESSAGES)
        self._deaf = 0  # errno that ended the listening
        self._lost: list[_Read] = []  # that the kernel did not give back: their memory stays

    def read(
        self, endpoint: int, length: int, piece: int, seconds: float, begin: Callable[[], object] | None
    ) -> bytes:
        """Read a bulk endpoint piece after piece; `begin` is called when the first is in flight."""
        data = bytearray()
        while len(data) < length:
            wanted = min(piece, length - len(data))
            read = _Read(self._lib, self._handle, endpoint, BULK, wanted, int(seconds * 1000))
            try:
                read.submit()
                if begin is not None:
                    begin()
                    begin = None
                while read.flying:
                    self._pump(_PUMP_SECONDS)
                if read.error:
                    raise OSError(read.error, os.strerror(read.error))
                data += read.data
            finally:
                self._release(read)
            if len(read.data) < wanted:
                break  # a short packet ends the transfer; the machine names what is missing
        return bytes(data)

    def listen(self, endpoint: int, length: int) -> None:
        """Keep one read of an interrupt endpoint pending from now on."""
        self.stop()
        self._ear = _Read(self._lib, self._handle, endpoint, INTERRUPT, length, 0, self._heard)
        self._ear.submit()

    def hear(self, seconds: float) -> bytes | None:
        """Return the next message, or None when none came in this time."""
        deadline = time.monotonic() + seconds
        while not self._messages:
            if self._deaf or self._ear is None:
                raise OSError(self._deaf or errno.EPROTO, os.strerror(self._deaf or errno.EPROTO))
            self._pump(max(0.0, deadline - time.monotonic()))
            if not self._messages and time.monotonic() >= deadline:
                return None
        return self._messages.popleft()

    def stop(self) -> None:
        """Listen no more."""
        ear, self._ear, self._deaf = self._ear, None, 0
        self._messages.clear()
        if ear is not None:
            self._release(ear)

    def _heard(self, read: "_Read") -> None:
        """Keep a message, and listen on; called by libusb, so nothing may be raised."""
        if read is not self._ear:
            return
        self._deaf = read.error
        if not self._deaf:
            self._messages.append(read.data)
            try:
                read.submit()
            except OSError as error:
                self._deaf = error.errno or errno.EIO

    def _pump(self, seconds: float) -> None:
        """Let libusb serve every transfer that has ended."""
        whole = int(seconds)
        wait = _Timeval(whole, int((seconds - whole) * 1e6))
        code = self._lib.libusb_handle_events_timeout_completed(self._context, byref(wait), None)
        if code != _INTERRUPTED:
            _check(code)

    def _release(self, read: "_Read") -> None:
        """Take a read back from the kernel, which writes into its memory until then."""
        deadline = time.monotonic() + CANCEL_SECONDS
        if read.flying:
            self._lib.libusb_cancel_transfer(read.transfer)
        with contextlib.suppress(OSError):
            while read.flying and time.monotonic() < deadline:
                self._pump(0.05)
        if read.flying:
            self._lost.append(read)
        else:
            self._lib.libusb_free_transfer(read.transfer)


class _Read:
    """One transfer that can be handed to the kernel again and again."""

    def __init__(
        self,
        lib: Any,
        handle: c_void_p,
        endpoint: int,
        kind: int,
        length: int,
        milliseconds: int,
        ended: "Callable[[_Read], None] | None" = None,
    ) -> None:
        self._lib, self._ended = lib, ended
        self._buffer = ctypes.create_string_buffer(length)
        self._callback = _Callback(self._back)
        self.transfer = lib.libusb_alloc_transfer(0)
        self.flying = False
        self.error = 0  # errno of the last end
        self.data = b""
        transfer = self.transfer.contents
        transfer.dev_handle, transfer.endpoint, transfer.type = handle, endpoint, kind
        transfer.timeout, transfer.length = milliseconds, length
        transfer.buffer, transfer.callback = ctypes.addressof(self._buffer), self._callback

    def submit(self) -> None:
        """Hand it to the kernel."""
        _check(self._lib.libusb_submit_transfer(self.transfer))
        self.flying = True

    def _back(self, _transfer: object) -> None:
        transfer = self.transfer.contents
        self.flying = False
        self.error = 0 if transfer.status == _COMPLETED else _STATUS.get(transfer.status, errno.ECANCELED)
        self.data = self._buffer.raw[: transfer.actual_length]
        if self._ended is not None:
            self._ended(self)


def _load(library: str) -> Any:
    """Prototypes of our own on the library that pyusb has loaded."""
    lib = ctypes.CDLL(library)
    lib.libusb_alloc_transfer.argtypes = [c_int]
    lib.libusb_alloc_transfer.restype = POINTER(_Transfer)
    for name in ("submit", "cancel", "free"):
        getattr(lib, f"libusb_{name}_transfer").argtypes = [POINTER(_Transfer)]
    lib.libusb_free_transfer.restype = None
    lib.libusb_handle_events_timeout_completed.argtypes = [c_void_p, POINTER(_Timeval), POINTER(c_int)]
    return lib


def _check(code: int) -> None:
    if code < 0:
        raise OSError(_ERRORS.get(code, errno.EIO), f"libusb error {code}")
