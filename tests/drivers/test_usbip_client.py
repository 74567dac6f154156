"""The USB/IP client against a scripted server: answers out of order, the race of UNLINK, broken servers."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import usb.core

from drivers import usbip
from drivers import usbip_wire as wire
from drivers.api import BulkIn, BulkOut, ControlOut, Listen
from drivers.errors import DeviceFault, FaultKind
from drivers.usb_transport import UsbTransport
from drivers.usbip import UsbipClient, list_devices
from drivers.usbip_backend import UsbipBackend
from drivers.usbip_wire import Submit, Submitted, Unlink, Unlinked
from fwtools.virtual.hamster import HamsterPro20
from fwtools.virtual.nb1010 import Nb1010U
from fwtools.virtual.requests import Request, standard
from fwtools.virtual.uru4500 import Uru4500

EXPORTED = HamsterPro20.exported("1-1")
READ_ID = bytes.fromhex("c025000000001e00")


class Peer:
    """The server's end of one connection, in the test's own words."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._reader = wire.command_reader()
        self._commands: list[wire.Command] = []

    def take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def command(self) -> wire.Command:
        while not self._commands:
            data = self.socket.recv(4096)
            if not data:
                raise EOFError
            self._commands += self._reader.feed(data)
        return self._commands.pop(0)

    def lend(self) -> None:
        self.take(wire.OP_BYTES + wire.BUSID_BYTES)
        self.send(wire.encode_op(wire.REPLY_IMPORT) + EXPORTED.encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


@contextmanager
def server(script: Callable[[Peer], None]) -> Iterator[int]:
    """Serve one connection by a script in a thread; its failure fails the test."""
    failures: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                try:
                    script(Peer(connection))
                except BaseException as error:
                    failures.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(30)
    assert not thread.is_alive()
    assert not failures, failures


def test_pieces_answered_out_of_order_arrive_in_order() -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        urbs = [peer.command() for _ in range(4)]
        sizes = [urb.length for urb in urbs if isinstance(urb, Submit)]
        assert sizes == [100, 100, 100, 50], "all pieces are in flight before any is answered"
        for number in (2, 0, 3, 1):
            peer.send(
                Submitted(urbs[number].seqnum, 0, sizes[number], bytes([number]) * sizes[number]).encode()
            )

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        data = client.read(0x82, 350, 100, 20.0)
        client.close()
    assert data == bytes([0]) * 100 + bytes([1]) * 100 + bytes([2]) * 100 + bytes([3]) * 50


def test_a_short_piece_ends_the_read_and_the_rest_is_unlinked_newest_first() -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        urbs = [peer.command() for _ in range(3)]
        peer.send(Submitted(urbs[0].seqnum, 0, 7, b"1234567").encode())
        for urb in (urbs[2], urbs[1]):
            unlink = peer.command()
            assert isinstance(unlink, Unlink)
            assert unlink.target == urb.seqnum
            peer.send(Unlinked(unlink.seqnum, -errno.ECONNRESET).encode())
        peer.send(Submitted(peer.command().seqnum, 0, 2, b"ok").encode())

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        assert client.read(0x82, 192, 64, 20.0) == b"1234567"
        assert client.control(READ_ID, b"", 20.0) == b"ok"
        client.close()


@pytest.mark.parametrize("answered_before", [False, True])
def test_a_time_out_unlinks_and_the_connection_goes_on(answered_before: bool) -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        urb, unlink = peer.command(), peer.command()
        assert isinstance(unlink, Unlink)
        assert unlink.target == urb.seqnum
        if answered_before:  # the answer and the unlink passed each other on the wire
            peer.send(Submitted(urb.seqnum, 0, 4, b"late").encode())
        peer.send(Unlinked(unlink.seqnum, 0 if answered_before else -errno.ECONNRESET).encode())
        peer.send(Submitted(peer.command().seqnum, 0, 2, b"ok").encode())

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        if answered_before:
            assert client.control(READ_ID, b"", 0.05) == b"late"
        else:
            with pytest.raises(TimeoutError) as error:
                client.control(READ_ID, b"", 0.05)
            assert error.value.errno == errno.ETIMEDOUT
        assert client.control(READ_ID, b"", 20.0) == b"ok"
        client.close()


def test_a_refused_urb_is_the_devices_errno() -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        peer.send(Submitted(peer.command().seqnum, -errno.EPIPE, 0).encode())

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        with pytest.raises(OSError, match="Broken pipe") as error:
            client.control(READ_ID, b"", 20.0)
        assert error.value.errno == errno.EPIPE
        client.close()


@pytest.mark.parametrize("step", [BulkOut(2, b"123456789"), ControlOut(4, 0x33, 0, b"123456789")])
@pytest.mark.parametrize("taken", [0, 5, 9, 10])
def test_a_write_that_is_not_taken_whole_is_a_fault(step: BulkOut | ControlOut, taken: int) -> None:
    model = Nb1010U(lambda led: b"")

    def script(peer: Peer) -> None:
        peer.lend()
        while True:
            urb = peer.command()
            assert isinstance(urb, Submit)
            if urb.data == b"123456789":
                peer.send(Submitted(urb.seqnum, 0, taken).encode())
                return
            data = model.control(urb.setup, urb.data)
            peer.send(Submitted(urb.seqnum, 0, len(data), data).encode())

    with server(script) as port:
        backend = UsbipBackend("127.0.0.1", port, Nb1010U.exported("1-1"))
        transport = UsbTransport(usb.core.find(backend=backend), "bench:1", lambda: backend.client)
        if taken == 9:
            assert transport.perform(step) == b""
        else:
            with pytest.raises(DeviceFault, match=f"took {taken} of 9 bytes while writing") as fault:
                transport.perform(step)
            assert fault.value.kind is FaultKind.PROTOCOL
        transport.close()


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (lambda peer: None, errno.ENODEV),
        (lambda peer: peer.send(b"HTTP/1.0 400 Bad request\r\n" * 10), errno.EPROTO),
        (lambda peer: peer.send(Submitted(peer.command().seqnum, 0, 31, bytes(31)).encode()), errno.EPROTO),
        (lambda peer: peer.send(Submitted(4711, 0, 0).encode()), errno.EPROTO),
    ],
    ids=["gone", "no USB/IP", "too much", "not asked for"],
)
def test_a_server_that_goes_or_breaks_the_protocol(answer: Callable[[Peer], None], number: int) -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        answer(peer)
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(4096):
            pass

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        with pytest.raises(OSError) as error:
            client.control(READ_ID, b"", 20.0)
        assert error.value.errno == number
        with pytest.raises(OSError) as error:
            client.control(READ_ID, b"", 20.0)
        assert error.value.errno == errno.ENODEV
        client.close()


