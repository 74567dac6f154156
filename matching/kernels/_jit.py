"""The one door to numba: where compiled kernels are kept, and the options they are compiled with.

The cache directory is named after the release, the text of all kernels and the mode (plain, bounds
checked): numba itself would keep a stale callee from another file, or checked code in an unchecked run.
"""

import hashlib
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_directory() -> Path:
    """Return the directory of compiled kernels for this release, these sources and this mode."""
    root = (
        os.environ.get("VANTAY_CACHE_DIR")
        or os.environ.get("CACHE_DIRECTORY")  # set by systemd
        or str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vantay")
    )
    text = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        text.update(source.read_bytes())
    mode = "checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0") else "plain"
    return Path(root) / f"kernels-{metadata.version('vantay')}-{text.hexdigest()[:12]}-{mode}"


os.environ["NUMBA_CACHE_DIR"] = str(cache_directory())

from numba import njit  # noqa: E402 - reads NUMBA_CACHE_DIR when it is imported


def kernel(function: Function) -> Function:
    """Compile on first call, kept on disk; releases the GIL; division by zero gives inf or nan."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


def fast_kernel(function: Function) -> Function:
    """Like `kernel`, and floating-point sums may be reordered: never where nan or inf can occur."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy", fastmath=True)(function))
