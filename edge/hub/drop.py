"""Where batches for the ministry are put: what is asked of the place, and a folder of this machine.

A batch is begun under a name that begins with a dot, filled, and renamed when all of it is on the disk:
whoever looks finds whole batches only. `edge/hub/sftp.py` is the other place.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

from edge.errors import VantayError
from edge.files import NoFile, read_file, sync_folder

BATCH = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{3,}")
AT_ONCE = 1 << 18  # bytes copied at a time
LARGEST = 8 << 20  # bytes of a manifest or an answer that are read
GONE = "is its share mounted? Nothing is lost: mount it, or make the folder, then deliver again"
AT_WORK = "another delivery is at work there: let it end, and give each hub a folder of its own"
ONE_EACH = "give each hub a folder of its own"


class Drop(Protocol):
    """A place for batches. Everything may raise VantayError with one sentence: the place, and what to do."""

    def open(self, first: bool) -> None:
        """Be ready; a folder that is not there is made at the first delivery: later it is a lost share."""

    def batches(self) -> list[str]:
        """Return the names of the whole batches that are there."""

    def begin(self, batch: str, files: frozenset[str]) -> None:
        """Begin a batch of these files; what is left of one that was begun before may be made use of."""

    def put(self, batch: str, name: str, source: Path, digest: str) -> None:
        """Put a packet into a batch that was begun; BadPacket, and nothing there, if it is another."""

    def finish(self, batch: str, name: str, content: bytes) -> None:
        """Add the last file, and show the batch."""

    def read(self, batch: str, name: str) -> bytes:
        """Return a file of a batch; FileNotFoundError where there is none, ValueError for what is no file."""

    def where(self, batch: str, name: str) -> str:
        """Say where a file is, for people."""


class FolderDrop:
    """A folder of this machine, or a mounted share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._put = set[str]()  # into the batch that was begun

    def open(self, first: bool) -> None:
        """Make the folder at the first delivery; VantayError when it is gone later."""
        with self._told():
            if first:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            elif not self._folder.is_dir():
                raise VantayError(f"the ministry's folder {self._folder} is gone: {GONE}")

    def batches(self) -> list[str]:
        """Return the names of the whole batches that are there."""
        with self._told():
            return sorted(path.name for path in self._folder.iterdir() if BATCH.fullmatch(path.name))

    def begin(self, batch: str, files: frozenset[str]) -> None:  # noqa: ARG002 - nothing is made use of
        """Begin a batch; one that was begun, and killed, is thrown away."""
        with self._told():
            for left in list(self._folder.iterdir()):
                if left.name.startswith(".") and BATCH.fullmatch(left.name[1:]):
                    if left.is_dir() and not left.is_symlink():
                        shutil.rmtree(left)
                    else:
                        left.unlink()
            with self._alone():
                (self._folder / f".{batch}").mkdir(mode=0o750)
        self._put.clear()

    def put(self, batch: str, name: str, source: Path, digest: str) -> None:
        """Copy a packet, and bring it onto the disk."""
        path = self._folder / f".{batch}" / name
        with self._told(), self._alone():
            try:
                with path.open("xb") as writer:
                    for _, piece in checked(source, digest):
                        writer.write(piece)
                    writer.flush()
                    os.fsync(writer.fileno())
            except BadPacket:
                path.unlink()
                raise
        self._put.add(name)

    def finish(self, batch: str, name: str, content: bytes) -> None:
        """Write the manifest, then rename."""
        begun = self._folder / f".{batch}"
        with self._told(), self._alone():
            if {path.name for path in begun.iterdir()} != self._put:
                raise FileExistsError
            _write_synced(begun / name, content)
            sync_folder(begun)
            if (self._folder / batch).exists():  # a rename would take the place of an empty one
                raise VantayError(f"{self._folder / batch} is there already, and not of this hub: {ONE_EACH}")
            begun.rename(self._folder / batch)
            sync_folder(self._folder)

    def read(self, batch: str, name: str) -> bytes:
        """Return a file of a batch; OSError where it cannot be read. No pipe or device is waited for."""
        try:
            return small(read_file(self._folder / batch / name, LARGEST))
        except NoFile:
            raise ValueError("it is no file") from None

    def where(self, batch: str, name: str) -> str:
        """Return its path."""
        return str(self._folder / batch / name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Say what it means that what is ours alone was made, or thrown away, by somebody else."""
        try:
            yield
        except (FileExistsError, FileNotFoundError):
            if not self._folder.is_dir():
                raise
            raise VantayError(f"the ministry's folder {self._folder}: {AT_WORK}") from None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise VantayError(
                f"the ministry's folder {self._folder} cannot be written ({error.strerror}): "
                "nothing is lost, deliver again when it can"
            ) from None


def small(content: bytes) -> bytes:
    """Return what was read of a file, at most LARGEST + 1 bytes; ValueError when the file is larger."""
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
    return content


class BadPacket(VantayError):
    """A packet of the hub's own that cannot be delivered; the others can."""


def checked(source: Path, digest: str) -> Iterator[tuple[int, bytes]]:
    """Yield a packet's (offset, piece); BadPacket when it cannot be read, or is not what its hash says."""
    found, offset = sha256(), 0
    try:
        reader = source.open("rb")
    except OSError as error:
        raise _unreadable(source, error) from None
    with reader:
        while piece := _piece(reader, source):
            found.update(piece)
            yield offset, piece
            offset += len(piece)
    if found.hexdigest() != digest:
        raise BadPacket(f"the packet {source} is not what its name says: restore it, then deliver again")


def _piece(reader: BinaryIO, source: Path) -> bytes:
    try:
        return reader.read(AT_ONCE)
    except OSError as error:
        raise _unreadable(source, error) from None


def _unreadable(source: Path, error: OSError) -> BadPacket:
    return BadPacket(f"the packet {source} cannot be read ({error.strerror}): restore it, then deliver again")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
