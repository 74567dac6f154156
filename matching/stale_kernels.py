"""Compiled kernels that nobody has used for long, of other releases and clones: `vantay warm` drops them.

Each start marks its own directory as used. A directory is never judged by whose it is: a clone or a booth of
another release that still runs has marked its own, and is left alone.
"""

import re
import shutil
from pathlib import Path

UNUSED = 30 * 86400.0  # seconds after which a directory goes; what is missed then is compiled again
NAME = re.compile(r"kernels-.+-[0-9a-f]{12}-(plain|checked)")


def remove_stale(own: Path, now: float) -> list[str]:
    """Remove the directories beside `own` that were last used 30 days before `now`; return their names.

    `now` is in seconds as file times are. Nothing else in the folder is touched, nor is a link.
    """
    gone = []
    for path in sorted(own.parent.iterdir()):
        if path == own or not NAME.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        if now - path.stat().st_mtime > UNUSED:
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                gone.append(path.name)
    return gone
