"""Packets as files: named by their SHA-256, received in pieces, on disk before anyone hears of it.

A file in a packet's place that is another is moved to `damaged/`: nothing that came is destroyed.
"""

import os
from hashlib import sha256
from pathlib import Path

from edge.errors import VantayError
from edge.files import sync_folder
from edge.hub.tables import Tables

OF_EACH = 4  # packets looked for in each of the 256 folders
SOME = "SELECT hash FROM packet WHERE hash >= ? AND complete_at IS NOT NULL ORDER BY hash LIMIT ?"


class PacketFiles:
    """The folder of packets; what is not whole yet lies in `partial/`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._partial, self._damaged = folder, folder / "partial", folder / "damaged"
        self._partial.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, digest: str) -> Path:
        """Return where a whole packet lies."""
        return path_of(self._folder, digest)

    def received(self, digest: str) -> int:
        """Return how many bytes of a packet are here, in one piece from its start."""
        try:
            return (self._partial / digest).stat().st_size
        except FileNotFoundError:
            return 0

    def there(self, digest: str, size: int) -> bool:
        """Tell whether a file of this size lies in a packet's place; its content is not read."""
        try:
            return self.path(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def whole(self, digest: str, size: int) -> bool:
        """Tell whether all of a packet is here, checked or not."""
        return self.path(digest).exists() or self.received(digest) >= size

    def add(self, digest: str, offset: int, chunk: bytes, size: int) -> int:
        """Append a piece that begins where the file ends; anything else is ignored. Return the bytes held."""
        held = self.received(digest)
        if offset != held or held + len(chunk) > size:
            return held
        try:
            with (self._partial / digest).open("ab") as file:
                file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise VantayError(
                f"the folder of packets {self._folder} cannot be written ({error.strerror}): make room or "
                "mend the disk, then start again; nothing that was acknowledged is lost"
            ) from None
        return held + len(chunk)

    def finish(self, digest: str, size: int) -> bool:
        """Check a packet that is all here and put it in its place; wrong pieces are thrown away.

        What lies in its place is checked, too, and moved aside when it is another or cannot be read.
        """
        place, partial = self.path(digest), self._partial / digest
        if place.exists():
            if _is(place, digest, size):
                partial.unlink(missing_ok=True)
                return True
            self._damaged.mkdir(exist_ok=True, mode=0o700)
            place.replace(self._damaged / place.name)
        if self.received(digest) >= size:
            if _is(partial, digest, size):
                place.parent.mkdir(exist_ok=True, mode=0o700)
                partial.rename(place)
                sync_folder(place.parent)
                sync_folder(self._folder)
                return True
            partial.unlink()
        return False


def path_of(folder: Path, digest: str) -> Path:
    """Return where a whole packet lies below the folder of packets."""
    return folder / digest[:2] / f"{digest}.packet"


def looked_for(store: Tables, folder: Path) -> tuple[int, int]:
    """Return how many complete packets were looked for, and how many of them are not there.

    Some of each folder: a million are not counted for a question, and a folder that is gone is noticed.
    """
    some = {
        row["hash"]
        for first in range(256)
        for row in store.db.execute(SOME, (f"{first:02x}", OF_EACH)).fetchall()
    }
    return len(some), sum(not path_of(folder, digest).exists() for digest in some)


def _is(path: Path, digest: str, size: int) -> bool:
    """Whether a file is this packet; one that cannot be read is none."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return len(data) == size and sha256(data).hexdigest() == digest