def test_a_server_that_does_not_answer_the_unlink_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usbip, "UNLINK_SECONDS", 0.05)

    def script(peer: Peer) -> None:
        peer.lend()
        peer.command()
        peer.command()
        with pytest.raises(EOFError):
            peer.command()

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        with pytest.raises(OSError, match="does not answer any more") as error:
            client.control(READ_ID, b"", 0.05)
        assert error.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    ("status", "number"),
    [(wire.BUSY, errno.EBUSY), (wire.NO_DEVICE, errno.ENOENT), (wire.REFUSED, errno.ENOENT)],
)
def test_an_import_that_is_refused(status: int, number: int) -> None:
    def script(peer: Peer) -> None:
        peer.take(wire.OP_BYTES + wire.BUSID_BYTES)
        peer.send(wire.encode_op(wire.REPLY_IMPORT, status))

    with server(script) as port, pytest.raises(OSError) as error:
        UsbipClient("127.0.0.1", port, "1-1")
    assert error.value.errno == number


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", errno.EPROTO),
        (bytes.fromhex("0111000500000000ffffffff"), errno.EPROTO),
        (bytes.fromhex("0111000500000000 00000002") + EXPORTED.encode()[:100], errno.ECONNRESET),
    ],
    ids=["no USB/IP", "absurd count", "cut off"],
)
def test_a_list_that_is_none(answer: bytes, number: int) -> None:
    def script(peer: Peer) -> None:
        peer.take(wire.OP_BYTES)
        peer.send(answer)

    with server(script) as port, pytest.raises(OSError) as error:
        list_devices("127.0.0.1", port)
    assert error.value.errno == number


