"""Files that are there whole or not at all, also after a power cut; and reading those that somebody named."""

import errno
import os
import secrets
import stat
from io import BufferedReader
from pathlib import Path

from edge.errors import BadSettings

HANDED_OVER = (Path("/dev/fd"), Path("/proc/self/fd"))  # where a shell puts `<(…)`
STDIN = Path("/dev/stdin")


class NoFile(OSError):
    """A folder, a pipe or a device stands in a file's place."""


def reading(path: Path) -> BufferedReader:
    """Open a file that somebody named; OSError where there is none. No pipe or device is waited for.

    What a shell hands over on purpose, `/dev/stdin` or `<(…)`, is read as it comes.
    """
    if path == STDIN or path.parent in HANDED_OVER:
        return path.open("rb")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")  # noqa: PTH123 - of a descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise NoFile(errno.EISDIR, os.strerror(errno.EISDIR))
    raise NoFile(errno.EINVAL, "it is a pipe or a device, no file")


def read_file(path: Path, most: int = -1) -> bytes:
    """Read a file as `reading` opens it; at most so many bytes and one, -1: all."""
    with reading(path) as file:
        return file.read(most if most < 0 else most + 1)


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Make a file; BadSettings when there is one already, which stays as it is."""
    try:
        temporary = _written(path, content, mode)
        try:
            os.link(temporary, path)
        finally:
            temporary.unlink()
        sync_folder(path.parent)
    except FileExistsError:
        raise BadSettings(f"{path} exists already and is never overwritten: name another folder") from None
    except OSError as error:
        raise BadSettings(f"{path} cannot be written ({error.strerror})") from None


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Make a file or put another in its place."""
    try:
        temporary = _written(path, content, mode)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise BadSettings(f"{path} cannot be written ({error.strerror})") from None


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder where there is none; BadSettings when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise BadSettings(f"the folder {folder} cannot be made ({error.strerror})") from None


def _written(path: Path, content: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    return temporary


def sync_folder(folder: Path) -> None:
    """Bring what was made or renamed in a folder onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
