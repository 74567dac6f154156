"""A USB/IP client over one TCP socket: many URBs in flight, no thread, no kernel.

Whoever waits for an answer reads the socket and files the other answers. Every failure is an OSError:
ENODEV when the connection is gone, ETIMEDOUT, EBUSY, EPROTO, or what the device's URB ended with.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable
from errno import EBUSY, ECONNRESET, ENODEV, ENOENT, EPROTO, ETIMEDOUT

from drivers import usbip_wire as wire
from drivers.usbip_wire import ExportedDevice, Submitted, WireError

CONNECT_SECONDS = 5.0
UNLINK_SECONDS = 2.0  # how long a server may take to give up an URB
MOST_MESSAGES = 64  # that wait to be heard; then the oldest are forgotten
_MOST_DEVICES = 1024
_RECEIVE_BYTES = 1 << 18


def list_devices(host: str, port: int) -> list[ExportedDevice]:
    """Ask a server which devices it exports."""
    with _connect(host, port) as connection:
        connection.sendall(wire.encode_op(wire.REQUEST_DEVICES))
        _receive_op(connection, wire.REPLY_DEVICES)
        devices: list[ExportedDevice] = []
        count = int.from_bytes(_receive(connection, 4), "big")
        if count > _MOST_DEVICES:
            raise OSError(EPROTO, f"a list of {count} devices is no USB/IP")
        for _ in range(count):
            devices.append(ExportedDevice.decode(_receive(connection, wire.DEVICE_BYTES)))
            _receive(connection, wire.INTERFACE_BYTES * devices[-1].interfaces)
        return devices


class UsbipClient:
    """One imported device. For one thread."""

    def __init__(self, host: str, port: int, busid: str) -> None:
        self._socket = _connect(host, port)
        try:
            self._socket.sendall(wire.encode_op(wire.REQUEST_IMPORT) + wire.encode_busid(busid))
            status = _receive_op(self._socket, wire.REPLY_IMPORT)
            if status == wire.BUSY:
                raise OSError(EBUSY, f"{busid} is in use by another program")
            if status != wire.IMPORTED:
                raise OSError(ENOENT, f"{host}:{port} has no device {busid}")
            device = ExportedDevice.decode(_receive(self._socket, wire.DEVICE_BYTES))
        except OSError:
            self._socket.close()
            raise
        self._devid = device.busnum << 16 | device.devnum
        self._seqnum = 0
        self._capacity: dict[int, int] = {}  # of each URB in flight: bytes it may bring in
        self._answers: dict[int, Submitted] = {}
        self._unlinked: set[int] = set()  # answered unlink requests
        self._ear: _Ear | None = None
        self._reader = wire.reply_reader(self._capacity.__getitem__)

    def control(self, setup: bytes, data: bytes, seconds: float) -> bytes:
        """One control transfer: `setup` is 8 bytes little endian; returns what an IN brought."""
        return self._control(setup, data, seconds).data

    def control_out(self, setup: bytes, data: bytes, seconds: float) -> int:
        """One control transfer out; returns how many bytes the device took."""
        return self._control(setup, data, seconds).length

    def _control(self, setup: bytes, data: bytes, seconds: float) -> Submitted:
        length = int.from_bytes(setup[6:8], "little")
        urb = self._submit(0, bool(setup[0] & 0x80), length, setup, data)
        return self._finish(urb, time.monotonic() + seconds)

    def read(
        self,
        endpoint: int,
        length: int,
        piece: int,
        seconds: float,
        begin: Callable[[], object] | None = None,
    ) -> bytes:
        """Read an IN endpoint with all pieces in flight at once, then call `begin`; a short piece ends it."""
        deadline = time.monotonic() + seconds
        sizes = [min(piece, length - start) for start in range(0, length, piece)]
        urbs = [self._submit(endpoint & 15, True, size) for size in sizes]
        pieces: list[bytes] = []
        try:
            if begin is not None:
                begin()
            while urbs and (not pieces or len(pieces[-1]) == sizes[len(pieces) - 1]):
                pieces.append(self._finish(urbs.pop(0), deadline).data)
        finally:
            for urb in reversed(urbs):  # newest first, so that no data fall into a later piece
                self._give_up(urb)
                self._answers.pop(urb, None)
                self._capacity.pop(urb, None)
        return b"".join(pieces)

    def listen(self, endpoint: int, length: int) -> None:
        """Keep one read of an interrupt endpoint in flight from now on."""
        self.stop()
        self._ear = _Ear(endpoint & 15, length)
        self._ear.urb = self._submit(self._ear.endpoint, True, length)

    def hear(self, seconds: float) -> bytes | None:
        """The next message, or None when none came in this time."""
        deadline = time.monotonic() + seconds
        ear = self._ear
        if ear is None:
            raise OSError(EPROTO, "nobody listens")
        while not ear.messages:
            if ear.error:
                raise OSError(ear.error, os.strerror(ear.error))
            if not self._pump(deadline):
                return None
        return ear.messages.popleft()

    def stop(self) -> None:
        """Listen no more."""
        ear, self._ear = self._ear, None
        if ear is not None and ear.urb in self._capacity:
            self._give_up(ear.urb)
            self._answers.pop(ear.urb, None)
            self._capacity.pop(ear.urb, None)

    def write(self, endpoint: int, data: bytes, seconds: float) -> int:
        """Write to an OUT endpoint in one piece; returns how many bytes the device took."""
        urb = self._submit(endpoint & 15, False, len(data), data=data)
        return self._finish(urb, time.monotonic() + seconds).length

    def close(self) -> None:
        """Let go of the device; the server sees the connection end."""
        self._socket.close()

    def _submit(
        self, endpoint: int, incoming: bool, length: int, setup: bytes = bytes(8), data: bytes = b""
    ) -> int:
        self._seqnum += 1
        self._capacity[self._seqnum] = length if incoming else 0
        self._send(wire.Submit(self._seqnum, self._devid, endpoint, incoming, length, setup, data).encode())
        return self._seqnum

    def _finish(self, urb: int, deadline: float) -> Submitted:
        """Wait for one URB; at the deadline it is unlinked, so that it cannot swallow later data."""
        while urb not in self._answers:
            if not self._pump(deadline):
                self._give_up(urb)
                if urb not in self._answers:
                    raise TimeoutError(ETIMEDOUT, "the device did not answer in time")
        answer = self._answers.pop(urb)
        del self._capacity[urb]
        if answer.status < 0:
            raise OSError(-answer.status, os.strerror(-answer.status))
        return answer

    def _give_up(self, urb: int) -> None:
        """Unlink an URB; its answer may have been under way and then stays in `_answers`."""
        if urb in self._answers or self._socket.fileno() < 0:
            return
        self._seqnum += 1
        request = self._seqnum
        self._send(wire.Unlink(request, self._devid, urb).encode())
        deadline = time.monotonic() + UNLINK_SECONDS
        while request not in self._unlinked:
            if not self._pump(deadline):
                self.close()
                raise OSError(ENODEV, "the USB/IP server does not answer any more")
        self._unlinked.discard(request)
        if urb not in self._answers:
            del self._capacity[urb]  # after this answer none comes for the URB itself

    def _send(self, message: bytes) -> None:
        try:
            self._socket.settimeout(CONNECT_SECONDS)
            self._socket.sendall(message)
        except OSError as error:
            self.close()
            raise OSError(ENODEV, "the connection to the USB/IP server is gone") from error

    def _pump(self, deadline: float) -> bool:
        """Read the socket once and file the answers; False when the deadline passed."""
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 1e-4))
            data = self._socket.recv(_RECEIVE_BYTES)
            replies = self._reader.feed(data) if data else None
        except TimeoutError:
            return False
        except WireError as error:
            self.close()
            raise OSError(EPROTO, f"the USB/IP server broke the protocol: {error}") from error
        except OSError as error:
            self.close()
            raise OSError(ENODEV, "the connection to the USB/IP server is gone") from error
        if replies is None:
            self.close()
            raise OSError(ENODEV, "the USB/IP server closed the connection: the device was unplugged")
        for reply in replies:
            if isinstance(reply, Submitted) and self._ear is not None and reply.seqnum == self._ear.urb:
                self._heard(self._ear, reply)
            elif isinstance(reply, Submitted):
                self._answers[reply.seqnum] = reply
            else:
                self._unlinked.add(reply.seqnum)
        return True

    def _heard(self, ear: "_Ear", reply: Submitted) -> None:
        """Keep a message, and listen on."""
        del self._capacity[reply.seqnum]
        if reply.status < 0:
            ear.error = -reply.status
            return
        ear.messages.append(reply.data)
        ear.urb = self._submit(ear.endpoint, True, ear.length)


class _Ear:
    """What is heard of an interrupt endpoint."""

    def __init__(self, endpoint: int, length: int) -> None:
        self.endpoint, self.length = endpoint, length
        self.urb = 0  # in flight
        self.messages: deque[bytes] = deque(maxlen=MOST_MESSAGES)
        self.error = 0  # errno that ended the listening


def _connect(host: str, port: int) -> socket.socket:
    try:
        connection = socket.create_connection((host, port), CONNECT_SECONDS)
    except OSError as error:
        raise OSError(
            ENOENT, f"no USB/IP server answers at {host}:{port} ({error.strerror or error})"
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise OSError(ECONNRESET, "the USB/IP server closed the connection")
        data += more
    return data


def _receive_op(connection: socket.socket, code: int) -> int:
    try:
        return wire.decode_op(_receive(connection, wire.OP_BYTES), code)[1]
    except WireError as error:
        raise OSError(EPROTO, f"this is no USB/IP server: {error}") from error
