"""One process for one data folder."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from edge.errors import BadSettings


def only_one(folder: Path, what: str) -> IO[str]:
    """Hold the folder for this process; BadSettings when it is missing, not writable, or held by another."""
    try:
        file = (folder / "lock").open("a+")
    except OSError as error:
        raise BadSettings(
            f"the data folder {folder} cannot be used ({error.strerror}): make it first"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise BadSettings(f"another {what} (process {holder}) uses {folder}: stop it first") from None
    file.seek(0)
    file.truncate()
    with suppress(OSError):  # a full disk: who holds it is only for the sentence above
        os.write(file.fileno(), str(os.getpid()).encode())
    return file