def test_the_list_of_a_server_with_several_devices() -> None:
    def script(peer: Peer) -> None:
        assert peer.take(wire.OP_BYTES) == wire.encode_op(wire.REQUEST_DEVICES)
        devices = [HamsterPro20.exported(busid) for busid in ("1-1", "2-1.4")]
        listed = b"".join(device.encode() + bytes((255, 255, 255, 0)) for device in devices)
        peer.send(wire.encode_op(wire.REPLY_DEVICES) + bytes((0, 0, 0, 2)) + listed)

    with server(script) as port:
        assert [device.busid for device in list_devices("127.0.0.1", port)] == ["1-1", "2-1.4"]


def test_a_message_is_heard_while_something_else_is_waited_for_and_a_new_read_is_sent_at_once() -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        ear, control = peer.command(), peer.command()
        assert isinstance(ear, Submit)
        assert (ear.endpoint, ear.incoming, ear.length) == (1, True, 64)
        for message in (b"first", b"second"):
            peer.send(Submitted(ear.seqnum, 0, len(message), message).encode())
            ear = peer.command()
            assert isinstance(ear, Submit)
            assert (ear.endpoint, ear.length) == (1, 64)
        peer.send(Submitted(control.seqnum, 0, 2, b"ok").encode())
        unlink = peer.command()
        assert isinstance(unlink, Unlink)
        assert unlink.target == ear.seqnum
        peer.send(Unlinked(unlink.seqnum, -errno.ECONNRESET).encode())
        peer.send(Submitted(peer.command().seqnum, 0, 2, b"ok").encode())

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        with pytest.raises(OSError, match="nobody listens"):
            client.hear(0.0)
        client.listen(0x81, 64)
        assert client.control(READ_ID, b"", 20.0) == b"ok"
        assert [client.hear(20.0), client.hear(0.0), client.hear(0.02)] == [b"first", b"second", None]
        client.stop()
        assert client.control(READ_ID, b"", 20.0) == b"ok"
        client.close()


def test_the_oldest_messages_are_forgotten_when_nobody_hears_them() -> None:
    count = 3 * usbip.MOST_MESSAGES

    def script(peer: Peer) -> None:
        peer.lend()
        ear, control = peer.command(), peer.command()
        for number in range(count):
            peer.send(Submitted(ear.seqnum, 0, 1, bytes([number])).encode())
            ear = peer.command()
        peer.send(Submitted(control.seqnum, 0, 0).encode())

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        client.listen(0x81, 64)
        client.control(READ_ID, b"", 20.0)
        heard = [client.hear(0.0) for _ in range(usbip.MOST_MESSAGES)]
        assert heard == [bytes([n]) for n in range(count - usbip.MOST_MESSAGES, count)]
        client.close()


@pytest.mark.parametrize("gone", [False, True])
def test_a_read_that_ends_badly_is_heard(gone: bool) -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        ear = peer.command()
        if not gone:
            peer.send(Submitted(ear.seqnum, -errno.EPIPE, 0).encode())
            with pytest.raises(EOFError):
                peer.command()

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")
        client.listen(0x81, 64)
        for _ in range(2):
            with pytest.raises(OSError) as error:
                client.hear(20.0)
            assert error.value.errno == (errno.ENODEV if gone else errno.EPIPE)
        client.stop()
        client.close()


@pytest.mark.parametrize("fails", [False, True])
def test_the_read_is_in_flight_before_what_begins_it(fails: bool) -> None:
    def script(peer: Peer) -> None:
        peer.lend()
        read, begin = peer.command(), peer.command()
        assert isinstance(read, Submit)
        assert isinstance(begin, Submit)
        assert (read.endpoint, read.length, begin.endpoint) == (2, 300, 0)
        if fails:
            peer.send(Submitted(begin.seqnum, -errno.EPIPE, 0).encode())
            unlink = peer.command()
            assert isinstance(unlink, Unlink)
            assert unlink.target == read.seqnum
            peer.send(Unlinked(unlink.seqnum, -errno.ECONNRESET).encode())
        else:
            peer.send(Submitted(read.seqnum, 0, 5, b"early").encode())
            peer.send(Submitted(begin.seqnum, 0, 0).encode())

    with server(script) as port:
        client = UsbipClient("127.0.0.1", port, "1-1")

        def begin() -> bytes:
            return client.control(READ_ID, b"", 20.0)

        if fails:
            with pytest.raises(OSError, match="Broken pipe"):
                client.read(0x82, 300, 300, 20.0, begin)
        else:
            assert client.read(0x82, 300, 300, 20.0, begin) == b"early"
        client.close()


