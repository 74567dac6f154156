"""The one door to numba: where compiled kernels are kept, and the options they are compiled with.

The cache directory is named after the release, the place and text of all kernels and the mode (plain, bounds
checked): numba itself would keep a stale callee from another file, or checked code in an unchecked run.
"""

import errno
import hashlib
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, cast

from matching.errors import BadCache

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_directory() -> Path:
    """Return the directory of compiled kernels for this release, this installation and this mode."""
    root = (
        os.environ.get("VANTAY_CACHE_DIR")
        or os.environ.get("CACHE_DIRECTORY")  # set by systemd
        or str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vantay")
    )
    text = hashlib.sha256(str(Path(__file__).parent).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        text.update(source.read_bytes())
    mode = "checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0") else "plain"
    return Path(root) / f"kernels-{metadata.version('vantay')}-{text.hexdigest()[:12]}-{mode}"


def _made(directory: Path) -> Path:
    """Make the directory and mark it as used (matching.stale_kernels).

    Where numba cannot write it would quietly keep kernels somewhere else.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        os.utime(directory)
    except OSError as error:
        raise BadCache(
            f"compiled kernels cannot be kept in {directory} ({error.strerror}): "
            "set VANTAY_CACHE_DIR to a folder that can be written"
        ) from None
    return directory


JITTED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
if JITTED:
    os.environ["NUMBA_CACHE_DIR"] = str(_made(cache_directory()))

from numba import njit, types  # noqa: E402 - reads NUMBA_CACHE_DIR when it is imported
from numba.extending import intrinsic  # noqa: E402


def kernel(function: Function) -> Function:
    """Compile on first call, kept on disk; releases the GIL; division by zero gives inf or nan."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


def fast_kernel(function: Function) -> Function:
    """Like `kernel`, and floating-point sums may be reordered: never where nan or inf can occur."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy", fastmath=True)(function))


def _count_bits(word: Any) -> int:
    """Return how many bits of an unsigned 64-bit word are 1; numba knows no such function of NumPy's."""
    return int(word).bit_count()


def _emit_count_bits(_typing: Any, _word: Any) -> Any:
    return types.uint64(types.uint64), lambda _context, builder, _signature, words: builder.ctpop(words[0])


count_bits: Any = intrinsic(_emit_count_bits) if JITTED else _count_bits
