"""A network cable between two loopback ports that can be pulled out and put back."""

import contextlib
import socket
import threading


class Cable:
    """Relays TCP connections to `target`; while cut, connections die and new ones are refused."""

    def __init__(self, target: int) -> None:
        self._target, self._cut = target, False
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, name="cable", daemon=True).start()

    def cut(self) -> None:
        """Pull the cable out."""
        with self._lock:
            self._cut = True
            ends, self._ends = self._ends, set()
        for end in ends:
            _end(end)

    def mend(self) -> None:
        """Put the cable back."""
        with self._lock:
            self._cut = False

    def close(self) -> None:
        """Throw the cable away."""
        self.cut()
        _end(self._server)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._server.accept()
                self._plug(near)

    def _plug(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=2)
            far.settimeout(None)
        except OSError:
            _end(near)
            return
        with self._lock:
            cut = self._cut
            if not cut:
                self._ends |= {near, far}
        if cut:
            _end(near)
            _end(far)
            return
        for pair in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=pair, name="cable", daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            _end(end)
            with self._lock:
                self._ends.discard(end)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
