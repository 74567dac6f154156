"""`vantay warm`: compile every kernel into the cache so that nothing compiles later; drop the long unused."""

from argparse import ArgumentParser, Namespace
from time import perf_counter, time

from matching.kernels._jit import cache_directory
from matching.stale_kernels import remove_stale


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments: none."""


def run(_: Namespace) -> int:
    """Run every kernel once on a made-up ridge pattern."""
    start = perf_counter()
    from matching.warm import warm

    before = len(list(cache_directory().rglob("*.nbc")))
    warm()
    compiled = len(list(cache_directory().rglob("*.nbc"))) - before
    done = f"compiled {compiled} kernels" if compiled else "every kernel was compiled already"
    print(f"warm: {done}, {perf_counter() - start:.1f} s, cache {cache_directory()}")
    if gone := remove_stale(cache_directory(), time()):
        print(f"warm: removed {len(gone)} directories of kernels that nothing has used for 30 days")
    return 0
