"""A worker process and the daemon's end of its channel."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from edge.booth import channel
from edge.booth.channel import Channel, Message

NO_SCANNER = ["usbip://127.0.0.1:1", "0.1"]  # nobody listens there
SECONDS = 60.0  # most that any of this may take on a busy machine


@dataclass
class Process:
    """A worker and the daemon's end."""

    end: Channel
    process: subprocess.Popen[bytes]

    def hear(self) -> tuple[Message, list[bytes]]:
        received = self.end.receive()
        assert received is not None, "the worker is gone"
        return received

    def word(self) -> Message:
        """Wait for something that is more than a sign of life."""
        while isinstance(said := self.hear()[0], channel.Alive):
            pass
        return said


@contextlib.contextmanager
def worker(name: str, *arguments: str) -> Iterator[Process]:
    end, theirs = Channel.pair()
    end._socket.settimeout(SECONDS)
    command = [sys.executable, "-m", f"edge.booth.{name}_worker", str(theirs.fileno()), *arguments]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
    theirs.close()
    try:
        yield Process(end, process)
    finally:
        end.close()
        process.kill()
        process.communicate()
