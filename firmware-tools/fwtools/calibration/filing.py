"""Writes an entry and its pictures where the booth looks for them: whole or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from drivers.api import DeviceIdentity
from drivers.calibrated import file_name
from fwtools.errors import ToolError

FOLDER = "scanners"  # in the booth's data folder


def file_entry(data: Path, unit: DeviceIdentity, entry: bytes, pictures: Sequence[tuple[bytes, str]]) -> Path:
    """Write pictures (bytes and suffix), then the entry, in the place of older ones; return its path."""
    if not data.is_dir():
        raise ToolError(f"there is no folder {data}: name the booth's data folder (data in its booth.toml)")
    folder, name = data / FOLDER, file_name(unit)
    try:
        owner = data.stat()
        folder.mkdir(mode=0o700, exist_ok=True)
        _given(folder, owner)
        for number, (content, suffix) in enumerate(pictures, 1):
            _replace(folder / f"{name}-{number}{suffix}", content, owner)
        path = folder / f"{name}.json"
        _replace(path, entry, owner)
        kept = {path.name, *(f"{name}-{n}{suffix}" for n, (_, suffix) in enumerate(pictures, 1))}
        for old in folder.glob(f"{name}-*"):
            if old.name not in kept:
                old.unlink()
    except OSError as error:
        raise ToolError(f"the entry cannot be written to {folder}: {error.strerror or error}") from error
    return path


def _replace(path: Path, content: bytes, owner: os.stat_result) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        _given(temporary, owner)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _given(path: Path, owner: os.stat_result) -> None:
    """Root writes for the booth's user, whose folder it is."""
    if os.geteuid() == 0:
        shutil.chown(path, owner.st_uid, owner.st_gid)