# A reader inside a keyboard: interface 0 is the keyboard's, interface 1 the vendor's, with other addresses.
KEYBOARD = bytes.fromhex(
    "09023000020100a032 0904000001030101 00 07058103080008 0904010002ffffff00 07058303400008 07058402400000"
)


def test_a_reader_inside_a_keyboard_is_found_by_its_interface_and_its_endpoints_by_their_kinds() -> None:
    seen: list[tuple[int, int]] = []

    def script(peer: Peer) -> None:
        peer.lend()
        while len(seen) < 2:
            urb = peer.command()
            assert isinstance(urb, Submit)
            if urb.endpoint:
                seen.append((urb.endpoint, urb.length))
                peer.send(Submitted(urb.seqnum, 0, 2, b"ok").encode())
            else:
                data = standard(Request.parse(urb.setup), bytes(18), KEYBOARD)
                assert data is not None
                data = data[: urb.length]
                peer.send(Submitted(urb.seqnum, 0, len(data), data).encode())

    with server(script) as port:
        backend = UsbipBackend("127.0.0.1", port, Uru4500.exported("1-1"))
        transport = UsbTransport(usb.core.find(backend=backend), "bench:1", lambda: backend.client)
        assert transport.perform(BulkIn(None, 100, 100, least=0)) == b"ok"
        transport.perform(Listen())
        assert transport.hear(20.0) == b"ok"
        transport.close()
    assert seen == [(4, 100), (3, 64)]


RENUMBERED = bytes.fromhex(
    "09022700010100a032 0904000003000000 00 07058303400005 07050702400000 07058602400000"
)


def test_endpoints_that_a_gadgets_controller_has_renumbered_are_found_by_their_kind() -> None:
    seen: list[tuple[int, bool]] = []

    def script(peer: Peer) -> None:
        peer.lend()
        while len(seen) < 4:
            urb = peer.command()
            assert isinstance(urb, Submit)
            if urb.endpoint:
                seen.append((urb.endpoint, urb.incoming))
                done = Submitted(urb.seqnum, 0, 2, b"ok" if urb.incoming else b"")
            else:
                data = (standard(Request.parse(urb.setup), bytes(18), RENUMBERED) or b"")[: urb.length]
                done = Submitted(urb.seqnum, 0, len(data), data)
            peer.send(done.encode())

    with server(script) as port:
        backend = UsbipBackend("127.0.0.1", port, Nb1010U.exported("1-1"))
        transport = UsbTransport(usb.core.find(backend=backend), "bench:1", lambda: backend.client)
        for named in (0x83, 0x86):  # an interrupt endpoint has the first number
            assert transport.perform(BulkIn(named, 100, 100, least=0)) == b"ok"
        for named in (0x02, 0x07):
            assert transport.perform(BulkOut(named, b"go")) == b""
        transport.close()
    assert seen == [(6, True), (6, True), (7, False), (7, False)]


def test_a_device_without_the_endpoint_is_a_fault() -> None:
    model = HamsterPro20("X", b"", lambda led: b"")

    def script(peer: Peer) -> None:
        peer.lend()
        with suppress(EOFError):
            while True:
                urb = peer.command()
                assert isinstance(urb, Submit)
                data = model.control(urb.setup, urb.data)
                peer.send(Submitted(urb.seqnum, 0, len(data), data).encode())

    with server(script) as port:
        backend = UsbipBackend("127.0.0.1", port, EXPORTED)
        transport = UsbTransport(usb.core.find(backend=backend), "bench:1", lambda: backend.client)
        with pytest.raises(
            DeviceFault, match="the device lacks an endpoint, at bench:1 while listening"
        ) as fault:
            transport.perform(Listen())
        assert fault.value.kind is FaultKind.PROTOCOL
        transport.close()
