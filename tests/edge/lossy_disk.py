"""A disk that loses what was not synced when the power goes, under SQLite; apsw lets a test stand there.

A file is what its last sync left, and the writes since. When the power goes, each 512 bytes of each of those
writes is on the disk or not, by chance and in no order, and a file never synced may not be there. All of it
also goes to the real file, as through the kernel's cache, so the process sees nothing of this. apsw has its
own SQLite and no shared memory for the write-ahead log: the index stays in memory, locking is exclusive.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw

SECTOR = 512


class Disk:
    """What is on the disk for sure, and what is not."""

    def __init__(self) -> None:
        self.synced: dict[str, bytes] = {}
        self.since: dict[str, list[tuple[int, bytes | None]]] = {}  # offset and bytes, or a length and None
        self.steps = 0  # writes, syncs and the like so far
        self.after_step: Callable[[], None] = lambda: None

    def change(self, name: str, offset: int, data: bytes | None) -> None:
        """Remember a write, or a truncation to a length."""
        self.since.setdefault(name, []).append((offset, data))
        self._step()

    def sync(self, name: str) -> None:
        """All of a file is on the disk now."""
        content = bytearray(self.synced.get(name, b""))
        for offset, data in self.since.pop(name, []):
            _apply(content, offset, data)
        self.synced[name] = bytes(content)
        self._step()

    def delete(self, name: str) -> None:
        """The file is gone; SQLite syncs the folder."""
        self.synced.pop(name, None)
        self.since.pop(name, None)
        self._step()

    def _step(self) -> None:
        self.steps += 1
        self.after_step()

    def after_the_cut(self, chance: random.Random) -> dict[str, bytes]:
        """Return the files as somebody finds them when the power is back."""
        found = {}
        for name in {*self.synced, *self.since}:
            kept = chance.choice((0.0, 0.3, 0.7, 1.0))
            if name not in self.synced and chance.random() > kept:
                continue
            content = bytearray(self.synced.get(name, b""))
            for offset, data in self.since.get(name, []):
                if data is None:
                    if chance.random() < kept:
                        _apply(content, offset, None)
                    continue
                begin = 0
                while begin < len(data):  # up to the end of a sector of the disk
                    end = min(len(data), begin + SECTOR - (offset + begin) % SECTOR)
                    if chance.random() < kept:
                        _apply(content, offset + begin, data[begin:end])
                    begin = end
            found[name] = bytes(content)
        return found


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name if isinstance(name, str) else name.filename() if name else ""
        self._disk, self._name = disk, Path(path).name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - the names are SQLite's
        super().xWrite(data, offset)
        self._disk.change(self._name, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._disk.change(self._name, newsize, None)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._disk.sync(self._name)


class LossyVfs(apsw.VFS):
    """SQLite's own way to files, watched by a disk."""

    def __init__(self, disk: Disk) -> None:
        self.name = f"lossy-{id(disk)}"
        self._disk = disk
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._disk.delete(Path(filename).name)


class _Rows:
    """As much of sqlite3.Cursor as the stores use."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[Any]:
        for values in self._cursor:
            yield _Row([column[0] for column in self._cursor.getdescription()], values)

    def fetchone(self) -> Any:
        return next(iter(self), None)

    def fetchall(self) -> list[Any]:
        return list(self)


class _Row:
    def __init__(self, names: list[str], values: tuple[Any, ...]) -> None:
        self._names, self._values = names, values

    def __getitem__(self, key: int | str) -> Any:
        return self._values[key if isinstance(key, int) else self._names.index(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


class _Connection:
    """As much of sqlite3.Connection as the stores use."""

    row_factory: Any = None

    def __init__(self, path: Path, vfs: str, instead: dict[str, str]) -> None:
        self._apsw, self._instead = apsw.Connection(str(path), vfs=vfs), instead
        self._apsw.execute("PRAGMA locking_mode=EXCLUSIVE")

    @property
    def in_transaction(self) -> bool:
        return bool(self._apsw.in_transaction)

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> _Rows:
        return _Rows(self._apsw.execute(self._instead.get(statement, statement), values))

    executescript = execute

    def close(self) -> None:
        self._apsw.close()


def sqlite_on(vfs: LossyVfs, instead: dict[str, str] | None = None) -> SimpleNamespace:
    """Return what stands for the module sqlite3 in edge.store; `instead` replaces whole statements."""
    return SimpleNamespace(
        connect=lambda path, **_: _Connection(path, vfs.name, instead or {}),
        Row=sqlite3.Row,
        Error=sqlite3.Error,
        OperationalError=sqlite3.OperationalError,
    )
