"""The matching kernels compiled for any x86-64, so that the emulated processor need not compile."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

WARM = "from matching.warm import warm; warm()"


def compiled_kernels(project: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """Return a folder of numba's files for the kernels of a project's folder, from the cache or made now."""
    text = hashlib.sha256()
    for source in sorted((project / "matching").rglob("*.py")):
        text.update(source.read_bytes())
    folder = cache / f"guest-kernels-{text.hexdigest()[:12]}"
    if folder.is_dir():
        os.utime(folder)
        return folder
    say("guest: compiling the matching kernels for it: a minute or two, once")
    with tempfile.TemporaryDirectory(prefix="guest-", dir=cache) as temporary:
        environment = {"NUMBA_CPU_NAME": "generic", "VANTAY_CACHE_DIR": temporary, "PYTHONPATH": str(project)}
        subprocess.run(
            [sys.executable, "-c", WARM], cwd=project, env={**os.environ, **environment}, check=True
        )
        (made,) = Path(temporary).glob("kernels-*/*")
        shutil.move(made, folder)
    return folder
