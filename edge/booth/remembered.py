"""What drivers learned from devices and need not ask again: one file for each key, the key in its first line.

Whether data are whole and the right device's is the driver's to judge. A file that cannot be read or written
costs the time of asking again, and nothing else.
"""

import contextlib
import hashlib
from pathlib import Path

from edge import files
from edge.errors import BadSettings

MOST_BYTES, MOST_FILES = 1 << 20, 64


def load(folder: Path) -> dict[str, bytes]:
    """Read every file of the folder; empty where there is none."""
    found = {}
    for path in sorted(folder.glob("*.learned"))[:MOST_FILES]:
        with contextlib.suppress(OSError):
            with path.open("rb") as file:
                key, line_end, data = file.read(MOST_BYTES).partition(b"\n")
            if line_end:
                found[key.decode("utf-8", "replace")] = data
    return found


def keep(folder: Path, key: str, data: bytes) -> None:
    """Keep the data of a key in the place of older ones."""
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    with contextlib.suppress(BadSettings):
        files.make_folder(folder)
        files.replace(folder / f"{name}.learned", key.encode() + b"\n" + data, 0o600)
